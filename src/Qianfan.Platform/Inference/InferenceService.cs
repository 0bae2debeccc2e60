using System.Runtime.CompilerServices;
using System.Text;
using Qianfan.Platform.Http;
using Qianfan.Platform.Services;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>Has the serving worker generate and embed.</summary>
internal sealed class InferenceService(ModelRouter router, ServingWorker worker)
{
    /// <summary>Who a caller means.</summary>
    /// <exception cref="PlatformException">There is none of this name, or it isn't ready.</exception>
    public Task<Callee> FindAsync(string ownerId, string? model, CancellationToken cancellationToken) => router.FindAsync(ownerId, model, cancellationToken);

    /// <summary>Text as it is generated. Nothing runs until it is enumerated, and no longer than that.</summary>
    public async IAsyncEnumerable<DecodedSlot> GenerateAsync(ModelSpec model, GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var session = await LoadedAsync(model, cancellationToken);
        var slots = session.GenerateAsync(id => new Generate(id, model.Key, request.Messages, request.Prompt, request.Sampling), cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (slots)
        {
            while (await NextAsync(slots)) yield return slots.Current;
        }
    }

    /// <summary>A vector for each text.</summary>
    public async Task<Embedded> EmbedAsync(ModelSpec model, IReadOnlyList<string> inputs, CancellationToken cancellationToken)
    {
        var session = await LoadedAsync(model, cancellationToken);
        try
        {
            return await session.EmbedAsync(model.Key, inputs, cancellationToken);
        }
        catch (WorkerRequestException exception)
        {
            throw exception.ToPlatform();
        }
    }

    private async Task<ServingSession> LoadedAsync(ModelSpec model, CancellationToken cancellationToken)
    {
        var session = await worker.SessionAsync(cancellationToken);
        try
        {
            await session.LoadAsync(model, cancellationToken);
            return session;
        }
        catch (WorkerRequestException exception)
        {
            throw exception.ToPlatform();
        }
    }

    private static async ValueTask<bool> NextAsync(IAsyncEnumerator<DecodedSlot> slots)
    {
        try
        {
            return await slots.MoveNextAsync();
        }
        catch (WorkerRequestException exception)
        {
            throw exception.ToPlatform();
        }
    }
}

/// <summary>What to generate.</summary>
/// <param name="Model">As the caller names it.</param>
/// <param name="Messages">A conversation, or null.</param>
/// <param name="Prompt">Text to go on from, or null.</param>
/// <param name="Sampling">How.</param>
internal sealed record GenerationRequest(string? Model, IReadOnlyList<ChatTurn>? Messages, string? Prompt, SamplingConfig Sampling)
{
    // A token holds a byte or more; what marks the ends of texts and whose they are comes on top.
    private const int TemplateTokens = 8;

    /// <summary>Most tokens that the prompt can have.</summary>
    public long MostPromptTokens => Prompt is not null ? MostTokens(Prompt) : Messages!.Sum(message => MostTokens(message.Content)) + TemplateTokens;

    /// <summary>The same for another answer: with a seed, each answer has its own.</summary>
    public GenerationRequest Again(int index) => index > 0 && Sampling.Seed is { } seed ? this with { Sampling = Sampling with { Seed = unchecked(seed + index) } } : this;

    /// <summary>Most tokens that a text can have.</summary>
    public static long MostTokens(string text) => Encoding.UTF8.GetByteCount(text) + TemplateTokens;
}
