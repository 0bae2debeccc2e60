using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Training;

/// <summary>A model: trained, published, perhaps deployed. Not thread-safe.</summary>
/// <remarks>Seed: <c>qianfan.trainer.model.Model</c>; its <c>id</c> and <c>version_id</c> are our <see cref="SetId"/> and <see cref="Id"/>.</remarks>
public sealed class Model : IExecuteSerializable<JsonObject, JsonObject>
{
    private readonly QianfanClient _client;

    /// <summary>Creates the object; no network.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="setId">The model set (<c>am-...</c>).</param>
    /// <param name="id">The version (<c>amv-...</c>).</param>
    /// <param name="taskId">The training that it comes from (V2 <c>task-...</c>).</param>
    /// <param name="jobId">Its job (V2 <c>job-...</c>).</param>
    /// <param name="name">Name.</param>
    public Model(QianfanClient client, string? setId = null, string? id = null, string? taskId = null, string? jobId = null, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        SetId = setId;
        Id = id;
        TaskId = taskId;
        JobId = jobId;
        Name = name;
    }

    /// <summary>The model set (<c>am-...</c>); known once published.</summary>
    public string? SetId { get; private set; }

    /// <summary>The version (<c>amv-...</c>); known once published.</summary>
    public string? Id { get; private set; }

    /// <summary>The training that it comes from.</summary>
    public string? TaskId { get; private set; }

    /// <summary>The job of that training.</summary>
    public string? JobId { get; private set; }

    /// <summary>Name.</summary>
    public string? Name { get; private set; }

    /// <summary>The service that serves it, once deployed.</summary>
    public Service? Service { get; private set; }

    /// <summary>Takes a model back from <see cref="Dumps"/>.</summary>
    /// <exception cref="InvalidArgumentException">The text is no state of a model.</exception>
    public static Model Loads(string json, QianfanClient client) =>
        StateFormat.Read(json, state =>
        {
            var model = FromJson(state, client);
            if (state["service"] is JsonObject service)
            {
                model.Service = Service.FromJson(service, client);
            }

            return model;
        });

    /// <summary>Publishes the training as a model and waits until it can be deployed. A model that is published already is not published again: what is missing of its ids is looked up.</summary>
    /// <param name="name">Wished name; a suffix is added.</param>
    /// <param name="cancellationToken">Aborts.</param>
    /// <returns>This model.</returns>
    /// <exception cref="InvalidArgumentException">Neither a model nor a training is named.</exception>
    /// <exception cref="InternalErrorException">The training or the publishing failed.</exception>
    public async Task<Model> PublishAsync(string name = "", CancellationToken cancellationToken = default)
    {
        if (SetId is not null || Id is not null)
        {
            await CompleteIdsAsync(cancellationToken).ConfigureAwait(false);
            return this;
        }

        var output = await new ModelPublishAction(_client, modelName: name.Length > 0 ? name : Name)
            .ExecAsync(new JsonObject { ["job_id"] = JobId, ["task_id"] = TaskId }, cancellationToken).ConfigureAwait(false);
        SetId = StateFormat.Text(output, "model_set_id");
        Id = StateFormat.Text(output, "model_id");
        Name = output["model"] is JsonObject model ? StateFormat.Text(model, "name") : Name;
        return this;
    }

    /// <summary>Deploys the model and waits until it answers; publishes it first when needed. One that is deployed already gives its service.</summary>
    public async Task<Service> DeployAsync(DeployConfig deployConfig, CancellationToken cancellationToken = default)
    {
        if (Service is null)
        {
            await PublishAsync("", cancellationToken).ConfigureAwait(false);
            Service = await ModelDeploy.DeployAsync(_client, this, deployConfig, cancellationToken).ConfigureAwait(false);
        }

        return Service;
    }

    /// <summary>Calls the model's service: see <see cref="Service.ExecAsync"/>.</summary>
    /// <exception cref="InternalErrorException">The model is not deployed.</exception>
    public Task<JsonObject> ExecAsync(JsonObject? input = null, CancellationToken cancellationToken = default) =>
        Service is { } service ? service.ExecAsync(input, cancellationToken) : throw new InternalErrorException("The model is not deployed: deploy it before calling it.");

    /// <inheritdoc/>
    public string Dumps()
    {
        var state = ToJson();
        state["version"] = StateFormat.Version;
        state["service"] = Service?.ToJson();
        return state.ToJsonString(StateFormat.Options);
    }

    internal static Model FromJson(JsonObject state, QianfanClient client) => new(
        client,
        StateFormat.Text(state, "set_id"),
        StateFormat.Text(state, "id"),
        StateFormat.Text(state, "task_id"),
        StateFormat.Text(state, "job_id"),
        StateFormat.Text(state, "name"));

    internal JsonObject ToJson() => new() { ["set_id"] = SetId, ["id"] = Id, ["task_id"] = TaskId, ["job_id"] = JobId, ["name"] = Name };

    private async Task CompleteIdsAsync(CancellationToken cancellationToken)
    {
        if (Id is null)
        {
            Id = await TrainingApi.Of(_client).NewestVersionAsync(SetId!, cancellationToken).ConfigureAwait(false);
        }

        if (SetId is null)
        {
            var version = await _client.Models.GetModelVersionDetailAsync(Id, cancellationToken).ConfigureAwait(false);
            SetId = _client.Options.ApiVersion == ApiVersion.V1 ? version.ModelId ?? version.ModelIdStr : version.ModelIdStr ?? version.ModelId;
            Name ??= version.ModelName;
            TaskId ??= version.SourceExtra?.TrainSourceExtra?.RunIdStr;
            JobId ??= version.SourceExtra?.TrainSourceExtra?.TaskIdStr;
        }
    }
}

/// <summary>Deploys models.</summary>
/// <remarks>Seed: <c>qianfan.trainer.model.model_deploy</c>.</remarks>
public static class ModelDeploy
{
    /// <summary>Deploys a published model and waits until it answers.</summary>
    /// <exception cref="InternalErrorException">The deployment failed.</exception>
    public static async Task<Service> DeployAsync(QianfanClient client, Model model, DeployConfig deployConfig, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        var output = await new DeployAction(client, deployConfig)
            .ExecAsync(new JsonObject { ["model_set_id"] = model.SetId, ["model_id"] = model.Id, ["model"] = model.ToJson() }, cancellationToken).ConfigureAwait(false);
        return Service.FromJson((JsonObject)output["service"]!, client);
    }
}
