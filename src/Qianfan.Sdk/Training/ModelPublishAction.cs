using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Publishes what a task trained as a new model.</summary>
/// <remarks>Input: <c>job_id</c>, <c>task_id</c>. Output: the input with <c>model_set_id</c>, <c>model_id</c> (the version) and <c>model</c>. Only a task that is Done is published. Seed: <c>qianfan.trainer.actions.ModelPublishAction</c>, whose <c>model_id</c> and <c>model_version_id</c> are our <c>model_set_id</c> and <c>model_id</c>.</remarks>
public sealed class ModelPublishAction : BaseAction
{
    private readonly QianfanClient _client;
    private string? _modelName;
    private string? _modelSetId;
    private string? _modelId;

    /// <summary>Creates the action.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="id">Id; random when null.</param>
    /// <param name="name">Name of the action.</param>
    /// <param name="modelName">Wished name of the model; a suffix derived from the action's id is added. When null, the seed's <c>m_{job}{task}</c>.</param>
    /// <param name="eventHandler">Hears the events.</param>
    public ModelPublishAction(QianfanClient client, string? id = null, string? name = null, string? modelName = null, IEventHandler? eventHandler = null)
        : base(id, name, eventHandler, client?.Time)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _modelName = modelName;
    }

    /// <summary>The model set (<c>am-...</c>), once created.</summary>
    public string? ModelSetId => Volatile.Read(ref _modelSetId);

    /// <summary>The version (<c>amv-...</c>), once known.</summary>
    public string? ModelId => Volatile.Read(ref _modelId);

    /// <inheritdoc/>
    protected override async Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(run);
        var jobId = StateFormat.Text(input, "job_id");
        var taskId = StateFormat.Text(input, "task_id");
        if (string.IsNullOrEmpty(jobId) || string.IsNullOrEmpty(taskId))
        {
            throw new InvalidArgumentException("There is no training to publish: the input needs \"job_id\" and \"task_id\".");
        }

        var name = string.IsNullOrWhiteSpace(_modelName) ? DefaultName(jobId, taskId, run) : RemoteNames.Create(_modelName, "m", Id, run.Number);
        if (_modelSetId is null)
        {
            await WaitForTrainingAsync(jobId, taskId, run, cancellationToken).ConfigureAwait(false);
            run.ThrowIfStopRequested();
            await PublishAsync(name, jobId, taskId, run, cancellationToken).ConfigureAwait(false);
        }

        if (_modelId is null)
        {
            var newest = await Outage.PatientlyAsync(_client, () => Api.NewestVersionAsync(_modelSetId!, cancellationToken), cancellationToken).ConfigureAwait(false);
            Mutate(() => _modelId = newest);
        }

        await WaitUntilReadyAsync(run, cancellationToken).ConfigureAwait(false);
        input["job_id"] = jobId;
        input["task_id"] = taskId;
        input["model_set_id"] = _modelSetId;
        input["model_id"] = _modelId;
        input["model"] = new JsonObject { ["set_id"] = _modelSetId, ["id"] = _modelId, ["name"] = name, ["job_id"] = jobId, ["task_id"] = taskId };
        return input;
    }

    /// <inheritdoc/>
    protected override void ResetState()
    {
        _modelSetId = null;
        _modelId = null;
    }

    /// <inheritdoc/>
    protected override void SaveState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state["model_name"] = _modelName;
        state["model_set_id"] = _modelSetId;
        state["model_id"] = _modelId;
    }

    /// <inheritdoc/>
    protected override void LoadState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _modelName = StateFormat.Text(state, "model_name");
        _modelSetId = StateFormat.Text(state, "model_set_id");
        _modelId = StateFormat.Text(state, "model_id");
    }

    private TrainingApi Api => TrainingApi.Of(_client);

    /// <summary>The seed's default, so that one training is one model however often it is asked for; too long a one is cut and told apart by the action's suffix.</summary>
    private string DefaultName(string jobId, string taskId, ActionRun run)
    {
        var name = $"m_{jobId}{taskId}";
        return name.Length <= RemoteNames.MaxLength ? name : RemoteNames.Create(name, "m", Id, run.Number);
    }

    private async Task WaitForTrainingAsync(string jobId, string taskId, ActionRun run, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (task, _) = await Outage.PatientlyAsync(_client, () => Api.DescribeTaskAsync(jobId, taskId, cancellationToken), cancellationToken).ConfigureAwait(false);
            if (task.RunStatus == FineTuningRunStatus.Done)
            {
                return;
            }

            if (task.RunStatus.IsTerminal)
            {
                throw new InternalErrorException($"[model_publish_action]training job {jobId}/{taskId} has ended with status {task.RunStatus} and can't be published");
            }

            await run.DelayAsync(_client.Options.PublishPoll, cancellationToken).ConfigureAwait(false);
            run.ThrowIfStopRequested();
        }
    }

    private async Task PublishAsync(string name, string jobId, string taskId, ActionRun run, CancellationToken cancellationToken)
    {
        await ActionEventAsync(ActionState.Running, "model publish", new JsonObject { ["task_id"] = taskId, ["job_id"] = jobId, ["create"] = "publishTrainModel", ["done"] = false, ["name"] = name }, cancellationToken).ConfigureAwait(false);
        var set = await CreateOnce.RunAsync(
            run.IsResumed,
            () => Api.FindModelAsync(name, cancellationToken),
            () => Api.PublishAsync(name, jobId, taskId, cancellationToken),
            run,
            _client.Options.ConsoleRetry,
            cancellationToken).ConfigureAwait(false);
        Mutate(() => _modelSetId = set);
        await ActionEventAsync(ActionState.Running, "model created", new JsonObject { ["task_id"] = taskId, ["job_id"] = jobId, ["create"] = "publishTrainModel", ["done"] = true, ["name"] = name, ["model_set_id"] = set }, cancellationToken).ConfigureAwait(false);
    }

    private async Task WaitUntilReadyAsync(ActionRun run, CancellationToken cancellationToken)
    {
        while (true)
        {
            run.ThrowIfStopRequested();
            var version = await Outage.PatientlyAsync(_client, () => _client.Models.GetModelVersionDetailAsync(_modelId!, cancellationToken), cancellationToken).ConfigureAwait(false);
            if (version.State == ModelVersionState.Ready)
            {
                return;
            }

            if (version.State == ModelVersionState.Fail)
            {
                throw new InternalErrorException($"[model_publish_action]the model {_modelSetId}/{_modelId} could not be published");
            }

            await run.DelayAsync(_client.Options.PublishPoll, cancellationToken).ConfigureAwait(false);
        }
    }
}
