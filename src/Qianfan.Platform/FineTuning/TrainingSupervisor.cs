using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.OpenAI;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>Owns the training slots: one for each device. A slot takes the next task out of the queue, runs it to its end, and looks again.</summary>
internal sealed partial class TrainingSupervisor(
    TrainingQueue queue,
    TaskRunner runner,
    TaskStore store,
    IDbContextFactory<PlatformDbContext> contexts,
    RunningTasks running,
    FineTunedModels finished,
    IHostApplicationLifetime lifetime,
    IOptions<PlatformOptions> options,
    TimeProvider time,
    ILogger<TrainingSupervisor> logger) : BackgroundService
{
    private const int Slots = 1;

    private static readonly TimeSpan s_pauseAfterFault = TimeSpan.FromSeconds(5);

    private TaskCompletionSource _wake = NewWake();

    /// <summary>Says that there may be something to run.</summary>
    public void Wake() => Interlocked.Exchange(ref _wake, NewWake()).TrySetResult();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Trainer) return;
        // Runs end when the host begins to stop, not when it gets to this service.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        await RecoverAsync(stopping.Token);
        await Task.WhenAll(Enumerable.Range(0, Slots).Select(_ => RunSlotAsync(stopping.Token)));
    }

    private static bool IsStorage(Exception exception) =>
        exception is DbUpdateException or System.Data.Common.DbException or IOException or UnauthorizedAccessException;

    private static TaskCompletionSource NewWake() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Tasks that ran when the platform went away wait again.</summary>
    private async Task RecoverAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var left = await context.Tasks.AsNoTracking().Where(task => task.State == TaskState.Running).Select(task => task.Id).ToListAsync(cancellationToken);
        foreach (var id in left)
        {
            await store.ChangeAsync(id, task =>
            {
                if (!task.StopRequested) return TaskRecovery.Requeue(task);
                task.State = TaskState.Stopped;
                task.StopRequested = false;
                task.FinishedAt = time.GetUtcNow();
                return [TaskEvent.Log("info", "Stopped on request", TaskLogCodes.Stopped), TaskEvent.Status(task)];
            }, cancellationToken);
        }

        await finished.CatchUpAsync(cancellationToken);
        await queue.RefreshPositionsAsync(cancellationToken);
    }

    private async Task RunSlotAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            var woken = _wake.Task;
            try
            {
                if (await queue.ClaimAsync(stopping) is { } task) await RunAsync(task, stopping);
                else await woken.WaitAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (IsStorage(exception))
            {
                // The database or the disk: the task stays as it is stored, and the slot goes on when they do.
                LogSlot(logger, exception);
                await Task.Delay(s_pauseAfterFault, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await RequeueLostAsync(stopping);
            }
        }
    }

    private async Task RunAsync(TaskRow task, CancellationToken stopping)
    {
        using (var run = running.Add(task.Id))
        {
            // A stop that came between claiming and noting is in the row.
            if (await StopRequestedAsync(task.Id)) running.Stop(task.Id);
            await queue.RefreshPositionsAsync(CancellationToken.None);
            try
            {
                await runner.RunAsync(task, run.Stop, stopping);
            }
            catch (Exception exception) when (!IsStorage(exception))
            {
                // A fault of ours fails this task, not the platform.
                LogFault(logger, exception, task.PublicId);
                await runner.FailAsync(task, WorkerErrors.Internal, $"Internal error: {exception.Message}");
            }
        }

        await finished.CatchUpAsync(CancellationToken.None);
        await queue.RefreshPositionsAsync(CancellationToken.None);
    }

    private async Task<bool> StopRequestedAsync(int taskId)
    {
        await using var context = await contexts.CreateDbContextAsync();
        return await context.Tasks.AnyAsync(task => task.Id == taskId && task.StopRequested);
    }

    private async Task RequeueLostAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var context = await contexts.CreateDbContextAsync(cancellationToken);
            var lost = await context.Tasks.AsNoTracking().Where(task => task.State == TaskState.Running).Select(task => task.Id).ToListAsync(cancellationToken);
            foreach (var id in lost.Where(id => !running.Contains(id))) await store.ChangeAsync(id, TaskRecovery.Requeue, cancellationToken);
        }
        catch (Exception exception) when (exception is DbUpdateException or System.Data.Common.DbException or OperationCanceledException)
        {
            LogSlot(logger, exception);
        }
    }

    [LoggerMessage(LogLevel.Error, "Task {Task} met an internal error")]
    private static partial void LogFault(ILogger logger, Exception exception, string task);

    [LoggerMessage(LogLevel.Error, "A training slot met a fault of the database or the disk")]
    private static partial void LogSlot(ILogger logger, Exception exception);
}
