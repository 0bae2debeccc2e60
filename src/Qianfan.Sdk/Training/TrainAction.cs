using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Trains: creates a job and a task, and follows the task to its end.</summary>
/// <remarks>
/// <para>Input: <c>{"datasets": {"sourceType", "versions": [{"versionId"}], "splitRatio"?}}</c>. Output: the input with <c>job_id</c>, <c>task_id</c>, <c>metrics</c>, <c>checkpoints</c>.</para>
/// <para>Running events. Around each creation: <c>{"create": action name, "done": false|true, ...}</c>. While it trains on our platform:
/// <c>{"task_id", "job_id", "cursor", "events": [{"sequence", "kind", "time", ...}]}</c>, at most 100 events each; the cursor is part of the state before the handler is called. On the cloud: each answer of DescribeFineTuningTask.</para>
/// <para>A training that failed raises <see cref="InternalErrorException"/> and is never taken for done. Seed: <c>qianfan.trainer.actions.TrainAction</c>.</para>
/// </remarks>
public sealed partial class TrainAction : BaseAction
{
    private readonly QianfanClient _client;
    private TrainActionOptions _options;
    private string? _trainType;
    private string? _baseModel;
    private TrainConfig? _config;
    private TrainMode _mode;
    private string? _jobName;
    private string? _description;
    private string? _givenJobId;
    private string? _givenTaskId;
    private string? _previousTaskId;
    private bool _ownJob = true;
    private string? _jobId;
    private string? _taskId;
    private long _cursor;
    private FineTuningRunStatus _runStatus;
    private string? _progress;
    private bool _resumePending;
    private string? _continueFrom;
    private int? _continueStep;
    private List<string>? _knownTasks;
    private ModelInfo? _model;

    /// <summary>Creates the action.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="trainType">Base model, such as <c>ERNIE-Speed</c> or <c>qianfan-tiny</c>. May be null with a previous task, or with <paramref name="jobId"/> and <paramref name="taskId"/>.</param>
    /// <param name="trainConfig">How to train; the default of the base model when null.</param>
    /// <param name="baseModel">Family of the base model; for information, but for V1 with a base model that the seed doesn't know.</param>
    /// <param name="taskId">A task that exists already and is to be followed (V2 <c>task-...</c>).</param>
    /// <param name="jobId">Its job (V2 <c>job-...</c>).</param>
    /// <param name="trainMode">Kind of training; SFT when null.</param>
    /// <param name="previousTaskId">A finished task from which training goes on with other rows (incremental training).</param>
    /// <param name="jobName">Wished name of the job; a suffix derived from the action's id is added.</param>
    /// <param name="description">Description of the job.</param>
    /// <param name="id">Id; random when null.</param>
    /// <param name="name">Name of the action.</param>
    /// <param name="eventHandler">Hears the events.</param>
    /// <param name="options">What is seldom needed.</param>
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
        IEventHandler? eventHandler = null,
        TrainActionOptions? options = null)
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
        _options = options ?? new TrainActionOptions();
    }

    /// <summary>Base model; known after the beginning when it comes from a previous task.</summary>
    public string? TrainType => _trainType;

    /// <summary>Family of the base model.</summary>
    public string? BaseModel => _baseModel;

    /// <summary>How to train; the default once training has begun without one.</summary>
    public TrainConfig? TrainConfig => _config;

    /// <summary>Kind of training.</summary>
    public TrainMode TrainMode => _mode;

    /// <summary>True when training goes on from an earlier task or model.</summary>
    public bool IsIncr => _previousTaskId is not null || _options.PreviousModelId is not null;

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
    /// <param name="version">The version of the official SDK whose table is asked.</param>
    /// <exception cref="InvalidArgumentException">The table doesn't hold it.</exception>
    public static TrainConfig GetDefaultTrainConfig(string trainType, PeftType? peftType = null, SdkVersion version = SdkVersion.V040) =>
        ModelInfo.Find(trainType, TrainMode.Sft, version)?.DefaultConfig(peftType)
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
        if (_options.FollowOnly && _taskId is null)
        {
            throw new InvalidArgumentException("To follow alone, the task must be given.");
        }

        if (run.ResumedFrom is ActionState.Stopped or ActionState.Error && _taskId is not null && !_options.FollowOnly)
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

        // V1 knows no stream of events.
        var task = _client.Options is { PlatformExtensions: true, ApiVersion: ApiVersion.V2 }
            ? await FollowStreamAsync(run, cancellationToken).ConfigureAwait(false)
            : await PollAsync(run, cancellationToken).ConfigureAwait(false);
        return Finish(task, input);
    }

    /// <inheritdoc/>
    protected override async Task StopInterruptedAsync(CancellationToken cancellationToken)
    {
        if (_taskId is { } taskId && !_options.FollowOnly)
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
        _knownTasks = null;
        _ownJob = _givenJobId is null;
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
        state["known_tasks"] = _knownTasks is null ? null : new JsonArray([.. _knownTasks.Select(t => JsonValue.Create(t))]);
        state["own_job"] = _ownJob;
        state["options"] = _options.ToState();
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
        // "ended_tasks" and no "own_job" is version 1.
        _knownTasks = (state["known_tasks"] ?? state["ended_tasks"]) is JsonArray known ? [.. known.Select(t => t?.GetValue<string>() ?? "")] : null;
        _ownJob = state["own_job"] is null ? _givenJobId is null : StateFormat.Flag(state, "own_job");
        _options = state["options"] is { } options ? TrainActionOptions.FromState(options) : new TrainActionOptions();
    }

    private static QianfanClient Client(QianfanClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client;
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
            throw new ActionStoppedException($"[train_action]training job {_jobId}/{_taskId} was stopped");
        }

        if (task.RunStatus != FineTuningRunStatus.Done)
        {
            var reason = string.IsNullOrEmpty(task.Message) ? "" : $" ({task.Message})";
            throw new InternalErrorException($"[train_action]training job {_jobId}/{_taskId} has ended with status: {task.RunStatus}{reason}") { Code = task.Code };
        }

        input["job_id"] = _jobId;
        input["task_id"] = _taskId;
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

    private TrainingApi Api => TrainingApi.Of(_client, _baseModel);

    private ValueTask RunningAsync(string msg, JsonNode data, CancellationToken cancellationToken) =>
        ActionEventAsync(ActionState.Running, msg, data, cancellationToken);
}
