using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;
using Qianfan.Sdk;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Console;

/// <summary>A question on its way: the client of the service's platform, and what to ask it.</summary>
public sealed record ConsoleCall(QianfanClient Client, ChatCompletionRequest Request)
{
    /// <summary>The text that a service goes on with, which takes no conversation; null for all others.</summary>
    public string? Prompt { get; init; }

    /// <summary>The answer as it comes.</summary>
    public IAsyncEnumerable<ChatCompletionChunk> StreamAsync(CancellationToken cancellationToken) =>
        Prompt is null ? Client.Chat.StreamAsync(Request, cancellationToken) : Client.Completions.StreamAsync(Request.Model, Prompt, Request, cancellationToken);
}

/// <summary>Two texts as vectors.</summary>
/// <param name="Similarity">Cosine of the angle between them, -1 to 1.</param>
/// <param name="Dimensions">Numbers in each vector.</param>
/// <param name="First">The first numbers of the first vector.</param>
/// <param name="Second">The first numbers of the second vector.</param>
/// <param name="Tokens">Tokens of both texts.</param>
public sealed record EmbeddingComparison(double Similarity, int Dimensions, IReadOnlyList<float> First, IReadOnlyList<float> Second, int Tokens);

/// <summary>Asks services for the console, through the SDK like any caller. Thread-safe.</summary>
public sealed class ConsoleService(IDbContextFactory<PortalDbContext> contexts, PlatformClients clients, UserErrorText errors)
{
    private const int MaxMessages = 400;
    private const int MaxCharacters = 400_000;
    private const int PreviewNumbers = 16;

    /// <summary>Finds the service and checks the question; nothing is asked yet.</summary>
    /// <exception cref="NotFoundException">There is no such service, or it is another team's.</exception>
    /// <exception cref="UserErrorException">A parameter is out of its range.</exception>
    public async Task<ConsoleCall> PrepareAsync(Actor actor, Guid projectId, ConsoleRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var (connectionId, model, completes) = await FindAsync(actor, projectId, request.ServiceId, request.Side, cancellationToken);
        if (completes && request.Messages is not null)
            throw new UserErrorException("ServiceOnlyCompletes");
        var messages = Messages(request);
        if (request.Temperature is < 0 or > 2)
            throw new UserErrorException("ParameterRange", "temperature", 0, 2);
        if (request.TopP is <= 0 or > 1)
            throw new UserErrorException("ParameterRange", "top-p", 0, 1);
        if (request.MaxTokens is < 1)
            throw new UserErrorException("ParameterRange", "max tokens", 1, "…");
        return new ConsoleCall(await clients.ForAsync(connectionId, cancellationToken), new ChatCompletionRequest
        {
            Model = model,
            Messages = messages,
            StreamOptions = new ChatStreamOptions { IncludeUsage = true },
            Temperature = request.Temperature,
            TopP = request.TopP,
            MaxCompletionTokens = request.MaxTokens,
            Seed = request.Seed,
        })
        {
            Prompt = completes ? request.Prompt : null,
        };
    }

    /// <summary>Asks, and tells the answer as it comes. Ending the enumeration ends the generation and frees the platform's slot. Errors of the platform come as the last event.</summary>
    public async IAsyncEnumerable<SseItem<ConsoleEvent>> AnswerAsync(ConsoleCall call, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(call);
        string? finishReason = null;
        TokenUsage? usage = null;
        ConsoleEvent? failure = null;
        await using var chunks = call.StreamAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            try
            {
                if (!await chunks.MoveNextAsync())
                    break;
            }
            catch (QianfanException error)
            {
                var known = PlatformErrors.Translate(error);
                failure = new ConsoleEvent { Code = known.Code, Message = errors.Of(known) };
                break;
            }

            var chunk = chunks.Current;
            usage = chunk.Usage ?? usage;
            if (chunk.Choices is [{ FinishReason: { Length: > 0 } reason }, ..])
                finishReason = reason;
            if (chunk.Text.Length > 0)
                yield return new SseItem<ConsoleEvent>(new ConsoleEvent { Text = chunk.Text }, "text");
        }

        yield return failure is not null
            ? new SseItem<ConsoleEvent>(failure, "error")
            : new SseItem<ConsoleEvent>(new ConsoleEvent { FinishReason = finishReason, PromptTokens = usage?.PromptTokens, CompletionTokens = usage?.CompletionTokens }, "done");
    }

    /// <summary>Compares two texts by their embeddings.</summary>
    /// <exception cref="UserErrorException">A text is missing, or the platform refuses.</exception>
    public async Task<EmbeddingComparison> CompareAsync(Actor actor, Guid projectId, Guid serviceId, ConsoleSide side, string first, string second, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(first) || string.IsNullOrWhiteSpace(second))
            throw new UserErrorException("TextsMissing");
        var (connectionId, model, _) = await FindAsync(actor, projectId, serviceId, side, cancellationToken);
        var client = await clients.ForAsync(connectionId, cancellationToken);
        var response = await PlatformErrors.TranslateAsync(() => client.Embeddings.CreateAsync(new EmbeddingRequest { Model = model, Input = [first, second] }, cancellationToken));
        var vectors = response.Data.OrderBy(d => d.Index).Select(d => d.Embedding).ToList();
        return vectors is [{ Count: > 0 } a, { Count: > 0 } b] && a.Count == b.Count
            ? new EmbeddingComparison(Cosine(a, b), a.Count, [.. a.Take(PreviewNumbers)], [.. b.Take(PreviewNumbers)], response.Usage?.PromptTokens ?? 0)
            : throw new UserErrorException("PlatformRefused", "embedding");
    }

    /// <summary>Questions to begin with: the first ones that the service's model was trained on.</summary>
    public async Task<IReadOnlyList<string>> SuggestAsync(Actor actor, Guid projectId, Guid serviceId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var preview = await db.Services.AsNoTracking().VisibleTo(actor)
            .Where(s => s.ProjectId == projectId && s.Id == serviceId)
            .Select(s => db.Runs.Where(r => r.Id == s.ModelVersion.RunId && r.Dataset != null).Select(r => r.Dataset!.PreviewJson).FirstOrDefault())
            .SingleOrDefaultAsync(cancellationToken);
        return preview is null ? [] :
        [
            .. RowSamples.Read<PreviewRow>(preview)
                .Select(r => r.Messages.FirstOrDefault(m => m.Role == "user")?.Content)
                .OfType<string>()
                .Where(q => q.Length <= 120)
                .Distinct()
                .Take(6),
        ];
    }

    private async Task<(Guid ConnectionId, string Model, bool Completes)> FindAsync(Actor actor, Guid projectId, Guid serviceId, ConsoleSide side, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.UseConsole, cancellationToken);
        var service = await db.Services.AsNoTracking().VisibleTo(actor)
            .Where(s => s.ProjectId == projectId && s.Id == serviceId)
            .Select(s => new { s.ConnectionId, s.Connection.Kind, s.Endpoint, s.ServiceType, s.ModelVersion.BaseModel })
            .SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("service");
        var completes = service.ServiceType == nameof(ServiceType.Completion);
        if (side is ConsoleSide.Tuned)
            return (service.ConnectionId, service.Endpoint, completes);
        return service.Kind is ConnectionKind.Cloud || service.BaseModel.Length == 0
            ? throw new UserErrorException("BaseNotServed")
            : (service.ConnectionId, service.BaseModel, completes);
    }

    private static List<ChatMessage> Messages(ConsoleRequest request)
    {
        IReadOnlyList<ConsoleMessage> turns = request.Prompt is { Length: > 0 } prompt ? [new ConsoleMessage("user", prompt)] : request.Messages ?? [];
        if (turns.Count is 0 or > MaxMessages || turns.Sum(m => (long)(m.Content?.Length ?? 0)) > MaxCharacters)
            throw new UserErrorException(turns.Count == 0 ? "QuestionMissing" : "ConversationTooLong");
        if (turns.Any(m => m.Role is not ("user" or "assistant")) || turns[^1] is not { Role: "user", Content: { } question } || string.IsNullOrWhiteSpace(question))
            throw new UserErrorException("QuestionMissing");

        List<ChatMessage> messages = [.. turns.Select(m => new ChatMessage { Role = m.Role, Content = m.Content })];
        if (!string.IsNullOrWhiteSpace(request.System))
            messages.Insert(0, ChatMessage.System(request.System.Trim()));
        return messages;
    }

    private static double Cosine(IReadOnlyList<float> a, IReadOnlyList<float> b)
    {
        double dot = 0, lengthA = 0, lengthB = 0;
        for (var i = 0; i < a.Count; i++)
        {
            dot += (double)a[i] * b[i];
            lengthA += (double)a[i] * a[i];
            lengthB += (double)b[i] * b[i];
        }

        return lengthA == 0 || lengthB == 0 ? 0 : dot / Math.Sqrt(lengthA * lengthB);
    }
}
