using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Runs;

/// <summary>The run's events for whoever speaks no SignalR: the same feed as server-sent events.</summary>
internal static class RunsApi
{
    public static void MapRunsApi(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/projects/{projectId:guid}/runs/{runId:guid}/events", Events).RequireAuthorization();

    private static async Task<Results<ServerSentEventsResult<IReadOnlyList<RunEventMessage>>, NotFound>> Events(
        Guid projectId,
        Guid runId,
        long? after,
        HttpContext http,
        RunEventFeed feed,
        IDbContextFactory<PortalDbContext> contexts,
        CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (Actor.From(http.User) is not { } actor || !await db.Runs.VisibleTo(actor).AnyAsync(r => r.Id == runId && r.ProjectId == projectId, cancellationToken))
            return TypedResults.NotFound();
        // A browser that reconnects tells the id of the last event that it got.
        var last = long.TryParse(http.Request.Headers["Last-Event-ID"], out var id) ? id : after ?? 0;
        return TypedResults.ServerSentEvents(Stream(feed, runId, Math.Max(0, last), cancellationToken));
    }

    private static async IAsyncEnumerable<SseItem<IReadOnlyList<RunEventMessage>>> Stream(RunEventFeed feed, Guid runId, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var events in feed.ReadAsync(runId, after, cancellationToken))
            yield return new SseItem<IReadOnlyList<RunEventMessage>>(events, "events") { EventId = events[^1].Sequence.ToString(System.Globalization.CultureInfo.InvariantCulture) };
    }
}
