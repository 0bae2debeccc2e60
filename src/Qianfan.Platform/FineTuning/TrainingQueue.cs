using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Spending;

namespace Qianfan.Platform.FineTuning;

/// <summary>The tasks that wait, in the order in which they will run: owners in turn, each owner's own tasks first come, first served. Those of an owner with as many running as the quota allows are passed over.</summary>
internal sealed class TrainingQueue(IDbContextFactory<PlatformDbContext> contexts, TaskStore store, RunLimits limits, TimeProvider time) : IDisposable
{
    // Two slots that claim at once would both find that there is room for one more.
    private readonly SemaphoreSlim _claiming = new(1, 1);

    /// <summary>Takes the next task out of the queue; it is then in state running.</summary>
    /// <returns>The task, or null when none waits.</returns>
    public async Task<TaskRow?> ClaimAsync(CancellationToken cancellationToken)
    {
        await _claiming.WaitAsync(cancellationToken);
        try
        {
            return await ClaimFirstAsync(cancellationToken);
        }
        finally
        {
            _claiming.Release();
        }
    }

    public void Dispose() => _claiming.Dispose();

    private async Task<TaskRow?> ClaimFirstAsync(CancellationToken cancellationToken)
    {
        foreach (var (id, ownerId) in await OrderAsync(cancellationToken))
        {
            if (await limits.AreReachedAsync(ownerId, cancellationToken)) continue;
            var claimed = await store.ChangeAsync(id, task =>
            {
                if (task.State != TaskState.Waiting) return null;
                task.State = TaskState.Running;
                task.StartedAt = time.GetUtcNow();
                task.QueuePosition = null;
                return [TaskEvent.Status(task)];
            }, cancellationToken);
            if (claimed is not null) return claimed;
        }

        return null;
    }

    /// <summary>Tells tasks whose place has changed their new one.</summary>
    public async Task RefreshPositionsAsync(CancellationToken cancellationToken)
    {
        var order = await OrderAsync(cancellationToken);
        Dictionary<int, int?> known;
        await using (var context = await contexts.CreateDbContextAsync(cancellationToken))
        {
            known = await context.Tasks.AsNoTracking().Where(task => task.State == TaskState.Waiting)
                .ToDictionaryAsync(task => task.Id, task => task.QueuePosition, cancellationToken);
        }

        for (var i = 0; i < order.Count; i++)
        {
            var position = i + 1;
            if (known.GetValueOrDefault(order[i].Id) == position) continue;
            await store.ChangeAsync(order[i].Id, task =>
            {
                if (task.State != TaskState.Waiting || task.QueuePosition == position) return null;
                task.QueuePosition = position;
                return [TaskEvent.Status(task)];
            }, cancellationToken);
        }
    }

    private async Task<IReadOnlyList<(int Id, string OwnerId)>> OrderAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var waiting = await context.Tasks.AsNoTracking()
            .Where(task => task.State == TaskState.Waiting)
            .Select(task => new { task.Id, task.OwnerId, task.QueuedAt })
            .ToListAsync(cancellationToken);
        if (waiting.Count == 0) return [];
        var owners = waiting.Select(task => task.OwnerId).Distinct().ToList();
        var past = await context.Tasks.AsNoTracking()
            .Where(task => owners.Contains(task.OwnerId) && task.StartedAt != null)
            .GroupBy(task => task.OwnerId)
            .Select(group => new { Owner = group.Key, Last = group.Max(task => task.StartedAt), Running = group.Count(task => task.State == TaskState.Running) })
            .ToDictionaryAsync(group => group.Owner, cancellationToken);

        // An owner's n-th task waits until every other owner had n turns; among equals, whoever ran longest ago comes first.
        return [.. waiting
            .GroupBy(task => task.OwnerId)
            .SelectMany(group => group
                .OrderBy(task => task.QueuedAt).ThenBy(task => task.Id)
                .Select((task, turn) => (task.Id, task.OwnerId, Turn: turn + (past.GetValueOrDefault(group.Key)?.Running ?? 0), past.GetValueOrDefault(group.Key)?.Last, task.QueuedAt)))
            .OrderBy(entry => entry.Turn).ThenBy(entry => entry.Last ?? DateTimeOffset.MinValue).ThenBy(entry => entry.QueuedAt).ThenBy(entry => entry.Id)
            .Select(entry => (entry.Id, entry.OwnerId))];
    }
}
