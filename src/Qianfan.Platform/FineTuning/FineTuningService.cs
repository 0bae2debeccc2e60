using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Datasets;
using Qianfan.Platform.Http;
using Qianfan.Platform.Spending;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>Fine-tuning jobs and tasks of an owner.</summary>
internal sealed class FineTuningService(
    IDbContextFactory<PlatformDbContext> contexts,
    TaskStore store,
    TaskSignals signals,
    TaskRows rows,
    TrainingQueue queue,
    RunLimits limits,
    RunningTasks running,
    TrainingScheduler scheduler,
    BaseModelCatalog models,
    DataFolders folders,
    IOptions<PlatformOptions> options,
    TimeProvider time,
    ITaskListener? listener = null)
{
    private const int MostName = 200;
    private const int MostDescription = 2000;

    public BaseModelCatalog Models => models;

    /// <summary>Makes a job.</summary>
    /// <param name="ownerId">The owner.</param>
    /// <param name="request">What it is for.</param>
    /// <param name="modelLater">Whether its model may be left open until its first task.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    public async Task<JobRow> CreateJobAsync(string ownerId, CreateFineTuningJobRequest request, bool modelLater, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(request.Name)) throw PlatformException.Missing("name");
        if (request.Name.Length > MostName) throw PlatformException.Invalid("name", $"param[name] invalid: longer than {MostName} characters");
        if (request.Description?.Length > MostDescription) throw PlatformException.Invalid("description", $"param[description] invalid: longer than {MostDescription} characters");
        if (request.Model.Length > 0 || !modelLater) models.Get(request.Model, "model");
        TrainModes.Require(request.TrainMode);
        var job = new JobRow
        {
            PublicId = PublicId.Job(),
            OwnerId = ownerId,
            Name = request.Name,
            Description = request.Description ?? "",
            Model = request.Model,
            TrainMode = request.TrainMode.Value,
            CreatedAt = time.GetUtcNow(),
        };
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        context.Jobs.Add(job);
        await context.SaveChangesAsync(cancellationToken);
        return job;
    }

    /// <summary>Settles a job's model, if it is still open, and its kind of training, if it has no task yet.</summary>
    /// <exception cref="PlatformException">There is no such model or kind of training, or the job has another one.</exception>
    public async Task<JobRow> SettleAsync(JobRow job, string model, TrainMode mode, CancellationToken cancellationToken)
    {
        models.Get(model, "trainType");
        TrainModes.Require(mode);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Jobs.Where(row => row.Id == job.Id && row.Model == "").ExecuteUpdateAsync(set => set.SetProperty(row => row.Model, model), cancellationToken);
        await context.Jobs.Where(row => row.Id == job.Id && !context.Tasks.Any(task => task.JobId == job.Id)).ExecuteUpdateAsync(set => set.SetProperty(row => row.TrainMode, mode.Value), cancellationToken);
        var settled = await GetJobAsync(job.OwnerId, job.PublicId, cancellationToken);
        if (settled.Model != model) throw PlatformException.Invalid("trainType", $"param[trainType] invalid: the task trains {settled.Model}, not {PlatformException.Shown(model)}");
        return settled.TrainMode == mode.Value ? settled : throw PlatformException.Invalid("trainMode", $"param[trainMode] invalid: the task trains by {settled.TrainMode}, not by {mode}");
    }

    /// <summary>The datasets that a request names, for a job's training.</summary>
    /// <exception cref="PlatformException">One doesn't exist or can't be trained on so.</exception>
    public Task<IReadOnlyList<TaskRows.Part>> ResolveAsync(JobRow job, FineTuningDatasetConfig datasets, CancellationToken cancellationToken) => rows.ResolveAsync(job, datasets, cancellationToken);

    /// <summary>1 for a job's first task, 2 for its second.</summary>
    public async Task<int> NumberOfAsync(TaskRow task, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Tasks.CountAsync(row => row.JobId == task.JobId && row.Id <= task.Id, cancellationToken);
    }

    /// <summary>Makes a task and puts it into the queue.</summary>
    public async Task<TaskRow> CreateTaskAsync(PlatformKey key, CreateFineTuningTaskRequest request, CancellationToken cancellationToken)
    {
        var ownerId = key.OwnerId;
        var job = await GetJobAsync(ownerId, request.JobId, cancellationToken);
        var model = models.Get(job.Model, "model");
        if (request.DatasetConfig.SplitRatio is not { } split) throw PlatformException.Invalid("splitRatio", "param[splitRatio] invalid: it is missing (percent of the rows that are held out)");
        if (split is not (>= 0 and <= 50)) throw PlatformException.Invalid("splitRatio", "param[splitRatio] invalid: it must be between 0 and 50 (percent of the rows that are held out)");
        var config = HyperParameters.Resolve(model, new TrainMode(job.TrainMode), request.ParameterScale, request.HyperParameterConfig, split);
        var priority = request.Priority is { } named ? Priority(named) : TaskPriority.Normal;
        var increment = request.IncrementTaskId is { Length: > 0 } id ? await GetIncrementAsync(ownerId, id, job, cancellationToken) : null;
        var datasets = await rows.ResolveAsync(job, request.DatasetConfig, cancellationToken);
        return await EnqueueAsync(key, job, datasets, increment, new TaskRow
        {
            PublicId = PublicId.Task(),
            OwnerId = ownerId,
            JobId = job.Id,
            ParameterScale = request.ParameterScale,
            HyperParameters = request.HyperParameterConfig.ToJsonString(PlatformJson.Options),
            Config = JsonSerializer.Serialize(config, PlatformJson.Options),
            DatasetIds = string.Join(',', datasets.Select(part => part.Dataset.PublicId)),
            RowsHash = "",
            Priority = priority,
        }, cancellationToken);
    }

    /// <summary>Writes the task's folder and puts the task into the queue.</summary>
    /// <param name="key">Whose it is.</param>
    /// <param name="job">Its job.</param>
    /// <param name="datasets">Rows to train on.</param>
    /// <param name="increment">The task to go on from, or null.</param>
    /// <param name="task">The task.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <param name="validation">Rows for the validation; null holds out a share of the others.</param>
    public async Task<TaskRow> EnqueueAsync(
        PlatformKey key, JobRow job, IReadOnlyList<TaskRows.Part> datasets, TaskRow? increment, TaskRow task, CancellationToken cancellationToken, TaskRows.Part? validation = null)
    {
        await limits.RequireSomeAsync(key.OwnerId, cancellationToken);
        var folder = folders.Task(task.PublicId);
        await AtomicFile.WriteFolderAsync(folder, async partial =>
        {
            var rowsFile = Path.Combine(partial, Path.GetFileName(folders.TaskRows(task.PublicId)));
            task.RowsHash = await TaskRows.WriteAsync(datasets, rowsFile, cancellationToken);
            task.Work = new FileInfo(rowsFile).Length * JsonSerializer.Deserialize<WorkerProtocol.TrainingConfig>(task.Config, PlatformJson.Options)!.Epochs;
            if (validation is not null) await TaskRows.WriteAsync([validation], Path.Combine(partial, Path.GetFileName(folders.TaskValidationRows(task.PublicId))), cancellationToken);
            if (increment is not null) await AtomicFile.CopyFolderAsync(folders.TaskOutput(increment.PublicId), Path.Combine(partial, Path.GetFileName(folders.TaskStart(task.PublicId))), cancellationToken);
        });
        task.Datasets = JsonSerializer.Serialize(datasets.Select(part => Lineage(part.Dataset)), PlatformJson.Options);
        if (increment is not null)
        {
            var config = JsonSerializer.Deserialize<WorkerProtocol.TrainingConfig>(task.Config, PlatformJson.Options)! with { StartFromDirectory = folders.TaskStart(task.PublicId) };
            task.Config = JsonSerializer.Serialize(config, PlatformJson.Options);
        }

        if (listener is not null) await listener.CreatingAsync(key, task.PublicId, cancellationToken);
        task.CreatedAt = task.QueuedAt = time.GetUtcNow();
        await using (var context = await contexts.CreateDbContextAsync(cancellationToken))
        {
            context.Tasks.Add(task);
            await context.SaveChangesAsync(cancellationToken);
        }

        task.Job = job;
        await QueuedAsync();
        return task;
    }

    /// <summary>The owner's job.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<JobRow> GetJobAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Jobs.AsNoTracking().Of(ownerId, id).SingleOrDefaultAsync(cancellationToken) ?? throw PlatformException.NotFound("Job", id);
    }

    /// <summary>The owner's task.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<TaskRow> GetTaskAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Tasks.AsNoTracking().Include(task => task.Job).Of(ownerId, id).SingleOrDefaultAsync(cancellationToken) ?? throw PlatformException.NotFound("Task", id);
    }

    public async Task<Page<JobRow>> ListJobsAsync(string ownerId, string? name, string? model, string? trainMode, Paging paging, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var jobs = context.Jobs.AsNoTracking().Where(job => job.OwnerId == ownerId);
        if (!string.IsNullOrEmpty(name)) jobs = jobs.Where(job => job.Name == name);
        if (!string.IsNullOrEmpty(model)) jobs = jobs.Where(job => job.Model == model);
        if (!string.IsNullOrEmpty(trainMode)) jobs = jobs.Where(job => job.TrainMode == trainMode);
        return await paging.ApplyAsync(jobs, cancellationToken);
    }

    public async Task<Page<TaskRow>> ListTasksAsync(string ownerId, JobRow job, Paging paging, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await paging.ApplyAsync(context.Tasks.AsNoTracking().Include(task => task.Job).Where(task => task.OwnerId == ownerId && task.JobId == job.Id), cancellationToken);
    }

    /// <summary>The checkpoints that stand: those after a checkpoint that training went back to are superseded.</summary>
    public async Task<IReadOnlyList<FineTuningCheckpoint>> CheckpointsAsync(TaskRow task, CancellationToken cancellationToken) =>
        [.. (await store.StandingAsync(task.Id, FineTuningTaskEventKinds.Checkpoint, cancellationToken)).Select(entry => Checkpoint(entry.Data))];

    /// <summary>A checkpoint as its event tells it.</summary>
    public static FineTuningCheckpoint Checkpoint(JsonObject data)
    {
        var loss = Number(data["trainingLoss"]);
        return new FineTuningCheckpoint
        {
            Step = (int)data["step"]!,
            TrainingLoss = loss,
            ValidationLoss = Number(data["validationLoss"]),
            Perplexity = loss is { } value ? Math.Round(Math.Exp(Math.Min(value, 50)), 4) : null,
        };
    }

    /// <summary>Stops a task. It is stopped when its state says so, within a few seconds.</summary>
    /// <param name="ownerId">The owner.</param>
    /// <param name="id">The task.</param>
    /// <param name="pause">Whether it only pauses; a paused task can still be stopped for good.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>False when it had ended before.</returns>
    public async Task<bool> StopAsync(string ownerId, string id, bool pause, CancellationToken cancellationToken)
    {
        var task = await GetTaskAsync(ownerId, id, cancellationToken);
        var changed = await store.ChangeAsync(task.Id, row =>
        {
            var wasPaused = row.Paused;
            row.Paused = pause;
            switch (row.State)
            {
                case TaskState.Waiting:
                    row.State = TaskState.Stopped;
                    row.QueuePosition = null;
                    row.ExpectedStart = null;
                    row.FinishedAt = time.GetUtcNow();
                    return [TaskEvent.Log("info", "Stopped on request before it started"), TaskEvent.Status(row)];
                case TaskState.Running:
                    row.StopRequested = true;
                    return [];
                case TaskState.Stopped when wasPaused:
                    return pause ? [] : [TaskEvent.Log("info", "Stopped on request while it was paused")];
                default:
                    return null;
            }
        }, cancellationToken);
        if (changed is null) return false;
        if (changed.State == TaskState.Running) running.Stop(changed.Id);
        else await queue.RefreshPositionsAsync(cancellationToken);
        return true;
    }

    /// <summary>When tasks that wait or run are expected to start and to end, by their integer ids.</summary>
    public Task<IReadOnlyDictionary<int, Expected>> ForecastAsync(CancellationToken cancellationToken) => queue.ForecastAsync(cancellationToken);

    /// <summary>Moves a task that waits before or behind its owner's other ones.</summary>
    /// <exception cref="PlatformException">There is no such task or priority, or it doesn't wait.</exception>
    public async Task SetPriorityAsync(string ownerId, string id, string priority, CancellationToken cancellationToken)
    {
        var task = await GetTaskAsync(ownerId, id, cancellationToken);
        var wanted = Priority(priority);
        var changed = await store.ChangeAsync(task.Id, row =>
        {
            if (row.State != TaskState.Waiting) return null;
            row.Priority = wanted;
            return [TaskEvent.Log("info", $"Priority: {PriorityName(wanted)}")];
        }, cancellationToken);
        if (changed is null) throw PlatformException.Conflict($"Task {task.PublicId} does not wait");
        await queue.RefreshPositionsAsync(CancellationToken.None);
    }

    /// <summary>A priority as the wire names it.</summary>
    public static string PriorityName(TaskPriority priority) => priority switch
    {
        TaskPriority.Low => "low",
        TaskPriority.High => "high",
        _ => "normal",
    };

    private static TaskPriority Priority(string name) => name switch
    {
        "low" => TaskPriority.Low,
        "normal" => TaskPriority.Normal,
        "high" => TaskPriority.High,
        _ => throw PlatformException.Invalid("priority", "param[priority] invalid: it must be low, normal or high"),
    };

    /// <summary>Puts a stopped or failed task back into the queue; it goes on from its last checkpoint.</summary>
    /// <exception cref="PlatformException">It is done, or is being stopped and doesn't end.</exception>
    public async Task ResumeAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var task = await GetTaskAsync(ownerId, id, cancellationToken);
        if (task is { State: TaskState.Running, StopRequested: true }) await AwaitStopAsync(task, cancellationToken);
        await limits.RequireSomeAsync(ownerId, cancellationToken);
        if (listener is not null) await listener.ResumingAsync(ownerId, task.PublicId, cancellationToken);
        var changed = await store.ChangeAsync(task.Id, row =>
        {
            if (row.State is not (TaskState.Stopped or TaskState.Failed)) return null;
            row.State = TaskState.Waiting;
            row.StopRequested = false;
            row.Paused = false;
            row.QueuedAt = time.GetUtcNow();
            row.FinishedAt = null;
            row.ErrorCode = null;
            row.ErrorMessage = null;
            return [TaskEvent.Log("info", "Resumed; training goes on from the last checkpoint"), TaskEvent.Status(row)];
        }, cancellationToken);
        if (changed is not null)
        {
            await QueuedAsync();
            return;
        }

        task = await GetTaskAsync(ownerId, id, cancellationToken);
        if (task is { State: TaskState.Running, StopRequested: true }) throw PlatformException.Conflict($"Task {task.PublicId} is still being stopped");
        // Waiting or running is what was asked for: a repeated call is fine.
        if (task.State == TaskState.Done) throw PlatformException.Conflict($"Task {task.PublicId} is done");
    }

    /// <summary>Deletes a task that doesn't wait or run. Models published from it stay.</summary>
    public async Task DeleteTaskAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var task = await GetTaskAsync(ownerId, id, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var deleted = await context.Tasks
            .Where(row => row.Id == task.Id && row.State != TaskState.Waiting && row.State != TaskState.Running)
            .ExecuteDeleteAsync(cancellationToken);
        if (deleted == 0) throw PlatformException.Conflict($"Task {task.PublicId} is waiting or running; stop it first");
        signals.Raise(task.Id);
        AtomicFile.Delete(folders.Task(task.PublicId));
    }

    /// <summary>Deletes a job with its tasks, none of which may wait or run.</summary>
    public async Task DeleteJobAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var job = await GetJobAsync(ownerId, id, cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        var tasks = await context.Tasks.AsNoTracking().Where(task => task.JobId == job.Id).Select(task => new { task.PublicId, task.State }).ToListAsync(cancellationToken);
        if (tasks.Any(task => task.State is TaskState.Waiting or TaskState.Running)) throw PlatformException.Conflict($"A task of job {job.PublicId} is waiting or running; stop it first");
        await context.Tasks.Where(task => task.JobId == job.Id).ExecuteDeleteAsync(cancellationToken);
        await context.Jobs.Where(row => row.Id == job.Id).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        foreach (var task in tasks) AtomicFile.Delete(folders.Task(task.PublicId));
    }

    private static ModelLineageDataset Lineage(DatasetRow dataset) => new()
    {
        VersionId = dataset.PublicId,
        DatasetId = dataset.GroupPublicId,
        Name = dataset.Name,
        Version = dataset.Version,
        ContentHash = dataset.ContentHash,
        Rows = dataset.Rows,
    };

    private static double? Number(JsonNode? node) => node is JsonValue value && value.TryGetValue<double>(out var number) ? number : null;

    // What is queued stays queued, whether or not its caller still listens.
    private async Task QueuedAsync()
    {
        await queue.RefreshPositionsAsync(CancellationToken.None);
        await scheduler.WakeAsync(CancellationToken.None);
        listener?.Queued();
    }

    private async Task AwaitStopAsync(TaskRow task, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(options.Value.WorkerStopTimeout * 2, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            while (true)
            {
                var next = signals.Next(task.Id);
                if ((await GetTaskAsync(task.OwnerId, task.PublicId, either.Token)).State != TaskState.Running) return;
                await next.WaitAsync(either.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw PlatformException.Conflict($"Task {task.PublicId} is still being stopped");
        }
    }

    private async Task<TaskRow> GetIncrementAsync(string ownerId, string id, JobRow job, CancellationToken cancellationToken)
    {
        var task = await GetTaskAsync(ownerId, id, cancellationToken);
        if (task.State != TaskState.Done) throw PlatformException.Invalid("incrementTaskId", $"param[incrementTaskId] invalid: task {task.PublicId} is not done");
        // One model may have several names.
        if (folders.BaseModel(task.Job.Model) != folders.BaseModel(job.Model)) throw PlatformException.Invalid("incrementTaskId", $"param[incrementTaskId] invalid: task {task.PublicId} trained {task.Job.Model}, this job trains {job.Model}");
        return task;
    }
}
