using System.Globalization;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Trains: creates a job and a task, and follows the task to its end.</summary>
/// <remarks>
/// <para>Input: <c>{"datasets": {"sourceType", "versions": [{"versionId"}], "splitRatio"?}}</c>. Output: the input with <c>job_id</c>, <c>task_id</c>, <c>metrics</c>, <c>checkpoints</c>.</para>
/// <para>Running events. Around each creation: <c>{"create": action name, "done": false|true, ...}</c>. While it trains on our platform:
/// <c>{"task_id", "job_id", "cursor", "events": [{"sequence", "kind", "time", ...}]}</c>, at most 100 events each; the cursor is part of the state before the handler is called. On the cloud: each answer of DescribeFineTuningTask.</para>
/// <para>A training that failed raises <see cref="InternalErrorException"/> and is never taken for done. Seed: <c>qianfan.trainer.actions.TrainAction</c>.</para>
/// </remarks>
public sealed class TrainAction : BaseAction
{
    private const int MaxBatch = 100;
    private static readonly TimeSpan s_pollAfterStop = TimeSpan.FromSeconds(5);
    private readonly QianfanClient _client;
    private string? _trainType;
    private string? _baseModel;
    private TrainConfig? _config;
    private TrainMode _mode;
    private string? _jobName;
    private string? _description;
    private string? _previousTaskId;
    private string? _givenJobId;
    private string? _givenTaskId;
    private string? _jobId;
    private string? _taskId;
    private long _cursor;
    private FineTuningRunStatus _runStatus;
    private string? _progress;
    private bool _resumePending;
    private string? _continueFrom;
    private int? _continueStep;
    private List<string> _endedTasks = [];
    private string? _wireModel;

    /// <summary>Creates the action.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="trainType">Base model, such as <c>ERNIE-Speed</c> or <c>qianfan-tiny</c>. May be null with <paramref name="previousTaskId"/>, or with <paramref name="jobId"/> and <paramref name="taskId"/>.</param>
    /// <param name="trainConfig">How to train; the default of the base model when null.</param>
    /// <param name="baseModel">Family of the base model; for information.</param>
    /// <param name="taskId">A task that exists already and is to be followed (V2 <c>task-...</c>).</param>
    /// <param name="jobId">Its job (V2 <c>job-...</c>).</param>
    /// <param name="trainMode">Kind of training; SFT when null.</param>
    /// <param name="previousTaskId">A finished task from which training goes on with other rows (incremental training).</param>
    /// <param name="jobName">Wished name of the job; a suffix derived from the action's id is added.</param>
    /// <param name="description">Description of the job.</param>
    /// <param name="id">Id; random when null.</param>
    /// <param name="name">Name of the action.</param>
    /// <param name="eventHandler">Hears the events.</param>
    public TrainAction(
        QianfanClient client,
        string? trainType = null,
        TrainConfig? trainConfig = null,
        string? baseModel = null,
        string? taskId = null,
        string? jobId = null,
        TrainMode? trainMode = null,
        string? previousTaskId = null,
        string? jobName = null,
        string? description = null,
        string? id = null,
        string? name = null,
        IEventHandler? eventHandler = null)
        : base(id, name, eventHandler, Client(client).Time)
    {
        _client = client;
        _trainType = trainType;
        _config = trainConfig;
        _baseModel = baseModel;
        _mode = trainMode ?? TrainMode.Sft;
        _previousTaskId = previousTaskId;
        _jobName = jobName;
        _description = description;
        _givenTaskId = _taskId = taskId;
        _givenJobId = _jobId = jobId;
    }

    /// <summary>Base model; known after the beginning when it comes from a previous task.</summary>
    public string? TrainType => _trainType;

    /// <summary>Family of the base model.</summary>
    public string? BaseModel => _baseModel;

    /// <summary>How to train; the default once training has begun without one.</summary>
    public TrainConfig? TrainConfig => _config;

    /// <summary>True when training goes on from an earlier task.</summary>
    public bool IsIncr => _previousTaskId is not null;

    /// <summary>The job (V2 <c>job-...</c>), once created.</summary>
    public string? JobId => Volatile.Read(ref _jobId);

    /// <summary>The task (V2 <c>task-...</c>), once created.</summary>
    public string? TaskId => Volatile.Read(ref _taskId);

    /// <summary>Sequence of the last event taken from the task's stream; 0 before the first.</summary>
    public long Cursor => Interlocked.Read(ref _cursor);

    /// <summary>Progress as the platform tells it, such as <c>51%</c>.</summary>
    public string? Progress => Volatile.Read(ref _progress);

    /// <summary>The default config of a train type in the library's table.</summary>
    /// <param name="trainType">The train type.</param>
    /// <param name="peftType">The method; the model's default when null.</param>
    /// <exception cref="InvalidArgumentException">The table doesn't hold it.</exception>
    public static TrainConfig GetDefaultTrainConfig(string trainType, PeftType? peftType = null) =>
        ModelInfo.Find(trainType, TrainMode.Sft)?.DefaultConfig(peftType)
        ?? throw new InvalidArgumentException($"There is no default config for {trainType}.");

    /// <summary>The default config of a train type as the platform reports it, else from the library's table.</summary>
    /// <inheritdoc cref="GetDefaultTrainConfig" path="/exception"/>
    public static async Task<TrainConfig> GetDefaultTrainConfigAsync(QianfanClient client, string trainType, PeftType? peftType = null, CancellationToken cancellationToken = default)
    {
        var models = await Client(client).FineTuning.DescribeSupportedModelsAsync(cancellationToken).ConfigureAwait(false);
        return ModelInfo.Find(models, trainType, TrainMode.Sft)?.DefaultConfig(peftType) ?? GetDefaultTrainConfig(trainType, peftType);
    }

    /// <inheritdoc/>
    protected override async Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(run);
        if (run.ResumedFrom is ActionState.Stopped or ActionState.Error && _taskId is not null)
        {
            Mutate(() => _resumePending = true);
        }

        if (_resumePending && _taskId is not null)
        {
            await ContinueEndedTaskAsync(run, cancellationToken).ConfigureAwait(false);
        }

        if (_taskId is null)
        {
            run.ThrowIfStopRequested();
            await CreateAsync(input, run, cancellationToken).ConfigureAwait(false);
        }

        var task = _client.Options.PlatformExtensions
            ? await FollowStreamAsync(run, cancellationToken).ConfigureAwait(false)
            : await PollAsync(run, cancellationToken).ConfigureAwait(false);
        return Finish(task, input);
    }

    /// <inheritdoc/>
    protected override async Task StopInterruptedAsync(CancellationToken cancellationToken)
    {
        if (_taskId is { } taskId)
        {
            await StopRemoteAsync(taskId, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override void ResetState()
    {
        _jobId = _givenJobId;
        _taskId = _givenTaskId;
        _cursor = 0;
        _runStatus = default;
        _progress = null;
        _resumePending = false;
        _continueFrom = null;
        _continueStep = null;
        _endedTasks = [];
    }

    /// <inheritdoc/>
    protected override void SaveState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state["train_type"] = _trainType;
        state["base_model"] = _baseModel;
        state["train_mode"] = _mode.Value;
        state["train_config"] = _config?.ToState();
        state["job_name"] = _jobName;
        state["description"] = _description;
        state["previous_task_id"] = _previousTaskId;
        state["given_job_id"] = _givenJobId;
        state["given_task_id"] = _givenTaskId;
        state["job_id"] = _jobId;
        state["task_id"] = _taskId;
        state["cursor"] = _cursor;
        state["run_status"] = _runStatus.Value;
        state["progress"] = _progress;
        state["resume_pending"] = _resumePending;
        state["continue_from"] = _continueFrom;
        state["continue_step"] = _continueStep;
        state["ended_tasks"] = new JsonArray([.. _endedTasks.Select(t => JsonValue.Create(t))]);
    }

    /// <inheritdoc/>
    protected override void LoadState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _trainType = StateFormat.Text(state, "train_type");
        _baseModel = StateFormat.Text(state, "base_model");
        _mode = TrainMode.From(StateFormat.Text(state, "train_mode") ?? "");
        _config = state["train_config"] is { } config ? TrainConfig.FromState(config) : null;
        _jobName = StateFormat.Text(state, "job_name");
        _description = StateFormat.Text(state, "description");
        _previousTaskId = StateFormat.Text(state, "previous_task_id");
        _givenJobId = StateFormat.Text(state, "given_job_id");
        _givenTaskId = StateFormat.Text(state, "given_task_id");
        _jobId = StateFormat.Text(state, "job_id");
        _taskId = StateFormat.Text(state, "task_id");
        _cursor = StateFormat.Long(state, "cursor");
        _runStatus = FineTuningRunStatus.From(StateFormat.Text(state, "run_status") ?? "");
        _progress = StateFormat.Text(state, "progress");
        _resumePending = StateFormat.Flag(state, "resume_pending");
        _continueFrom = StateFormat.Text(state, "continue_from");
        _continueStep = state["continue_step"] is null ? null : StateFormat.Number(state, "continue_step");
        _endedTasks = [.. (state["ended_tasks"] as JsonArray ?? []).Select(t => t?.GetValue<string>() ?? "")];
    }

    private static QianfanClient Client(QianfanClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client;
    }

    private async Task CreateAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        if (input["datasets"] is not JsonObject datasets)
        {
            throw new InvalidArgumentException("There are no datasets to train on: the input needs \"datasets\".");
        }

        await ResolveModelAsync(cancellationToken).ConfigureAwait(false);
        if (_jobId is null)
        {
            await CreateJobAsync(run, cancellationToken).ConfigureAwait(false);
        }

        run.ThrowIfStopRequested();
        await CreateTaskAsync(DatasetConfig(datasets), input, run, cancellationToken).ConfigureAwait(false);
    }

    private async Task ResolveModelAsync(CancellationToken cancellationToken)
    {
        if (_previousTaskId is not null)
        {
            var previous = await _client.FineTuning.DescribeTaskAsync(_previousTaskId, cancellationToken).ConfigureAwait(false);
            Mutate(() => _trainType ??= previous.Model);
        }

        if (string.IsNullOrEmpty(_trainType))
        {
            throw new InvalidArgumentException("The train type (base model) must be given.");
        }

        var models = await _client.FineTuning.DescribeSupportedModelsAsync(cancellationToken).ConfigureAwait(false);
        var info = ModelInfo.Find(models, _trainType, _mode) ?? (_client.Options.PlatformExtensions ? null : ModelInfo.Find(_trainType, _mode));
        if (info is null)
        {
            var offered = models.Where(m => m.SupportTrainMode.Any(s => s.TrainMode == _mode)).Select(m => m.Model);
            throw new InvalidArgumentException($"The platform can't train {_trainType} by {_mode}; it offers {string.Join(", ", offered)}.");
        }

        var config = _config ?? info.DefaultConfig();
        config = config with { PeftType = config.PeftType?.Normalized ?? info.PeftTypes[0] };
        if (info.Validate(config) is { Count: > 0 } faults)
        {
            throw new InvalidArgumentException("The train config is invalid: " + string.Join(' ', faults));
        }

        Mutate(() =>
        {
            _config = config;
            _wireModel = info.Model;
            _baseModel ??= info.BaseModel;
        });
    }

    private async Task CreateJobAsync(ActionRun run, CancellationToken cancellationToken)
    {
        var name = RemoteNames.Create(_jobName, "job", Id, run.Number);
        var model = _wireModel!;
        await RunningAsync("create job", new JsonObject { ["create"] = "CreateFineTuningJob", ["done"] = false, ["name"] = name }, cancellationToken).ConfigureAwait(false);
        var job = await CreateOnce.RunAsync(
            run.IsResumed,
            () => FindJobAsync(name, cancellationToken),
            async () =>
            {
                var request = new CreateFineTuningJobRequest { Name = name, Model = model, TrainMode = _mode, Description = _description };
                return (await _client.FineTuning.CreateJobAsync(request, cancellationToken).ConfigureAwait(false)).JobId;
            },
            run,
            _client.Options.ConsoleRetry,
            cancellationToken).ConfigureAwait(false);
        Mutate(() => _jobId = job);
        await RunningAsync("job created", new JsonObject { ["create"] = "CreateFineTuningJob", ["done"] = true, ["name"] = name, ["job_id"] = job }, cancellationToken).ConfigureAwait(false);
    }

    private async Task CreateTaskAsync(FineTuningDatasetConfig datasets, JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        var jobId = _jobId!;
        await RunningAsync("create task", new JsonObject { ["create"] = "CreateFineTuningTask", ["done"] = false, ["job_id"] = jobId }, cancellationToken).ConfigureAwait(false);
        var task = await CreateOnce.RunAsync(
            run.IsResumed,
            () => FindTaskAsync(jobId, cancellationToken),
            async () =>
            {
                var request = new CreateFineTuningTaskRequest
                {
                    JobId = jobId,
                    ParameterScale = _config!.PeftType!.Value.Value,
                    HyperParameterConfig = _config.ToHyperParameters(),
                    DatasetConfig = datasets,
                    IncrementTaskId = _continueFrom ?? _previousTaskId,
                    IncrementCheckpointStep = _continueFrom is null ? null : _continueStep,
                    CorpusConfig = input["corpus_config"] is JsonObject corpus ? (JsonObject)corpus.DeepClone() : null,
                };
                return (await _client.FineTuning.CreateTaskAsync(request, cancellationToken).ConfigureAwait(false)).TaskId;
            },
            run,
            _client.Options.ConsoleRetry,
            cancellationToken).ConfigureAwait(false);
        Mutate(() =>
        {
            _taskId = task;
            _cursor = 0;
        });
        await RunningAsync("task created", new JsonObject { ["create"] = "CreateFineTuningTask", ["done"] = true, ["job_id"] = jobId, ["task_id"] = task }, cancellationToken).ConfigureAwait(false);
    }

    private async Task<string?> FindJobAsync(string name, CancellationToken cancellationToken)
    {
        // The cloud has no filter by name; ours has one.
        var filter = new DescribeFineTuningJobsRequest { Name = _client.Options.PlatformExtensions ? name : null };
        await foreach (var job in _client.FineTuning.ListJobsAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            if (job.Name == name)
            {
                return job.JobId;
            }
        }

        return null;
    }

    /// <summary>The job is this execution's own, so a task in it that isn't known as ended is the one that was being created.</summary>
    private async Task<string?> FindTaskAsync(string jobId, CancellationToken cancellationToken)
    {
        if (_givenJobId is not null)
        {
            return null;
        }

        await foreach (var task in _client.FineTuning.ListTasksAsync(jobId, cancellationToken).ConfigureAwait(false))
        {
            if (!_endedTasks.Contains(task.TaskId))
            {
                return task.TaskId;
            }
        }

        return null;
    }

    private FineTuningDatasetConfig DatasetConfig(JsonObject datasets)
    {
        var versions = (datasets["versions"] as JsonArray ?? []).OfType<JsonObject>().Select(v => new FineTuningDatasetVersion
        {
            VersionId = v["versionId"]?.ToString(),
            VersionBosUri = v["versionBosUri"]?.ToString(),
            SamplingRate = v["samplingRate"] is JsonValue rate && rate.TryGetValue<double>(out var value) ? value : null,
        }).ToList();
        if (versions.Count == 0)
        {
            throw new InvalidArgumentException("There are no datasets to train on: \"datasets\" needs \"versions\".");
        }

        var split = datasets["splitRatio"] is JsonValue ratio && double.TryParse(ratio.ToString(), CultureInfo.InvariantCulture, out var percent)
            ? percent
            : _config!.TrainsetRate;
        return new FineTuningDatasetConfig { SourceType = datasets["sourceType"]?.ToString() ?? "Platform", Versions = versions, SplitRatio = split };
    }

    /// <summary>Makes a task that was stopped or failed go on.</summary>
    private async Task ContinueEndedTaskAsync(ActionRun run, CancellationToken cancellationToken)
    {
        var taskId = _taskId!;
        var task = await _client.FineTuning.DescribeTaskAsync(taskId, cancellationToken).ConfigureAwait(false);
        if (task.RunStatus != FineTuningRunStatus.Done && _client.Options.PlatformExtensions)
        {
            // Also when it runs: it may be about to stop. Our platform takes a task that goes on as resumed.
            run.ThrowIfStopRequested();
            await RunningAsync("resume task", new JsonObject { ["resume"] = "ResumeFineTuningTask", ["task_id"] = taskId, ["job_id"] = _jobId }, cancellationToken).ConfigureAwait(false);
            await ResumeRemoteAsync(taskId, cancellationToken).ConfigureAwait(false);
        }
        else if (task.RunStatus == FineTuningRunStatus.Stopped || task.RunStatus == FineTuningRunStatus.Failed)
        {
            run.ThrowIfStopRequested();
            var step = task.CheckpointList is { Count: > 0 } checkpoints
                ? checkpoints.Max(c => c.Step)
                : throw new InvalidArgumentException($"The task {taskId} can't go on: this platform resumes a training from a checkpoint only, and the task left none. Start a new run.");
            Mutate(() =>
            {
                _endedTasks.Add(taskId);
                _continueFrom = taskId;
                _continueStep = step;
                _taskId = null;
            });
        }

        Mutate(() => _resumePending = false);
    }

    private async Task ResumeRemoteAsync(string taskId, CancellationToken cancellationToken)
    {
        try
        {
            await _client.FineTuning.ResumeTaskAsync(taskId, cancellationToken).ConfigureAwait(false);
        }
        catch (QianfanException e) when (e is not QianfanAuthenticationException)
        {
            var task = await _client.FineTuning.DescribeTaskAsync(taskId, cancellationToken).ConfigureAwait(false);
            // A task that finished meanwhile is refused; an answer that got lost shows in a task that goes on.
            var goesOn = task.RunStatus == FineTuningRunStatus.Done || (e is QianfanRequestException && !task.RunStatus.IsTerminal);
            if (!goesOn)
            {
                throw;
            }
        }
    }

    private async Task<FineTuningTask> FollowStreamAsync(ActionRun run, CancellationToken cancellationToken)
    {
        var taskId = _taskId!;
        while (true)
        {
            await FollowToEndAsync(taskId, run, cancellationToken).ConfigureAwait(false);
            var task = await Outage.PatientlyAsync(_client, () => _client.FineTuning.DescribeTaskAsync(taskId, cancellationToken), cancellationToken).ConfigureAwait(false);
            if (task.RunStatus.IsTerminal)
            {
                return task;
            }
        }
    }

    private async Task FollowToEndAsync(string taskId, ActionRun run, CancellationToken cancellationToken)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var channel = Channel.CreateBounded<FineTuningTaskEvent>(MaxBatch);
        var reading = ReadIntoAsync(channel.Writer, taskId, _cursor, done.Token);
        try
        {
            await HandleEventsAsync(channel.Reader, taskId, run, cancellationToken).ConfigureAwait(false);
            await reading.ConfigureAwait(false);
        }
        finally
        {
            await done.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadIntoAsync(ChannelWriter<FineTuningTaskEvent> writer, string taskId, long after, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var e in _client.FineTuning.StreamTaskEventsAsync(taskId, after, cancellationToken).ConfigureAwait(false))
            {
                await writer.WriteAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            writer.Complete();
        }
    }

    private async Task HandleEventsAsync(ChannelReader<FineTuningTaskEvent> reader, string taskId, ActionRun run, CancellationToken cancellationToken)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = run.StopToken.Register(stopped.SetResult);
        var stopSent = false;
        Task<bool>? more = null;
        while (true)
        {
            more ??= reader.WaitToReadAsync(cancellationToken).AsTask();
            if (!stopSent)
            {
                await Task.WhenAny(more, stopped.Task).ConfigureAwait(false);
                if (stopped.Task.IsCompleted)
                {
                    stopSent = true;
                    await StopRemoteAsync(taskId, cancellationToken).ConfigureAwait(false);
                }
            }

            if (!await more.ConfigureAwait(false))
            {
                return;
            }

            more = null;
            await TellBatchAsync(reader, taskId, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task TellBatchAsync(ChannelReader<FineTuningTaskEvent> reader, string taskId, CancellationToken cancellationToken)
    {
        var events = new JsonArray();
        while (events.Count < MaxBatch && reader.TryRead(out var e))
        {
            var item = new JsonObject { ["sequence"] = e.Sequence, ["kind"] = e.Kind };
            foreach (var (key, value) in e.Data)
            {
                item[key] = value?.DeepClone();
            }

            events.Add((JsonNode)item);
            Mutate(() =>
            {
                _cursor = e.Sequence;
                if (e.Kind == FineTuningTaskEventKinds.Status)
                {
                    _runStatus = FineTuningRunStatus.From(e.Data["runStatus"]?.ToString() ?? "");
                    _progress = e.Data["runProgress"]?.ToString() ?? _progress;
                }
            });
        }

        await RunningAsync("train running", new JsonObject { ["task_id"] = taskId, ["job_id"] = _jobId, ["cursor"] = _cursor, ["events"] = events }, cancellationToken).ConfigureAwait(false);
    }

    private async Task<FineTuningTask> PollAsync(ActionRun run, CancellationToken cancellationToken)
    {
        var taskId = _taskId!;
        var stopSent = false;
        while (true)
        {
            if (run.StopToken.IsCancellationRequested && !stopSent)
            {
                stopSent = true;
                await StopRemoteAsync(taskId, cancellationToken).ConfigureAwait(false);
            }

            var (task, raw) = await Outage.PatientlyAsync(_client, () => _client.FineTuning.DescribeTaskRawAsync(taskId, cancellationToken), cancellationToken).ConfigureAwait(false);
            Mutate(() =>
            {
                _runStatus = task.RunStatus;
                _progress = task.RunProgress ?? _progress;
            });
            await RunningAsync("train running", JsonNode.Parse(raw.GetRawText())!, cancellationToken).ConfigureAwait(false);
            if (task.RunStatus.IsTerminal)
            {
                return task;
            }

            if (task.RunStatus != FineTuningRunStatus.Running && task.RunStatus != FineTuningRunStatus.Waiting && task.RunStatus != default)
            {
                throw new InternalErrorException($"[train_action]training job {_jobId}/{taskId} has the unknown status {task.RunStatus}");
            }

            var wait = _client.Options.TrainPoll;
            if (stopSent)
            {
                await Task.Delay(wait < s_pollAfterStop ? wait : s_pollAfterStop, Time, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await run.DelayAsync(wait, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task StopRemoteAsync(string taskId, CancellationToken cancellationToken)
    {
        try
        {
            await _client.FineTuning.StopTaskAsync(taskId, cancellationToken).ConfigureAwait(false);
        }
        catch (QianfanApiException e) when (e is not QianfanAuthenticationException)
        {
            // A task that has just ended by itself is refused; that is as good as stopped.
            var task = await _client.FineTuning.DescribeTaskAsync(taskId, cancellationToken).ConfigureAwait(false);
            if (!task.RunStatus.IsTerminal)
            {
                throw;
            }
        }
    }

    private JsonObject Finish(FineTuningTask task, JsonObject input)
    {
        Mutate(() =>
        {
            _runStatus = task.RunStatus;
            _jobId ??= task.JobId;
        });
        if (task.RunStatus == FineTuningRunStatus.Stopped)
        {
            throw new ActionStoppedException($"[train_action]training job {_jobId}/{task.TaskId} was stopped");
        }

        if (task.RunStatus != FineTuningRunStatus.Done)
        {
            var reason = string.IsNullOrEmpty(task.Message) ? "" : $" ({task.Message})";
            throw new InternalErrorException($"[train_action]training job {_jobId}/{task.TaskId} has ended with status: {task.RunStatus}{reason}") { Code = task.Code };
        }

        input["job_id"] = _jobId;
        input["task_id"] = task.TaskId;
        input["metrics"] = task.Metrics?.DeepClone() ?? new JsonObject();
        input["checkpoints"] = new JsonArray([.. (task.CheckpointList ?? []).Select(c => (JsonNode)new JsonObject
        {
            ["step"] = c.Step,
            ["perplexity"] = c.Perplexity,
            ["trainingLoss"] = c.TrainingLoss,
            ["validationLoss"] = c.ValidationLoss,
        })]);
        return input;
    }

    private ValueTask RunningAsync(string msg, JsonNode data, CancellationToken cancellationToken) =>
        ActionEventAsync(ActionState.Running, msg, data, cancellationToken);
}
