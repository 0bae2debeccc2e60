using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Spending;

namespace Qianfan.Platform.FineTuning;

/// <summary>The tasks that wait, in the order in which they will run: owners in turn, each owner's own tasks by their priority, then first come, first served. Those of an owner with as many running as the quota allows are passed over.</summary>
internal sealed class TrainingQueue(IDbContextFactory<PlatformDbContext> contexts, TaskStore store, RunLimits limits, TimeProvider time) : IDisposable
{
    // Two slots that claim at once would both find that there is room for one more.
    private readonly SemaphoreSlim _claiming = new(1, 1);

    private const int MostPaces = 20;

    private static readonly TimeSpan s_leastNews = TimeSpan.FromMinutes(1);

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
                task.ExpectedStart = null;
                return [TaskEvent.Status(task)];
            }, cancellationToken);
            if (claimed is not null) return claimed;
        }

        return null;
    }

    /// <summary>When tasks that wait or run are expected to start and to end, by their ids.</summary>
    public async Task<IReadOnlyDictionary<int, Expected>> ForecastAsync(CancellationToken cancellationToken) => (await LookAsync(cancellationToken)).Expected;

    /// <summary>Tells tasks whose place, or whose expected start, has changed.</summary>
    public async Task RefreshPositionsAsync(CancellationToken cancellationToken)
    {
        var (order, expected) = await LookAsync(cancellationToken);
        var known = await KnownAsync(cancellationToken);
        for (var i = 0; i < order.Count; i++)
        {
            var position = i + 1;
            var start = expected.TryGetValue(order[i], out var found) ? found.Start : null;
            if (!known.TryGetValue(order[i], out var told) || !IsNews(told.Position, told.Start)) continue;
            await store.ChangeAsync(order[i], task =>
            {
                if (task.State != TaskState.Waiting || !IsNews(task.QueuePosition, task.ExpectedStart)) return null;
                task.QueuePosition = position;
                task.ExpectedStart = start;
                return [TaskEvent.Status(task)];
            }, cancellationToken);

            bool IsNews(int? toldPosition, DateTimeOffset? toldStart) => toldPosition != position || IsOff(toldStart, start);
        }
    }

    // An estimate that hardly moved is no news.
    private bool IsOff(DateTimeOffset? told, DateTimeOffset? start)
    {
        if (told is null || start is null) return told is not null || start is not null;
        var wait = (start.Value - time.GetUtcNow()).Duration() / 10;
        return (told.Value - start.Value).Duration() > (wait > s_leastNews ? wait : s_leastNews);
    }

    private async Task<Dictionary<int, (int? Position, DateTimeOffset? Start)>> KnownAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Tasks.AsNoTracking().Where(task => task.State == TaskState.Waiting)
            .Select(task => new { task.Id, task.QueuePosition, task.ExpectedStart })
            .ToDictionaryAsync(task => task.Id, task => (task.QueuePosition, task.ExpectedStart), cancellationToken);
    }

    private async Task<(IReadOnlyList<int> Order, IReadOnlyDictionary<int, Expected> Expected)> LookAsync(CancellationToken cancellationToken)
    {
        var order = (await OrderAsync(cancellationToken)).Select(task => task.Id).ToList();
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var active = await Paces(context.Tasks.Where(task => task.State == TaskState.Waiting || task.State == TaskState.Running)).ToListAsync(cancellationToken);
        if (active.Count == 0) return (order, new Dictionary<int, Expected>());
        var known = await Paces(context.Tasks.Where(task => task.State != TaskState.Running && task.Work > 0 && task.Step > task.FirstStep).OrderByDescending(task => task.StepAt).Take(MostPaces)).ToListAsync(cancellationToken);
        var waiting = active.Where(task => task.State == TaskState.Waiting).ToDictionary(task => task.Id);
        return (order, TrainingForecast.Of([.. order.Where(waiting.ContainsKey).Select(id => waiting[id])], [.. active.Where(task => task.State == TaskState.Running)], known, time.GetUtcNow()));
    }

    private static IQueryable<TaskPace> Paces(IQueryable<TaskRow> tasks) => tasks.AsNoTracking().Select(task => new TaskPace(
        task.Id, task.State, task.Job.Model, task.ParameterScale, task.Work, task.TotalSteps, task.Step, task.StepAt, task.FirstStep, task.FirstStepAt, task.StartedAt));

    private async Task<IReadOnlyList<(int Id, string OwnerId)>> OrderAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var waiting = await context.Tasks.AsNoTracking()
            .Where(task => task.State == TaskState.Waiting)
            .Select(task => new { task.Id, task.OwnerId, task.QueuedAt, task.Priority })
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
                .OrderByDescending(task => task.Priority).ThenBy(task => task.QueuedAt).ThenBy(task => task.Id)
                .Select((task, turn) => (task.Id, task.OwnerId, Turn: turn + (past.GetValueOrDefault(group.Key)?.Running ?? 0), past.GetValueOrDefault(group.Key)?.Last, task.QueuedAt)))
            .OrderBy(entry => entry.Turn).ThenBy(entry => entry.Last ?? DateTimeOffset.MinValue).ThenBy(entry => entry.QueuedAt).ThenBy(entry => entry.Id)
            .Select(entry => (entry.Id, entry.OwnerId))];
    }
}
