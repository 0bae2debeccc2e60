using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>A deployed model that can be called. Thread-safe once created.</summary>
/// <remarks>Seed: <c>qianfan.trainer.model.Service</c>.</remarks>
public sealed class Service : IExecuteSerializable<JsonObject, JsonObject>
{
    private readonly QianfanClient _client;

    /// <summary>Creates the object; no network.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="id">The service (<c>svco-...</c>).</param>
    /// <param name="endpoint">Its endpoint, by which it is called.</param>
    /// <param name="serviceType">How it is called.</param>
    /// <param name="model">The model that it serves.</param>
    /// <param name="deployConfig">How it was deployed.</param>
    /// <param name="name">Name.</param>
    public Service(QianfanClient client, string? id = null, string? endpoint = null, ServiceType serviceType = ServiceType.Chat, Model? model = null, DeployConfig? deployConfig = null, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        Id = id;
        Endpoint = endpoint;
        ServiceType = serviceType;
        Model = model;
        DeployConfig = deployConfig;
        Name = name;
    }

    /// <summary>The service (<c>svco-...</c>), or null when only the endpoint is known.</summary>
    public string? Id { get; }

    /// <summary>The endpoint, by which the service is called.</summary>
    public string? Endpoint { get; }

    /// <summary>How it is called.</summary>
    public ServiceType ServiceType { get; }

    /// <summary>The model that it serves.</summary>
    public Model? Model { get; }

    /// <summary>How it was deployed.</summary>
    public DeployConfig? DeployConfig { get; }

    /// <summary>Name.</summary>
    public string? Name { get; }

    /// <summary>Takes a service back from <see cref="Dumps"/>.</summary>
    /// <exception cref="InvalidArgumentException">The text is no state of a service.</exception>
    public static Service Loads(string json, QianfanClient client) => FromJson(StateFormat.Parse(json), client);

    /// <summary>Asks the platform where the service stands.</summary>
    /// <exception cref="InternalErrorException">The service's id is not known.</exception>
    public async Task<ServiceStatus> GetStatusAsync(CancellationToken cancellationToken = default)
    {
        var service = await TrainingApi.Of(_client).DescribeServiceAsync(Id ?? throw new InternalErrorException("The service's id is not known."), cancellationToken).ConfigureAwait(false);
        return service.RunStatus.Value switch
        {
            "New" => ServiceStatus.Created,
            "Deploying" => ServiceStatus.Deploying,
            "Serving" or "Done" => ServiceStatus.Deployed,
            "Failed" => ServiceStatus.DeployFailed,
            "Stopped" => ServiceStatus.DeployStopped,
            _ => ServiceStatus.Unknown,
        };
    }

    /// <summary>Calls the service with a body: <c>{"messages": [...]}</c> for chat, <c>{"prompt": "..."}</c> for completion, <c>{"input": [...]}</c> for embedding; further members are sent along.</summary>
    /// <returns>The platform's answer.</returns>
    /// <exception cref="InvalidArgumentException">The body doesn't fit, or the endpoint isn't known.</exception>
    /// <exception cref="InternalErrorException">This kind of service can't be called.</exception>
    public async Task<JsonObject> ExecAsync(JsonObject? input = null, CancellationToken cancellationToken = default)
    {
        var body = (JsonObject)(input ?? throw new InvalidArgumentException("A service needs an input.")).DeepClone();
        body["model"] = Endpoint ?? throw new InvalidArgumentException("The service's endpoint is not known.");
        try
        {
            switch (ServiceType)
            {
                case ServiceType.Completion when body["prompt"] is { } prompt:
                    body.Remove("prompt");
                    body["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt.DeepClone() });
                    goto case ServiceType.Chat;
                case ServiceType.Chat:
                    var request = body.Deserialize(QianfanJson.Wire.ChatCompletionRequest)!;
                    var answer = await _client.Chat.CompleteAsync(request, cancellationToken).ConfigureAwait(false);
                    return (JsonObject)JsonSerializer.SerializeToNode(answer, QianfanJson.Wire.ChatCompletion)!;
                case ServiceType.Embedding:
                    var texts = body.Deserialize(QianfanJson.Wire.EmbeddingRequest)!;
                    var vectors = await _client.Embeddings.CreateAsync(texts, cancellationToken).ConfigureAwait(false);
                    return (JsonObject)JsonSerializer.SerializeToNode(vectors, QianfanJson.Wire.EmbeddingResponse)!;
                default:
                    throw new InternalErrorException($"A service of type {ServiceType} can't be called with this input.");
            }
        }
        catch (JsonException e)
        {
            throw new InvalidArgumentException($"The input doesn't fit a service of type {ServiceType}: {e.Message}");
        }
    }

    /// <summary>Chats and gives the answer piece by piece.</summary>
    /// <exception cref="InvalidArgumentException">The endpoint isn't known.</exception>
    public IAsyncEnumerable<ChatCompletionChunk> StreamAsync(IReadOnlyList<ChatMessage> messages, CancellationToken cancellationToken = default) =>
        _client.Chat.StreamAsync(
            new ChatCompletionRequest { Model = Endpoint ?? throw new InvalidArgumentException("The service's endpoint is not known."), Messages = messages },
            cancellationToken);

    /// <inheritdoc/>
    public string Dumps()
    {
        var state = ToJson();
        state["version"] = StateFormat.Version;
        return state.ToJsonString(StateFormat.Options);
    }

    internal static Service FromJson(JsonObject state, QianfanClient client) => new(
        client,
        StateFormat.Text(state, "id"),
        StateFormat.Text(state, "endpoint"),
        Enum.TryParse<ServiceType>(StateFormat.Text(state, "service_type"), out var type) ? type : ServiceType.Chat,
        state["model_id"] is null ? null : new Model(client, StateFormat.Text(state, "model_set_id"), StateFormat.Text(state, "model_id")),
        DeployConfig.FromState(state["deploy_config"]),
        StateFormat.Text(state, "name"));

    internal JsonObject ToJson() => new()
    {
        ["id"] = Id,
        ["name"] = Name,
        ["endpoint"] = Endpoint,
        ["service_type"] = ServiceType.ToString(),
        ["model_set_id"] = Model?.SetId,
        ["model_id"] = Model?.Id,
        ["deploy_config"] = DeployConfig?.ToState(),
    };
}
