using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>New text of one of the answers to a request.</summary>
/// <param name="Index">The answer, from 0.</param>
/// <param name="Slot">What it gained.</param>
internal readonly record struct ChoiceStep(int Index, DecodedSlot Slot);

/// <summary>A whole answer.</summary>
/// <param name="Text">All of its text.</param>
/// <param name="Last">The worker's last word on it.</param>
internal sealed record Choice(string Text, DecodedSlot Last);

/// <summary>How one API writes an answer: whole, or in chunks.</summary>
internal abstract class AnswerShape
{
    /// <summary>How its objects are written.</summary>
    public virtual JsonSerializerOptions Json => PlatformJson.Sparse;

    /// <summary>How many answers one prompt gets; a prompt's tokens count once.</summary>
    public int AnswersPerPrompt { get; init; } = 1;

    /// <summary>The whole answer.</summary>
    public abstract object Whole(IReadOnlyList<Choice> choices);

    /// <summary>A chunk with new text of one choice, counted from 0; the last one has a finish reason.</summary>
    public abstract IEnumerable<object> Chunk(int choice, int count, string text, DecodedSlot slot);

    /// <summary>What follows the last chunk.</summary>
    public virtual IEnumerable<object> Trailer(IReadOnlyList<DecodedSlot> lasts) => [];

    /// <summary>Whether the stream ends with <c>[DONE]</c>.</summary>
    public abstract bool EndsWithDone { get; }

    /// <summary>An error in a stream that has begun.</summary>
    public abstract object Error(PlatformException error);

    /// <summary>Tells a call what its answers have used so far; some may have not begun.</summary>
    public void Tell(InferenceCall call, IReadOnlyList<DecodedSlot?> lasts)
    {
        var prompts = lasts.Chunk(AnswersPerPrompt).Select(answers => answers.FirstOrDefault(answer => answer is not null)).OfType<DecodedSlot>().ToList();
        call.Use(prompts.Sum(slot => (long)slot.PromptTokens), lasts.Sum(slot => (long)(slot?.CompletionTokens ?? 0)), prompts.Sum(slot => (long)(slot.CachedTokens ?? 0)));
    }

    protected static TokenUsage Usage(DecodedSlot slot) => new() { PromptTokens = slot.PromptTokens, CompletionTokens = slot.CompletionTokens, TotalTokens = slot.PromptTokens + slot.CompletionTokens };

    protected TokenUsage Usage(IReadOnlyList<DecodedSlot> lasts)
    {
        var prompt = lasts.Where((_, index) => index % AnswersPerPrompt == 0).Sum(slot => slot.PromptTokens);
        var completion = lasts.Sum(slot => slot.CompletionTokens);
        return new TokenUsage { PromptTokens = prompt, CompletionTokens = completion, TotalTokens = prompt + completion };
    }
}

/// <summary>Answers generation requests.</summary>
internal static class Generation
{
    /// <summary>Generates and writes the answer. When the client goes away, generation stops.</summary>
    /// <param name="context">The request.</param>
    /// <param name="answers">One for each choice.</param>
    /// <param name="shape">How the API writes it.</param>
    /// <param name="stream">Whether text is sent as it comes.</param>
    /// <param name="call">Told what was used.</param>
    public static async Task AnswerAsync(HttpContext context, IReadOnlyList<IAsyncEnumerable<DecodedSlot>> answers, AnswerShape shape, bool stream, InferenceCall call)
    {
        // An error before the first token is an answer with a status, also where a stream was asked for.
        await using var source = TogetherAsync(answers, context.RequestAborted).GetAsyncEnumerator(context.RequestAborted);
        if (!await source.MoveNextAsync()) throw new PlatformException(PlatformError.Internal, "The worker gave no answer");
        call.FirstToken();
        var lasts = new DecodedSlot[answers.Count];
        try
        {
            if (stream) await StreamAsync(context, source, lasts, shape, call);
            else await WholeAsync(context, source, lasts, shape);
        }
        finally
        {
            shape.Tell(call, lasts);
        }
    }

    private static async Task WholeAsync(HttpContext context, IAsyncEnumerator<ChoiceStep> source, DecodedSlot[] lasts, AnswerShape shape)
    {
        var texts = lasts.Select(_ => new StringBuilder()).ToArray();
        do
        {
            var (index, slot) = source.Current;
            texts[index].Append(slot.Text);
            lasts[index] = slot;
        }
        while (await source.MoveNextAsync());
        await PlatformJson.WriteAsync(context, 200, shape.Whole([.. texts.Zip(lasts, (text, last) => new Choice(text.ToString(), last))]), shape.Json);
    }

    private static async Task StreamAsync(HttpContext context, IAsyncEnumerator<ChoiceStep> source, DecodedSlot[] lasts, AnswerShape shape, InferenceCall call)
    {
        var stream = new EventStream(context);
        await stream.StartAsync();
        var chunks = new int[lasts.Length];
        try
        {
            do
            {
                var (index, slot) = source.Current;
                lasts[index] = slot;
                // A step that completed no character has nothing to say.
                if (slot.Text.Length == 0 && slot.FinishReason is null) continue;
                foreach (var chunk in shape.Chunk(index, chunks[index]++, slot.Text, slot)) Write(stream, chunk, shape);
                await stream.FlushAsync(context.RequestAborted);
            }
            while (await source.MoveNextAsync());

            foreach (var chunk in shape.Trailer(lasts)) Write(stream, chunk, shape);
            if (shape.EndsWithDone) stream.Data("[DONE]");
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !context.RequestAborted.IsCancellationRequested)
        {
            var logger = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger<AnswerShape>();
            var error = ApiErrors.Explain(exception, context, logger);
            call.Fail(error);
            Write(stream, shape.Error(error), shape);
        }

        await stream.FlushAsync(context.RequestAborted);
    }

    private static void Write(EventStream stream, object chunk, AnswerShape shape) => stream.Data(JsonSerializer.Serialize(chunk, chunk.GetType(), shape.Json));

    /// <summary>All answers as one sequence; each goes at its own pace, and the first error ends all.</summary>
    private static async IAsyncEnumerable<ChoiceStep> TogetherAsync(IReadOnlyList<IAsyncEnumerable<DecodedSlot>> answers, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (answers.Count == 1)
        {
            await foreach (var slot in answers[0].WithCancellation(cancellationToken)) yield return new ChoiceStep(0, slot);
            yield break;
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var steps = Channel.CreateBounded<ChoiceStep>(new BoundedChannelOptions(answers.Count * 4) { SingleReader = true });
        var pumps = Task.WhenAll(answers.Select((answer, index) => PumpAsync(answer, index, steps.Writer, ending)));
        try
        {
            var closing = pumps.ContinueWith(done => steps.Writer.TryComplete(done.Exception?.InnerException), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            await foreach (var step in steps.Reader.ReadAllAsync(cancellationToken)) yield return step;
            await closing;
        }
        finally
        {
            await ending.CancelAsync();
            await ((Task)pumps).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task PumpAsync(IAsyncEnumerable<DecodedSlot> answer, int index, ChannelWriter<ChoiceStep> steps, CancellationTokenSource ending)
    {
        try
        {
            await foreach (var slot in answer.WithCancellation(ending.Token)) await steps.WriteAsync(new ChoiceStep(index, slot), ending.Token);
        }
        catch (Exception exception) when (!ending.IsCancellationRequested)
        {
            steps.TryComplete(exception);
            await ending.CancelAsync();
            throw;
        }
    }
}
