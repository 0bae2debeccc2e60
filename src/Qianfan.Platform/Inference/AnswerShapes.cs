using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>V2 and OpenAI chat.</summary>
internal sealed class ChatShape(string prefix, string model, long created, bool includeUsage, ApiFamily family) : AnswerShape
{
    private readonly string _id = PublicId.Answer(prefix);

    public override bool EndsWithDone => true;

    public override object Whole(string text, DecodedSlot last) => new ChatCompletion
    {
        Id = _id,
        Object = "chat.completion",
        Created = created,
        Model = model,
        Choices = [new ChatChoice { Index = 0, Message = ChatMessage.Assistant(text), FinishReason = last.FinishReason, NeedClearHistory = false }],
        Usage = Usage(last),
    };

    public override IEnumerable<object> Chunk(int index, string text, DecodedSlot slot)
    {
        if (index == 0) yield return Chunk(new ChatDelta { Role = "assistant", Content = "" }, null);
        if (text.Length > 0) yield return Chunk(new ChatDelta { Content = text }, null);
        if (slot.FinishReason is { } reason) yield return Chunk(new ChatDelta(), reason);
    }

    public override IEnumerable<object> Trailer(DecodedSlot last) =>
        includeUsage ? [new ChatCompletionChunk { Id = _id, Object = "chat.completion.chunk", Created = created, Model = model, Usage = Usage(last) }] : [];

    public override object Error(PlatformException error) => family.ErrorBody(error);

    private ChatCompletionChunk Chunk(ChatDelta delta, string? finishReason) => new()
    {
        Id = _id,
        Object = "chat.completion.chunk",
        Created = created,
        Model = model,
        Choices = [new ChatChunkChoice { Index = 0, Delta = delta, FinishReason = finishReason }],
    };
}

/// <summary>V2 and OpenAI completions.</summary>
internal sealed class CompletionShape(string prefix, string model, long created, bool includeUsage, ApiFamily family) : AnswerShape
{
    private readonly string _id = PublicId.Answer(prefix);

    public override bool EndsWithDone => true;

    public override object Whole(string text, DecodedSlot last) => Answer(text, last.FinishReason, Usage(last));

    public override IEnumerable<object> Chunk(int index, string text, DecodedSlot slot) => [Answer(text, slot.FinishReason, null)];

    public override IEnumerable<object> Trailer(DecodedSlot last) =>
        includeUsage ? [new { id = _id, @object = "text_completion", created, model, choices = Array.Empty<object>(), usage = Usage(last) }] : [];

    public override object Error(PlatformException error) => family.ErrorBody(error);

    private object Answer(string text, string? finishReason, TokenUsage? usage) => new
    {
        id = _id,
        @object = "text_completion",
        created,
        model,
        choices = new[] { new { index = 0, text, finish_reason = finishReason } },
        usage,
    };
}

/// <summary>V1 chat and completions: <c>result</c>, <c>sentence_id</c>, <c>is_end</c>, and no <c>[DONE]</c>.</summary>
internal sealed class V1Shape(string kind, long created, ApiFamily family) : AnswerShape
{
    private readonly string _id = PublicId.Answer("as-");

    public override bool EndsWithDone => false;

    public override object Whole(string text, DecodedSlot last) => new
    {
        id = _id,
        @object = kind,
        created,
        result = text,
        is_truncated = last.FinishReason == "length",
        need_clear_history = false,
        is_safe = 1,
        finish_reason = Reason(last),
        usage = Usage(last),
    };

    public override IEnumerable<object> Chunk(int index, string text, DecodedSlot slot) =>
    [
        new
        {
            id = _id,
            @object = kind,
            created,
            sentence_id = index,
            is_end = slot.FinishReason is not null,
            is_truncated = slot.FinishReason == "length",
            result = text,
            need_clear_history = false,
            finish_reason = slot.FinishReason is null ? null : Reason(slot),
            usage = Usage(slot),
        },
    ];

    public override object Error(PlatformException error) => family.ErrorBody(error);

    // V1's words for the reasons.
    private static string Reason(DecodedSlot slot) => slot.FinishReason == "stop" ? "normal" : slot.FinishReason!;
}
