using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>How one API writes an answer: whole, or in chunks.</summary>
internal abstract class AnswerShape
{
    /// <summary>The whole answer.</summary>
    public abstract object Whole(string text, DecodedSlot last);

    /// <summary>A chunk with new text; the last one has a finish reason.</summary>
    public abstract IEnumerable<object> Chunk(int index, string text, DecodedSlot slot);

    /// <summary>What follows the last chunk.</summary>
    public virtual IEnumerable<object> Trailer(DecodedSlot last) => [];

    /// <summary>Whether the stream ends with <c>[DONE]</c>.</summary>
    public abstract bool EndsWithDone { get; }

    /// <summary>An error in a stream that has begun.</summary>
    public abstract object Error(PlatformException error);

    protected static TokenUsage Usage(DecodedSlot slot) => new() { PromptTokens = slot.PromptTokens, CompletionTokens = slot.CompletionTokens, TotalTokens = slot.PromptTokens + slot.CompletionTokens };
}

/// <summary>Answers a generation request.</summary>
internal static class Generation
{
    /// <summary>Generates and writes the answer. When the client goes away, generation stops.</summary>
    public static async Task AnswerAsync(HttpContext context, IAsyncEnumerable<DecodedSlot> slots, AnswerShape shape, bool stream)
    {
        // An error before the first token is an answer with a status, also where a stream was asked for.
        await using var source = slots.GetAsyncEnumerator(context.RequestAborted);
        var any = await source.MoveNextAsync();
        if (!any) throw new PlatformException(PlatformError.Internal, "The worker gave no answer");
        if (stream) await StreamAsync(context, source, shape);
        else await WholeAsync(context, source, shape);
    }

    private static async Task WholeAsync(HttpContext context, IAsyncEnumerator<DecodedSlot> source, AnswerShape shape)
    {
        var text = new StringBuilder();
        var last = source.Current;
        do
        {
            last = source.Current;
            text.Append(last.Text);
        }
        while (await source.MoveNextAsync());
        await PlatformJson.WriteAsync(context, 200, shape.Whole(text.ToString(), last), PlatformJson.Sparse);
    }

    private static async Task StreamAsync(HttpContext context, IAsyncEnumerator<DecodedSlot> source, AnswerShape shape)
    {
        var stream = new EventStream(context);
        await stream.StartAsync();
        var index = 0;
        var last = source.Current;
        try
        {
            do
            {
                last = source.Current;
                // A step that completed no character has nothing to say.
                if (last.Text.Length == 0 && last.FinishReason is null) continue;
                foreach (var chunk in shape.Chunk(index, last.Text, last)) stream.Data(JsonSerializer.Serialize(chunk, chunk.GetType(), PlatformJson.Sparse));
                index++;
                await stream.FlushAsync(context.RequestAborted);
            }
            while (await source.MoveNextAsync());

            foreach (var chunk in shape.Trailer(last)) stream.Data(JsonSerializer.Serialize(chunk, chunk.GetType(), PlatformJson.Sparse));
            if (shape.EndsWithDone) stream.Data("[DONE]");
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !context.RequestAborted.IsCancellationRequested)
        {
            var logger = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger<AnswerShape>();
            var error = shape.Error(ApiErrors.Explain(exception, context, logger));
            stream.Data(JsonSerializer.Serialize(error, error.GetType(), PlatformJson.Sparse));
        }

        await stream.FlushAsync(context.RequestAborted);
    }
}
