using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
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
    public static Service Loads(string json, QianfanClient client) => StateFormat.Read(json, state => FromJson(state, client));

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
    /// <returns>The platform's answer, in the form of the generation that the client speaks (<see cref="QianfanOptions.ApiVersion"/>).</returns>
    /// <exception cref="InvalidArgumentException">The body doesn't fit, or the endpoint isn't known.</exception>
    /// <exception cref="InternalErrorException">This kind of service can't be called.</exception>
    public async Task<JsonObject> ExecAsync(JsonObject? input = null, CancellationToken cancellationToken = default)
    {
        var body = (JsonObject)(input ?? throw new InvalidArgumentException("A service needs an input.")).DeepClone();
        try
        {
            return _client.Options.ApiVersion == ApiVersion.V1
                ? await ExecV1Async(body, cancellationToken).ConfigureAwait(false)
                : await ExecV2Async(body, cancellationToken).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            throw new InvalidArgumentException($"The input doesn't fit a service of type {ServiceType}: {e.Message}");
        }
    }

    /// <summary>Chats and gives the answer piece by piece.</summary>
    /// <exception cref="InvalidArgumentException">The endpoint isn't known.</exception>
    public IAsyncEnumerable<ChatCompletionChunk> StreamAsync(IReadOnlyList<ChatMessage> messages, CancellationToken cancellationToken = default) =>
        _client.Options.ApiVersion == ApiVersion.V1
            ? StreamV1Async(messages, cancellationToken)
            : _client.Chat.StreamAsync(new ChatCompletionRequest { Model = KnownEndpoint, Messages = messages }, cancellationToken);

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

    private string KnownEndpoint => Endpoint ?? throw new InvalidArgumentException("The service's endpoint is not known.");

    private InternalErrorException NotCallable => new($"A service of type {ServiceType} can't be called.");

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

    private async Task<JsonObject> ExecV2Async(JsonObject body, CancellationToken cancellationToken)
    {
        body["model"] = KnownEndpoint;
        if (ServiceType == ServiceType.Completion && body["prompt"]?.GetValueKind() == JsonValueKind.String)
        {
            var prompt = body["prompt"]!.GetValue<string>();
            body.Remove("prompt");
            body["messages"] = new JsonArray();
            var template = body.Deserialize(QianfanJson.Wire.ChatCompletionRequest)!;
            return Json(await _client.Completions.CompleteAsync(KnownEndpoint, prompt, template, cancellationToken).ConfigureAwait(false), QianfanJson.Wire.ChatCompletion);
        }

        return ServiceType switch
        {
            ServiceType.Chat or ServiceType.Completion => Json(await _client.Chat.CompleteAsync(body.Deserialize(QianfanJson.Wire.ChatCompletionRequest)!, cancellationToken).ConfigureAwait(false), QianfanJson.Wire.ChatCompletion),
            ServiceType.Embedding => Json(await _client.Embeddings.CreateAsync(body.Deserialize(QianfanJson.Wire.EmbeddingRequest)!, cancellationToken).ConfigureAwait(false), QianfanJson.Wire.EmbeddingResponse),
            _ => throw NotCallable,
        };
    }

    private async Task<JsonObject> ExecV1Async(JsonObject body, CancellationToken cancellationToken) => ServiceType switch
    {
        ServiceType.Chat => Json(await _client.V1.Chat.CompleteAsync(KnownEndpoint, body.Deserialize(QianfanJson.Wire.V1ChatRequest)!, cancellationToken).ConfigureAwait(false), QianfanJson.Wire.V1ChatResponse),
        ServiceType.Completion => Json(await _client.V1.Completions.CompleteAsync(KnownEndpoint, body.Deserialize(QianfanJson.Wire.V1CompletionRequest)!, cancellationToken).ConfigureAwait(false), QianfanJson.Wire.V1CompletionResponse),
        ServiceType.Embedding => Json(await _client.V1.Embeddings.CreateAsync(KnownEndpoint, body.Deserialize(QianfanJson.Wire.V1EmbeddingRequest)!, cancellationToken).ConfigureAwait(false), QianfanJson.Wire.EmbeddingResponse),
        _ => throw NotCallable,
    };

    /// <summary>V1's pieces in the form of V2's.</summary>
    private async IAsyncEnumerable<ChatCompletionChunk> StreamV1Async(IReadOnlyList<ChatMessage> messages, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new V1ChatRequest { Messages = [.. messages.Select(m => new V1ChatMessage { Role = m.Role, Content = m.Content })] };
        await foreach (var piece in _client.V1.Chat.StreamAsync(KnownEndpoint, request, cancellationToken).ConfigureAwait(false))
        {
            yield return new ChatCompletionChunk
            {
                Id = piece.Id,
                Created = piece.Created,
                Choices = [new ChatChunkChoice { Delta = new ChatDelta { Content = piece.Result }, FinishReason = piece.FinishReason, IsEnd = piece.IsEnd }],
                Usage = piece.Usage,
            };
        }
    }

    private static JsonObject Json<T>(T answer, JsonTypeInfo<T> type) => (JsonObject)JsonSerializer.SerializeToNode(answer, type)!;
}
