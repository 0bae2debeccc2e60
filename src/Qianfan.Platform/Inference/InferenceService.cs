using System.Runtime.CompilerServices;
using System.Text;
using Qianfan.Platform.Http;
using Qianfan.Platform.Services;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>Has the serving worker generate and embed.</summary>
internal sealed class InferenceService(ModelRouter router, ServingWorker worker, DecodingSlots decoding)
{
    /// <summary>Who a caller means.</summary>
    /// <param name="ownerId">Who calls.</param>
    /// <param name="model">As the caller names it.</param>
    /// <param name="kind">What is asked for; null for what any model can.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="PlatformException">There is none of this name, it isn't ready, or it doesn't answer such requests.</exception>
    public Task<Callee> FindAsync(string ownerId, string? model, ServiceKind? kind, CancellationToken cancellationToken) => router.FindAsync(ownerId, model, kind, cancellationToken);

    /// <summary>Text as it is generated. Nothing runs until it is enumerated, and no longer than that.</summary>
    public async IAsyncEnumerable<DecodedSlot> GenerateAsync(Callee callee, GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var place = await EnterAsync(callee, cancellationToken);
        var slots = place.Session.GenerateAsync(id => new Generate(id, callee.Model.Key, request.Messages, request.Prompt, request.Sampling), cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (slots)
        {
            while (await NextAsync(slots)) yield return slots.Current;
        }
    }

    /// <summary>A vector for each text.</summary>
    public async Task<Embedded> EmbedAsync(Callee callee, IReadOnlyList<string> inputs, CancellationToken cancellationToken)
    {
        using var place = await EnterAsync(callee, cancellationToken);
        try
        {
            return await place.Session.EmbedAsync(callee.Model.Key, inputs, cancellationToken);
        }
        catch (WorkerRequestException exception)
        {
            throw exception.ToPlatform();
        }
    }

    /// <summary>Waits until the model is in memory and one of the service's slots is free; both are kept until this is disposed.</summary>
    private async Task<Place> EnterAsync(Callee callee, CancellationToken cancellationToken)
    {
        while (true)
        {
            var session = await worker.SessionAsync(cancellationToken);
            IDisposable? model = null;
            try
            {
                // The model first: who waits for it to be loaded keeps no slot from others.
                model = await session.Models.UseAsync(callee.Model, cancellationToken);
                var slot = await decoding.EnterAsync(callee.Lane, callee.Slots, cancellationToken);
                if (!session.Ended.IsCompleted)
                {
                    var place = new Place(session, model, slot);
                    model = null;
                    return place;
                }

                // The worker ended while this request waited. Nothing of it was begun, so its successor can take it.
                slot.Dispose();
            }
            catch (WorkerRequestException exception)
            {
                throw exception.ToPlatform();
            }
            finally
            {
                model?.Dispose();
            }
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

/// <summary>What a request has while it is worked on.</summary>
internal sealed record Place(ServingSession Session, IDisposable Model, IDisposable Slot) : IDisposable
{
    public void Dispose()
    {
        Slot.Dispose();
        Model.Dispose();
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

    /// <summary>What a service must be to answer it.</summary>
    public ServiceKind Kind => Messages is null ? ServiceKind.Completions : ServiceKind.Chat;

    /// <summary>The same for another answer: with a seed, each answer has its own.</summary>
    public GenerationRequest Again(int index) => index > 0 && Sampling.Seed is { } seed ? this with { Sampling = Sampling with { Seed = unchecked(seed + index) } } : this;

    /// <summary>Most tokens that a text can have.</summary>
    public static long MostTokens(string text) => Encoding.UTF8.GetByteCount(text) + TemplateTokens;
}
