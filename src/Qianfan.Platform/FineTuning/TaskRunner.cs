using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Platform.Workers;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>Runs one task in a worker, to its end or until told to stop. Everything that happens is stored before anybody hears of it.</summary>
internal sealed partial class TaskRunner(
    TaskStore store, IWorkerLauncher launcher, DataFolders folders, IOptions<PlatformOptions> options, TimeProvider time, ILogger<TaskRunner> logger)
{
    private const int MostInBurst = 256;
    private const int MostLockedAttempts = 60;

    private static readonly TimeSpan s_lockedPause = TimeSpan.FromSeconds(1);

    /// <summary>Runs a task that is in state running.</summary>
    /// <param name="task">The task.</param>
    /// <param name="stop">Cancelled when a person or program stops the task.</param>
    /// <param name="shutdown">Cancelled when the host ends: the task waits again and goes on at the next start.</param>
    public async Task RunAsync(TaskRow task, CancellationToken stop, CancellationToken shutdown)
    {
        var deaths = 0;
        var locked = 0;
        while (true)
        {
            var end = await AttemptAsync(task, stop, shutdown);
            switch (end)
            {
                case Ended.Settled:
                    return;
                case Ended.Locked when ++locked <= MostLockedAttempts && !stop.IsCancellationRequested && !shutdown.IsCancellationRequested:
                    // The worker of a platform that was killed is still finishing: it ends when it sees that its input is closed.
                    await PauseAsync(stop, shutdown);
                    continue;
                case Ended.Locked:
                    await FailAsync(task, WorkerErrors.TaskLocked, "Another worker holds the task's folder and does not end.");
                    return;
                case Ended.Died died when stop.IsCancellationRequested:
                    LogDied(logger, task.PublicId, died.Reason);
                    await StoppedAsync(task);
                    return;
                case Ended.Died died when shutdown.IsCancellationRequested:
                    LogDied(logger, task.PublicId, died.Reason);
                    await InterruptedAsync(task);
                    return;
                case Ended.Died died when ++deaths <= options.Value.TrainingRetries:
                    LogDied(logger, task.PublicId, died.Reason);
                    string[] values = [died.Reason, Text(deaths), Text(options.Value.TrainingRetries)];
                    await store.ChangeAsync(task.Id, _ => [TaskEvent.Log("warning", $"{values[0]}. Starting again from the last checkpoint ({values[1]} of {values[2]})", TaskLogCodes.Restarted, values)], CancellationToken.None);
                    continue;
                case Ended.Died died:
                    await FailAsync(task, WorkerErrors.Internal, died.Reason);
                    return;
            }
        }
    }

    private async Task<Ended> AttemptAsync(TaskRow task, CancellationToken stop, CancellationToken shutdown)
    {
        IWorker worker;
        try
        {
            worker = launcher.Launch(WorkerMode.Train);
        }
        catch (WorkerException exception)
        {
            await FailAsync(task, WorkerErrors.Internal, exception.Message);
            return new Ended.Settled();
        }

        await using (worker)
        {
            try
            {
                return await TalkAsync(task, worker, stop, shutdown);
            }
            catch (WorkerException exception)
            {
                return new Ended.Died(exception.Message);
            }
        }
    }

    private async Task<Ended> TalkAsync(TaskRow task, IWorker worker, CancellationToken stop, CancellationToken shutdown)
    {
        using var asked = CancellationTokenSource.CreateLinkedTokenSource(stop, shutdown);
        using var deadline = new Deadline(time);
        var burst = new List<WorkerMessage>();
        var begun = false;
        var heard = new HeardSteps(store, task.Id);
        while (true)
        {
            burst.Clear();
            using (var silence = new CancellationTokenSource(WorkerReading.Silence, time))
            using (var wait = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, deadline.IsSet ? deadline.Token : asked.Token))
            {
                try
                {
                    if (await worker.ReadAsync(wait.Token) is not { } message)
                        return await EndedAloneAsync(task, worker, asked.IsCancellationRequested);
                    burst.Add(message);
                }
                catch (OperationCanceledException) when (!begun && asked.IsCancellationRequested)
                {
                    // It has nothing to save yet.
                    worker.Kill();
                    return new Ended.Died("The worker was ended before it began");
                }
                catch (OperationCanceledException) when (!deadline.IsSet && asked.IsCancellationRequested)
                {
                    deadline.Set(options.Value.WorkerStopTimeout);
                    await AskToEndAsync(worker, stop.IsCancellationRequested ? new StopTraining() : new Shutdown(), deadline.Token);
                    continue;
                }
                catch (OperationCanceledException)
                {
                    worker.Kill();
                    return new Ended.Died(deadline.IsSet ? "The worker did not stop in time and was ended" : WorkerReading.Silent("worker"));
                }
            }

            while (burst.Count < MostInBurst && worker.TryRead(out var next)) burst.Add(next!);
            if (await HandleAsync(task, worker, burst, heard, stop, asked.Token) is { } end) return end;
            begun |= burst.Exists(message => message is WorkerHello);
        }
    }

    private static async Task AskToEndAsync(IWorker worker, HostMessage message, CancellationToken cancellationToken)
    {
        try
        {
            await worker.SendAsync(message, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // It doesn't even read: the deadline has passed, and the next turn of the loop ends it.
        }
    }

    private async Task<Ended?> HandleAsync(TaskRow task, IWorker worker, List<WorkerMessage> burst, HeardSteps heard, CancellationToken stop, CancellationToken asked)
    {
        if (burst.OfType<WorkerHello>().SingleOrDefault() is { } hello)
        {
            if (hello.Mismatch() is { } mismatch)
            {
                await FailAsync(task, WorkerErrors.Internal, mismatch);
                return new Ended.Settled();
            }

            await store.ChangeAsync(task.Id, row => { row.EngineVersion = hello.EngineVersion; return []; }, CancellationToken.None);
            // Not cancelled: half a line would confuse the worker. If it is to stop, it is told so next.
            await worker.SendAsync(Start(task), CancellationToken.None);
        }

        await heard.DropRepeatedAsync(burst);
        await StoreAsync(task, burst);
        switch (burst.LastOrDefault(message => message is TrainingCompleted or TrainingStopped or TrainingFailed))
        {
            case TrainingCompleted completed:
                await LetEndAsync(worker);
                await DoneAsync(task, completed);
                return new Ended.Settled();
            case TrainingStopped stopped when !asked.IsCancellationRequested:
                await LetEndAsync(worker);
                return new Ended.Died($"The worker stopped by itself at step {stopped.Step}");
            case TrainingStopped:
                await LetEndAsync(worker);
                await (stop.IsCancellationRequested ? StoppedAsync(task) : InterruptedAsync(task));
                return new Ended.Settled();
            case TrainingFailed { Code: WorkerErrors.TaskLocked }:
                await LetEndAsync(worker);
                return new Ended.Locked();
            case TrainingFailed failed:
                await LetEndAsync(worker);
                await FailAsync(task, failed.Code, failed.Message);
                return new Ended.Settled();
            default:
                return null;
        }
    }

    private StartTraining Start(TaskRow task) => new(
        folders.Task(task.PublicId),
        folders.BaseModel(task.Job.Model),
        folders.TaskRows(task.PublicId),
        JsonSerializer.Deserialize<TrainingConfig>(task.Config, PlatformJson.Options)!)
    {
        ValidationRowsFile = task.ValidationFileId is null ? null : folders.TaskValidationRows(task.PublicId),
    };

    private Task<TaskRow?> StoreAsync(TaskRow task, List<WorkerMessage> burst) => store.ChangeAsync(task.Id, row =>
    {
        var events = new List<TaskEvent>();
        var progress = row.Progress;
        foreach (var message in burst)
        {
            if (message is TrainingStarted started)
            {
                row.TotalSteps = started.TotalSteps;
                row.FirstStep = row.Step = started.FromStep;
                row.FirstStepAt = row.StepAt = time.GetUtcNow();
                progress = Percent(started.FromStep, started.TotalSteps);
            }

            if (message is TrainingProgress step)
            {
                progress = Percent(step.Step, step.TotalSteps);
                (row.Step, row.StepAt) = (step.Step, time.GetUtcNow());
            }

            if (TaskEvent.From(message) is { } entry) events.Add(entry);
        }

        if (progress != row.Progress)
        {
            row.Progress = progress;
            events.Add(TaskEvent.Status(row));
        }

        return events;
    }, CancellationToken.None);

    // 100 % is said when the output stands.
    private static int Percent(int step, int total) => total <= 0 ? 0 : (int)Math.Min(99, 100L * step / total);

    private async Task<Ended> EndedAloneAsync(TaskRow task, IWorker worker, bool asked)
    {
        var exit = await worker.WaitAsync(CancellationToken.None);
        LogExit(logger, task.PublicId, exit.Code, asked);
        return new Ended.Died(exit.Describe());
    }

    // After its last word a worker has nothing more to do; one that stays is ended.
    private async Task LetEndAsync(IWorker worker)
    {
        using var patience = new CancellationTokenSource(options.Value.WorkerStopTimeout, time);
        try
        {
            await worker.WaitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            worker.Kill();
        }
    }

    private async Task DoneAsync(TaskRow task, TrainingCompleted completed)
    {
        if (!Directory.Exists(folders.TaskOutput(task.PublicId)))
        {
            await FailAsync(task, WorkerErrors.Storage, "Training is done, but its output is not there.");
            return;
        }

        await store.ChangeAsync(task.Id, row =>
        {
            row.State = TaskState.Done;
            row.StopRequested = false;
            row.Progress = 100;
            row.FinishedAt = time.GetUtcNow();
            row.TrainingLoss = Finite(completed.TrainingLoss);
            row.ValidationLoss = Finite(completed.ValidationLoss);
            row.OutputKind = completed.OutputKind;
            row.TrainedTokens = completed.Tokens;
            string[] values = [Text(completed.Steps), Text(completed.Tokens), completed.TrainingLoss.ToString("0.0000", CultureInfo.InvariantCulture)];
            return [TaskEvent.Log("info", $"Training is done: {values[0]} steps, {values[1]} tokens, training loss {values[2]}", TaskLogCodes.Done, values), TaskEvent.Status(row)];
        }, CancellationToken.None);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;

    private Task<TaskRow?> StoppedAsync(TaskRow task) => store.ChangeAsync(task.Id, row =>
    {
        row.State = TaskState.Stopped;
        row.StopRequested = false;
        row.FinishedAt = time.GetUtcNow();
        return [TaskEvent.Log("info", "Stopped on request", TaskLogCodes.Stopped), TaskEvent.Status(row)];
    }, CancellationToken.None);

    private Task<TaskRow?> InterruptedAsync(TaskRow task) => store.ChangeAsync(task.Id, row => TaskRecovery.Requeue(row), CancellationToken.None);

    /// <summary>Ends a task with an error.</summary>
    public async Task FailAsync(TaskRow task, string code, string message)
    {
        LogFailed(logger, task.PublicId, code, message);
        await store.ChangeAsync(task.Id, row =>
        {
            row.State = TaskState.Failed;
            row.StopRequested = false;
            row.FinishedAt = time.GetUtcNow();
            row.ErrorCode = code;
            row.ErrorMessage = message;
            return [TaskEvent.Log("error", message), TaskEvent.Status(row)];
        }, CancellationToken.None);
    }

    private async Task PauseAsync(CancellationToken stop, CancellationToken shutdown)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, shutdown);
        await Task.Delay(s_lockedPause, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [LoggerMessage(LogLevel.Warning, "Task {Task}: {Reason}")]
    private static partial void LogDied(ILogger logger, string task, string reason);

    [LoggerMessage(LogLevel.Information, "Task {Task}: its worker ended with code {ExitCode}; asked to: {Asked}")]
    private static partial void LogExit(ILogger logger, string task, int exitCode, bool asked);

    [LoggerMessage(LogLevel.Warning, "Task {Task} failed: {Code}: {Message}")]
    private static partial void LogFailed(ILogger logger, string task, string code, string message);

    /// <summary>How an attempt ended.</summary>
    private abstract record Ended
    {
        /// <summary>The task's state is stored.</summary>
        public sealed record Settled : Ended;

        /// <summary>Another worker has the folder.</summary>
        public sealed record Locked : Ended;

        /// <summary>The worker went away without a last word.</summary>
        public sealed record Died(string Reason) : Ended;
    }

    /// <summary>A moment that may be set once.</summary>
    private sealed class Deadline(TimeProvider time) : IDisposable
    {
        private CancellationTokenSource? _source;

        public bool IsSet => _source is not null;

        public CancellationToken Token => _source?.Token ?? CancellationToken.None;

        public void Set(TimeSpan patience) => _source = new CancellationTokenSource(patience, time);

        public void Dispose() => _source?.Dispose();
    }
}

/// <summary>What becomes of a task whose worker went away with the platform.</summary>
internal static class TaskRecovery
{
    /// <summary>Puts a running task back into the queue; it goes on from its last checkpoint.</summary>
    public static IReadOnlyList<TaskEvent>? Requeue(TaskRow task)
    {
        if (task.State != TaskState.Running) return null;
        task.State = TaskState.Waiting;
        task.QueuePosition = null;
        return [TaskEvent.Log("warning", "Interrupted; training goes on from the last checkpoint", TaskLogCodes.Interrupted), TaskEvent.Status(task)];
    }
}
