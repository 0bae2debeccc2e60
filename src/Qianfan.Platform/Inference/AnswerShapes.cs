using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>Qianfan V2 chat.</summary>
internal sealed class ChatShape(string model, long created, bool includeUsage, ApiFamily family) : AnswerShape
{
    private readonly string _id = PublicId.Answer("as-");

    public override bool EndsWithDone => true;

    public override object Whole(IReadOnlyList<Choice> choices) => new ChatCompletion
    {
        Id = _id,
        Object = "chat.completion",
        Created = created,
        Model = model,
        Choices = [.. choices.Select((choice, index) => new ChatChoice { Index = index, Message = ChatMessage.Assistant(choice.Text), FinishReason = choice.Last.FinishReason, NeedClearHistory = false })],
        Usage = Usage([.. choices.Select(choice => choice.Last)]),
    };

    public override IEnumerable<object> Chunk(int choice, int count, DecodedSlot slot, IReadOnlyList<ShownToken> tokens)
    {
        if (count == 0) yield return Chunk(choice, new ChatDelta { Role = "assistant", Content = "" }, null);
        if (slot.Text.Length > 0) yield return Chunk(choice, new ChatDelta { Content = slot.Text }, null);
        if (slot.FinishReason is { } reason) yield return Chunk(choice, new ChatDelta(), reason);
    }

    public override IEnumerable<object> Trailer(IReadOnlyList<DecodedSlot> lasts) =>
        includeUsage ? [new ChatCompletionChunk { Id = _id, Object = "chat.completion.chunk", Created = created, Model = model, Usage = Usage(lasts) }] : [];

    public override object Error(PlatformException error) => family.ErrorBody(error);

    private ChatCompletionChunk Chunk(int choice, ChatDelta delta, string? finishReason) => new()
    {
        Id = _id,
        Object = "chat.completion.chunk",
        Created = created,
        Model = model,
        Choices = [new ChatChunkChoice { Index = choice, Delta = delta, FinishReason = finishReason }],
    };
}

/// <summary>OpenAI chat: members without a value stand there as null, and every chunk has a usage when the last one is to.</summary>
/// <param name="model">As the caller names it.</param>
/// <param name="created">Unix seconds.</param>
/// <param name="includeUsage">Whether a stream ends with the usage.</param>
/// <param name="tells">Whether the tokens' log-probabilities are told.</param>
internal sealed class OpenAIChatShape(string model, long created, bool includeUsage, bool tells) : AnswerShape
{
    private readonly string _id = PublicId.Answer("chatcmpl-");

    public override System.Text.Json.JsonSerializerOptions Json => PlatformJson.Options;

    public override bool EndsWithDone => true;

    public override object Whole(IReadOnlyList<Choice> choices) => new
    {
        id = _id,
        @object = "chat.completion",
        created,
        model,
        choices = choices.Select((choice, index) => new
        {
            index,
            message = new { role = "assistant", content = choice.Text, refusal = (string?)null, annotations = Array.Empty<object>() },
            logprobs = tells ? LogProbabilities.Chat(choice.Tokens) : null,
            finish_reason = choice.Last.FinishReason,
        }),
        usage = Usage([.. choices.Select(choice => choice.Last)]),
        service_tier = "default",
        system_fingerprint = (string?)null,
    };

    public override IEnumerable<object> Chunk(int choice, int count, DecodedSlot slot, IReadOnlyList<ShownToken> tokens)
    {
        if (count == 0) yield return Chunk(choice, new { role = "assistant", content = "", refusal = (string?)null }, [], null);
        if (slot.Text.Length > 0) yield return Chunk(choice, new { content = slot.Text }, tokens, null);
        if (slot.FinishReason is { } reason) yield return Chunk(choice, new { }, null, reason);
    }

    public override IEnumerable<object> Trailer(IReadOnlyList<DecodedSlot> lasts) => includeUsage ? [Chunk([], Usage(lasts))] : [];

    public override object Error(PlatformException error) => ApiFamilies.OpenAI.ErrorBody(error);

    private object Chunk(int choice, object delta, IReadOnlyList<ShownToken>? tokens, string? finishReason) =>
        Chunk([new { index = choice, delta, logprobs = tells && tokens is not null ? LogProbabilities.Chat(tokens) : null, finish_reason = finishReason }], null);

    private object Chunk(object[] choices, TokenUsage? usage) => includeUsage
        ? new { id = _id, @object = "chat.completion.chunk", created, model, system_fingerprint = (string?)null, choices, usage }
        : new { id = _id, @object = "chat.completion.chunk", created, model, system_fingerprint = (string?)null, choices };
}

/// <summary>V2 and OpenAI completions.</summary>
/// <param name="prefix">Of the answer's id.</param>
/// <param name="model">As the caller names it.</param>
/// <param name="created">Unix seconds.</param>
/// <param name="includeUsage">Whether a stream ends with the usage.</param>
/// <param name="echoes">The prompts, where each answer is to begin with its own.</param>
/// <param name="tells">Whether the tokens' log-probabilities are told.</param>
/// <param name="family">The API.</param>
internal sealed class CompletionShape(string prefix, string model, long created, bool includeUsage, IReadOnlyList<string> echoes, bool tells, ApiFamily family) : AnswerShape
{
    private readonly string _id = PublicId.Answer(prefix);

    public override System.Text.Json.JsonSerializerOptions Json => PlatformJson.Options;

    public override bool EndsWithDone => true;

    public override object Whole(IReadOnlyList<Choice> choices) => new
    {
        id = _id,
        @object = "text_completion",
        created,
        model,
        choices = choices.Select((choice, index) => Entry(index, Echo(index) + choice.Text, choice.Tokens, choice.Last.FinishReason)),
        usage = Usage([.. choices.Select(choice => choice.Last)]),
    };

    public override IEnumerable<object> Chunk(int choice, int count, DecodedSlot slot, IReadOnlyList<ShownToken> tokens) =>
        [Chunk([Entry(choice, (count == 0 ? Echo(choice) : "") + slot.Text, tokens, slot.FinishReason)], null)];

    public override IEnumerable<object> Trailer(IReadOnlyList<DecodedSlot> lasts) => includeUsage ? [Chunk([], Usage(lasts))] : [];

    public override object Error(PlatformException error) => family.ErrorBody(error);

    private object Entry(int index, string text, IReadOnlyList<ShownToken> tokens, string? finishReason) =>
        new { index, text, logprobs = tells ? LogProbabilities.Completion(tokens) : null, finish_reason = finishReason };

    private string Echo(int choice) => echoes.Count == 0 ? "" : echoes[choice / AnswersPerPrompt];

    private object Chunk(object[] choices, TokenUsage? usage) => includeUsage
        ? new { id = _id, @object = "text_completion", created, model, choices, usage }
        : new { id = _id, @object = "text_completion", created, model, choices };
}

/// <summary>V1 chat and completions: <c>result</c>, <c>sentence_id</c>, <c>is_end</c>, and no <c>[DONE]</c>.</summary>
internal sealed class V1Shape(string kind, long created, ApiFamily family) : AnswerShape
{
    private readonly string _id = PublicId.Answer("as-");

    public override bool EndsWithDone => false;

    public override object Whole(IReadOnlyList<Choice> choices)
    {
        var last = choices[0].Last;
        return new
        {
            id = _id,
            @object = kind,
            created,
            result = choices[0].Text,
            is_truncated = last.FinishReason == "length",
            need_clear_history = false,
            is_safe = 1,
            finish_reason = Reason(last),
            usage = Usage(last),
        };
    }

    public override IEnumerable<object> Chunk(int choice, int count, DecodedSlot slot, IReadOnlyList<ShownToken> tokens) =>
    [
        new
        {
            id = _id,
            @object = kind,
            created,
            sentence_id = count,
            is_end = slot.FinishReason is not null,
            is_truncated = slot.FinishReason == "length",
            result = slot.Text,
            need_clear_history = false,
            is_safe = 1,
            finish_reason = slot.FinishReason is null ? null : Reason(slot),
            usage = Usage(slot),
        },
    ];

    public override object Error(PlatformException error) => family.ErrorBody(error);

    // V1's words for the reasons.
    private static string Reason(DecodedSlot slot) => slot.FinishReason == "stop" ? "normal" : slot.FinishReason!;
}
