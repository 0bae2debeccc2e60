using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Deploys a model version as a service.</summary>
/// <remarks>Input: <c>model_set_id</c> and <c>model_id</c> (or the seed's <c>model_id</c> and <c>model_version_id</c>). Output: the input with <c>service_id</c>, <c>service_endpoint</c>, <c>service</c>. Seed: <c>qianfan.trainer.actions.DeployAction</c>.</remarks>
public sealed class DeployAction : BaseAction
{
    private readonly QianfanClient _client;
    private DeployConfig _config;
    private string? _modelSetId;
    private string? _modelId;
    private string? _serviceId;
    private bool _stoppedByUs;

    /// <summary>Creates the action.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="deployConfig">How to deploy; a chat service with one replica when null.</param>
    /// <param name="id">Id; random when null.</param>
    /// <param name="name">Name of the action.</param>
    /// <param name="eventHandler">Hears the events.</param>
    public DeployAction(QianfanClient client, DeployConfig? deployConfig = null, string? id = null, string? name = null, IEventHandler? eventHandler = null)
        : base(id, name, eventHandler, client?.Time)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _config = deployConfig ?? new DeployConfig();
    }

    /// <summary>How to deploy.</summary>
    public DeployConfig DeployConfig => _config;

    /// <summary>The model set that was given to deploy (<c>am-...</c>); the seed's <c>model_id</c>.</summary>
    public string? ModelSetId => Volatile.Read(ref _modelSetId);

    /// <summary>The model version that was given to deploy (<c>amv-...</c>); the seed's <c>model_version_id</c>.</summary>
    public string? ModelId => Volatile.Read(ref _modelId);

    /// <summary>The service (<c>svco-...</c>), once created.</summary>
    public string? ServiceId => Volatile.Read(ref _serviceId);

    /// <inheritdoc/>
    protected override async Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(run);
        var version = StateFormat.Text(input, "model_version_id") ?? StateFormat.Text(input, "model_id");
        var set = StateFormat.Text(input, "model_set_id") ?? (input["model_version_id"] is null ? null : StateFormat.Text(input, "model_id"));
        if (string.IsNullOrEmpty(version) || string.IsNullOrEmpty(set))
        {
            throw new InvalidArgumentException("There is no model to deploy: the input needs \"model_set_id\" and \"model_id\".");
        }

        Mutate(() => (_modelSetId, _modelId) = (set, version));
        if (_config.Replicas < 1)
        {
            throw new InvalidArgumentException("A service needs at least one replica.");
        }

        var suffix = RemoteNames.Suffix(Id, run.Number);
        var endpoint = _config.EndpointSuffix.Length > 0 ? _config.EndpointSuffix : $"{(_config.EndpointPrefix.Length > 0 ? _config.EndpointPrefix : "svc")}_{suffix}";
        if (_serviceId is null)
        {
            run.ThrowIfStopRequested();
            await CreateAsync(RemoteNames.Create(_config.Name, "svc", Id, run.Number), endpoint, set, version, input["model"], run, cancellationToken).ConfigureAwait(false);
        }
        else if (_client.Options.PlatformExtensions && (run.ResumedFrom is ActionState.Stopped or ActionState.Error || _stoppedByUs))
        {
            await StartAgainAsync(cancellationToken).ConfigureAwait(false);
        }

        var service = await WaitUntilServingAsync(run, cancellationToken).ConfigureAwait(false);
        endpoint = LastSegment(service.Url) ?? endpoint;
        input["service_id"] = service.ServiceId;
        input["service_endpoint"] = endpoint;
        input["service"] = new JsonObject
        {
            ["id"] = service.ServiceId,
            ["name"] = service.Name,
            ["endpoint"] = endpoint,
            ["service_type"] = TypeOf(service.ServiceType).ToString(),
            ["model_set_id"] = set,
            ["model_id"] = version,
        };
        return input;
    }

    /// <inheritdoc/>
    protected override async Task StopInterruptedAsync(CancellationToken cancellationToken)
    {
        if (_serviceId is not null)
        {
            await StopRemoteAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override void ResetState()
    {
        _modelSetId = null;
        _modelId = null;
        _serviceId = null;
        _stoppedByUs = false;
    }

    /// <inheritdoc/>
    protected override void SaveState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state["deploy_config"] = _config.ToState();
        state["model_set_id"] = _modelSetId;
        state["model_id"] = _modelId;
        state["service_id"] = _serviceId;
        state["stopped_by_us"] = _stoppedByUs;
    }

    /// <inheritdoc/>
    protected override void LoadState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _config = DeployConfig.FromState(state["deploy_config"]) ?? throw StateFormat.Broken("deploy_config");
        _modelSetId = StateFormat.Text(state, "model_set_id");
        _modelId = StateFormat.Text(state, "model_id");
        _serviceId = StateFormat.Text(state, "service_id");
        _stoppedByUs = StateFormat.Flag(state, "stopped_by_us");
    }

    internal static string? LastSegment(string? url)
    {
        var path = url?.TrimEnd('/');
        return string.IsNullOrEmpty(path) ? null : path[(path.LastIndexOf('/') + 1)..];
    }

    private TrainingApi Api => TrainingApi.Of(_client);

    /// <summary>What the platform made of it: ours serves a model that learnt plain text for completions, unless it is told otherwise.</summary>
    private ServiceType TypeOf(string? word) => word switch
    {
        "chat" => ServiceType.Chat,
        "completions" => ServiceType.Completion,
        "embeddings" => ServiceType.Embedding,
        _ => _config.ServiceType,
    };

    private async Task CreateAsync(string name, string endpoint, string set, string version, JsonNode? model, ActionRun run, CancellationToken cancellationToken)
    {
        var data = new JsonObject
        {
            ["model"] = model?.DeepClone() ?? new JsonObject { ["set_id"] = set, ["id"] = version },
            ["create"] = "CreateService",
            ["done"] = false,
            ["name"] = name,
        };
        await ActionEventAsync(ActionState.Running, "ready to deploy", data, cancellationToken).ConfigureAwait(false);
        var service = await CreateOnce.RunAsync(
            run.IsResumed,
            () => Api.FindServiceAsync(name, cancellationToken),
            () => Api.CreateServiceAsync(new ServiceOrder(name, endpoint, set, version, _config), cancellationToken),
            run,
            _client.Options.ConsoleRetry,
            cancellationToken).ConfigureAwait(false);
        Mutate(() => _serviceId = service);
        await ActionEventAsync(ActionState.Running, "service created", new JsonObject { ["create"] = "CreateService", ["done"] = true, ["name"] = name, ["service_id"] = service }, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ServiceDescription> WaitUntilServingAsync(ActionRun run, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (run.StopToken.IsCancellationRequested)
            {
                await StopRemoteAsync(cancellationToken).ConfigureAwait(false);
                run.ThrowIfStopRequested();
            }

            var service = await Outage.PatientlyAsync(_client, () => Api.DescribeServiceAsync(_serviceId!, cancellationToken), cancellationToken).ConfigureAwait(false);
            if (service.RunStatus == ServiceRunStatus.Serving)
            {
                return service;
            }

            if (service.RunStatus == ServiceRunStatus.Stopped)
            {
                throw new ActionStoppedException($"[deploy_action]the service {_serviceId} was stopped");
            }

            if (service.RunStatus == ServiceRunStatus.Failed)
            {
                var reason = string.IsNullOrEmpty(service.Message) ? "" : $" ({service.Message})";
                throw new InternalErrorException($"[deploy_action]the service {_serviceId} could not be deployed{reason}");
            }

            await run.DelayAsync(_client.Options.DeployPoll, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task StartAgainAsync(CancellationToken cancellationToken)
    {
        var service = await Api.DescribeServiceAsync(_serviceId!, cancellationToken).ConfigureAwait(false);
        if (service.RunStatus == ServiceRunStatus.Stopped || service.RunStatus == ServiceRunStatus.Failed)
        {
            await _client.Services.StartAsync(_serviceId!, cancellationToken).ConfigureAwait(false);
        }

        Mutate(() => _stoppedByUs = false);
    }

    /// <summary>Only our platform can stop a service; on the cloud the deployment is left to go on and is found again by a resume.</summary>
    private async Task StopRemoteAsync(CancellationToken cancellationToken)
    {
        if (_client.Options.PlatformExtensions)
        {
            await _client.Services.StopAsync(_serviceId!, cancellationToken).ConfigureAwait(false);
            Mutate(() => _stoppedByUs = true);
        }
    }
}
