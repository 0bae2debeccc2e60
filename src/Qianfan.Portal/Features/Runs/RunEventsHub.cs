using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.SignalR;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Pushes run events to browsers. A stream for each watched run: its order, its end and what a slow browser holds up are its own, not a group's.</summary>
[Authorize]
public sealed class RunEventsHub(RunEventFeed feed, IDbContextFactory<PortalDbContext> contexts, TimeProvider time) : Hub
{
    /// <summary>Where the hub is.</summary>
    public const string Path = "/hubs/runs";

    // A page watches one run. More than a few on one connection is no page.
    private const int MostStreams = 16;
    private static readonly TimeSpan AccessInterval = TimeSpan.FromSeconds(30);

    /// <summary>Events of a run after a sequence, in arrays and without end: cancel the stream to leave. After a lost connection, call again with the last sequence.</summary>
    /// <param name="runId">The run.</param>
    /// <param name="afterSequence">The last sequence that the caller has; 0 for none.</param>
    /// <param name="cancellationToken">Cancelled when the stream or the connection is.</param>
    /// <exception cref="HubException"><c>NotFound</c>: there is no such run, or it is another team's, or the membership was revoked. <c>TooManyStreams</c>.</exception>
    public async IAsyncEnumerable<IReadOnlyList<RunEventMessage>> Watch(Guid runId, long afterSequence, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var actor = Context.User is { } user ? Actor.From(user) : null;
        if (actor is null)
            throw new HubException("NotFound");
        using var slot = StreamSlot.Take(Context.Items) ?? throw new HubException("TooManyStreams");
        await RequireAccessAsync(actor, runId, cancellationToken);
        var checkedAt = time.GetTimestamp();
        await foreach (var events in feed.ReadAsync(runId, Math.Max(0, afterSequence), cancellationToken))
        {
            if (time.GetElapsedTime(checkedAt) >= AccessInterval)
            {
                await RequireAccessAsync(actor, runId, cancellationToken);
                checkedAt = time.GetTimestamp();
            }

            yield return events;
        }
    }

    private async Task RequireAccessAsync(Actor actor, Guid runId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (!await db.Runs.VisibleTo(actor).AnyAsync(r => r.Id == runId, cancellationToken))
            throw new HubException("NotFound");
    }

    /// <summary>Counts the streams of a connection.</summary>
    private sealed class StreamSlot : IDisposable
    {
        private static readonly object Key = new();
        private readonly Counter _counter;

        private StreamSlot(Counter counter) => _counter = counter;

        public static StreamSlot? Take(IDictionary<object, object?> items)
        {
            Counter counter;
            lock (items)
            {
                if (!items.TryGetValue(Key, out var found))
                    items[Key] = found = new Counter();
                counter = (Counter)found!;
            }

            if (Interlocked.Increment(ref counter.Value) <= MostStreams)
                return new StreamSlot(counter);
            Interlocked.Decrement(ref counter.Value);
            return null;
        }

        public void Dispose() => Interlocked.Decrement(ref _counter.Value);

        private sealed class Counter
        {
            public int Value;
        }
    }
}
