using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>Changes tasks. A change and its events are stored together, before anybody hears of them.</summary>
internal sealed class TaskStore(IDbContextFactory<PlatformDbContext> contexts, TaskSignals signals, TimeProvider time)
{
    /// <summary>Changes a task and appends the events that the change gives back.</summary>
    /// <param name="taskId">Integer id of the task.</param>
    /// <param name="change">Changes the row; called again when another writer came first. Null gives up the change.</param>
    /// <param name="cancellationToken">Cancels the change.</param>
    /// <returns>The task after it; null when there is none, or the change was given up.</returns>
    public async Task<TaskRow?> ChangeAsync(int taskId, Func<TaskRow, IReadOnlyList<TaskEvent>?> change, CancellationToken cancellationToken)
    {
        while (true)
        {
            await using var context = await contexts.CreateDbContextAsync(cancellationToken);
            var task = await context.Tasks.Include(row => row.Job).SingleOrDefaultAsync(row => row.Id == taskId, cancellationToken);
            if (task is null || change(task) is not { } events) return null;
            var now = time.GetUtcNow();
            foreach (var entry in events)
            {
                context.TaskEvents.Add(new TaskEventRow
                {
                    TaskId = taskId,
                    Sequence = ++task.LastSequence,
                    Kind = entry.Kind,
                    Time = now,
                    Data = entry.ToJson(now),
                });
            }

            try
            {
                await context.SaveChangesAsync(cancellationToken);
            }
            catch (DbUpdateException)
            {
                // Another writer appended between our reading and writing: on its result, once more. Anything else is a fault.
                if (!await WasOvertakenAsync(context, task, cancellationToken)) throw;
                continue;
            }

            signals.Raise(taskId);
            return task;
        }
    }

    /// <summary>The newest step whose event is stored and holds: events past a step that training began again from are superseded.</summary>
    /// <param name="taskId">Integer id of the task.</param>
    /// <param name="kind">Kind of the events: metric or validation.</param>
    /// <param name="cancellationToken">Cancels the look.</param>
    /// <returns>The step; -1 when there is none.</returns>
    public async Task<int> LastStepAsync(int taskId, string kind, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var newestFirst = context.TaskEvents.AsNoTracking()
            .Where(row => row.TaskId == taskId && (row.Kind == kind || row.Kind == FineTuningTaskEventKinds.Started))
            .OrderByDescending(row => row.Sequence)
            .Select(row => new { row.Kind, row.Data })
            .AsAsyncEnumerable();
        var bound = int.MaxValue;
        await foreach (var row in newestFirst.WithCancellation(cancellationToken))
        {
            using var data = JsonDocument.Parse(row.Data);
            bound = Math.Min(bound, data.RootElement.GetProperty(row.Kind == kind ? "step" : "fromStep").GetInt32());
            if (row.Kind == kind) return bound;
        }

        return -1;
    }

    /// <summary>The events of a kind that stand, by step: those past a step that training began again from are superseded.</summary>
    public async Task<IReadOnlyList<(DateTimeOffset Time, JsonObject Data)>> StandingAsync(int taskId, string kind, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var events = context.TaskEvents.AsNoTracking()
            .Where(entry => entry.TaskId == taskId && (entry.Kind == kind || entry.Kind == FineTuningTaskEventKinds.Started))
            .OrderBy(entry => entry.Sequence)
            .AsAsyncEnumerable();
        var standing = new SortedDictionary<int, (DateTimeOffset, JsonObject)>();
        await foreach (var entry in events.WithCancellation(cancellationToken))
        {
            var data = JsonNode.Parse(entry.Data)!.AsObject();
            if (entry.Kind == kind)
            {
                standing[(int)data["step"]!] = (entry.Time, data);
                continue;
            }

            var from = (int)data["fromStep"]!;
            foreach (var step in standing.Keys.Where(step => step > from).ToList()) standing.Remove(step);
        }

        return [.. standing.Values];
    }

    private static async Task<bool> WasOvertakenAsync(PlatformDbContext context, TaskRow task, CancellationToken cancellationToken)
    {
        var seen = (long)context.Entry(task).OriginalValues[nameof(TaskRow.LastSequence)]!;
        var stored = await context.Tasks.AsNoTracking().Where(row => row.Id == task.Id).Select(row => (long?)row.LastSequence).SingleOrDefaultAsync(cancellationToken);
        return stored != seen;
    }
}

/// <summary>Wakes those who follow a task's events.</summary>
internal sealed class TaskSignals
{
    private readonly ConcurrentDictionary<int, TaskCompletionSource> _waiters = new();

    /// <summary>Completes at the next change after this call.</summary>
    public Task Next(int taskId) =>
        _waiters.GetOrAdd(taskId, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    public void Raise(int taskId)
    {
        if (_waiters.TryRemove(taskId, out var waiter)) waiter.SetResult();
    }
}
