using System.Runtime.CompilerServices;
using Qianfan.Platform.Services;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>Has the serving worker generate and embed.</summary>
internal sealed class InferenceService(ModelRouter router, ServingWorker worker)
{
    /// <summary>Text as it is generated. Nothing runs until it is enumerated, and no longer than that.</summary>
    public async IAsyncEnumerable<DecodedSlot> GenerateAsync(string ownerId, GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var model = await router.FindAsync(ownerId, request.Model, cancellationToken);
        var session = await LoadedAsync(model, cancellationToken);
        var slots = session.GenerateAsync(id => new Generate(id, model.Key, request.Messages, request.Prompt, request.Sampling), cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (slots)
        {
            while (await NextAsync(slots)) yield return slots.Current;
        }
    }

    /// <summary>A vector for each text.</summary>
    public async Task<Embedded> EmbedAsync(string ownerId, string? modelName, IReadOnlyList<string> inputs, CancellationToken cancellationToken)
    {
        var model = await router.FindAsync(ownerId, modelName, cancellationToken);
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
    /// <summary>The same for another answer: with a seed, each answer has its own.</summary>
    public GenerationRequest Again(int index) => index > 0 && Sampling.Seed is { } seed ? this with { Sampling = Sampling with { Seed = unchecked(seed + index) } } : this;
}
