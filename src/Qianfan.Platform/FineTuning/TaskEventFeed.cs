using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;

namespace Qianfan.Platform.FineTuning;

/// <summary>A task's events in order: what is stored, then what is being stored, without gap or duplicate.</summary>
/// <remarks>A follower reads from the database and is only woken by writers. So a slow one delays nobody and nothing piles up.</remarks>
internal sealed class TaskEventFeed(IDbContextFactory<PlatformDbContext> contexts, TaskSignals signals)
{
    private const int MostAtOnce = 500;

    /// <summary>Events after a sequence number, in batches, until the task has ended and all are told.</summary>
    /// <remarks>An empty batch means that nothing happened within <paramref name="idle"/>.</remarks>
    public async IAsyncEnumerable<IReadOnlyList<TaskEventRow>> FollowAsync(
        int taskId, long after, TimeSpan idle, TimeProvider time, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            // First asked to be woken, then read: what is stored in between wakes us.
            var next = signals.Next(taskId);
            var (events, ended) = await ReadAsync(taskId, after, cancellationToken);
            if (events.Count > 0)
            {
                after = events[^1].Sequence;
                yield return events;
                continue;
            }

            if (ended) yield break;
            if (!await HappensAsync(next, idle, time, cancellationToken)) yield return [];
        }
    }

    private static async Task<bool> HappensAsync(Task next, TimeSpan idle, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            await next.WaitAsync(idle, time, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task<(IReadOnlyList<TaskEventRow> Events, bool Ended)> ReadAsync(int taskId, long after, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        // The state is read first: an end that is seen here has its events in what is read next.
        var state = await context.Tasks.AsNoTracking().Where(task => task.Id == taskId).Select(task => (TaskState?)task.State).SingleOrDefaultAsync(cancellationToken);
        var events = await context.TaskEvents.AsNoTracking()
            .Where(entry => entry.TaskId == taskId && entry.Sequence > after)
            .OrderBy(entry => entry.Sequence)
            .Take(MostAtOnce)
            .ToListAsync(cancellationToken);
        return (events, state is null or TaskState.Done or TaskState.Failed or TaskState.Stopped);
    }
}
