using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>How to train. What is null is left to the platform. Immutable.</summary>
/// <remarks>Seed: <c>qianfan.trainer.configs.TrainConfig</c>; limits depend on base model and method, see <see cref="ModelInfo"/>.</remarks>
public sealed record TrainConfig
{
    /// <summary>Passes over the rows.</summary>
    public int? Epoch { get; init; }

    /// <summary>Rows a step.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Peak learning rate.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Longest row in tokens.</summary>
    public int? MaxSeqLen { get; init; }

    /// <summary>How much of the model is trained; when null the first in alphabetical order that the base model offers.</summary>
    public PeftType? PeftType { get; init; }

    /// <summary>Percent of the rows held out for validation, 0 to 100.</summary>
    public int TrainsetRate { get; init; } = 20;

    /// <summary>Steps between two log entries.</summary>
    public int? LoggingSteps { get; init; }

    /// <summary>Share of the steps over which the learning rate grows, 0 to 1.</summary>
    public double? WarmupRatio { get; init; }

    /// <summary>AdamW's weight decay.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>Rank of LoRA.</summary>
    public int? LoraRank { get; init; }

    /// <summary>Alpha of LoRA.</summary>
    public double? LoraAlpha { get; init; }

    /// <summary>Dropout of LoRA, 0 to below 1.</summary>
    public double? LoraDropout { get; init; }

    /// <summary>Whether LoRA goes into all linear layers: <c>"True"</c> or <c>"False"</c>.</summary>
    public string? LoraAllLinear { get; init; }

    /// <summary>The layers that LoRA goes into.</summary>
    public IReadOnlyList<string>? LoraTargetModules { get; init; }

    /// <summary><c>cosine</c>, <c>linear</c> ...</summary>
    public string? SchedulerName { get; init; }

    /// <summary>Whether several short rows share a sequence; <c>Packing</c> on the wire.</summary>
    public string? Packing { get; init; }

    /// <summary>Machines to train on; the platform's choice when null. V2 only.</summary>
    public TrainResourceConfig? ResourceConfig { get; init; }

    /// <summary>Further parameters by their names on the wire, sent as they are.</summary>
    public JsonObject? Extras { get; init; }

    /// <summary>The parameters by their names on the wire; what is null is left out.</summary>
    public JsonObject ToHyperParameters()
    {
        var parameters = new JsonObject();
        Add("epoch", Epoch);
        Add("batchSize", BatchSize);
        Add("learningRate", LearningRate);
        Add("maxSeqLen", MaxSeqLen);
        Add("loggingSteps", LoggingSteps);
        Add("warmupRatio", WarmupRatio);
        Add("weightDecay", WeightDecay);
        Add("loraRank", LoraRank);
        Add("loraAllLinear", LoraAllLinear is null ? null : JsonValue.Create(LoraAllLinear));
        Add("schedulerName", SchedulerName is null ? null : JsonValue.Create(SchedulerName));
        Add("loraAlpha", LoraAlpha);
        Add("loraDropout", LoraDropout);
        Add("loraTargetModules", LoraTargetModules is null ? null : new JsonArray([.. LoraTargetModules.Select(m => JsonValue.Create(m))]));
        Add("Packing", Packing is null ? null : JsonValue.Create(Packing));
        foreach (var (key, value) in Extras ?? [])
        {
            parameters[key] = value?.DeepClone();
        }

        return parameters;

        void Add(string key, JsonNode? value)
        {
            if (value is not null)
            {
                parameters[key] = value;
            }
        }
    }

    /// <summary>A config from parameters by their names on the wire; unknown ones become <see cref="Extras"/>.</summary>
    public static TrainConfig FromHyperParameters(JsonObject parameters, PeftType? peftType = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var config = new TrainConfig { PeftType = peftType };
        JsonObject? extras = null;
        foreach (var (key, value) in parameters)
        {
            config = key switch
            {
                "epoch" => config with { Epoch = Whole(value) },
                "batchSize" => config with { BatchSize = Whole(value) },
                "learningRate" => config with { LearningRate = Real(value) },
                "maxSeqLen" => config with { MaxSeqLen = Whole(value) },
                "loggingSteps" => config with { LoggingSteps = Whole(value) },
                "warmupRatio" => config with { WarmupRatio = Real(value) },
                "weightDecay" => config with { WeightDecay = Real(value) },
                "loraRank" => config with { LoraRank = Whole(value) },
                "loraAllLinear" => config with { LoraAllLinear = value?.ToString() },
                "schedulerName" => config with { SchedulerName = value?.ToString() },
                "loraAlpha" => config with { LoraAlpha = Real(value) },
                "loraDropout" => config with { LoraDropout = Real(value) },
                "loraTargetModules" when value is JsonArray modules => config with { LoraTargetModules = [.. modules.Select(m => m?.ToString() ?? "")] },
                "Packing" => config with { Packing = value?.ToString() },
                _ => Keep(key, value),
            };
        }

        return extras is null ? config : config with { Extras = extras };

        TrainConfig Keep(string key, JsonNode? value)
        {
            extras ??= [];
            extras[key] = value?.DeepClone();
            return config;
        }

        static int? Whole(JsonNode? value) => Real(value) is { } number ? (int)number : null;

        static double? Real(JsonNode? value) =>
            value is JsonValue && double.TryParse(value.ToString(), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    internal JsonNode? ToState() => JsonSerializer.SerializeToNode(this, TrainingJson.Default.TrainConfig);

    internal static TrainConfig? FromState(JsonNode? state) => state.Deserialize(TrainingJson.Default.TrainConfig);
}

/// <summary>Machines of a training. Immutable.</summary>
/// <remarks>Current SDK: <c>qianfan.trainer.configs.ResourceConfig</c>.</remarks>
public sealed record TrainResourceConfig
{
    /// <summary>A pool of one's own.</summary>
    public string? ResourceId { get; init; }

    /// <summary>Machines, at least 1.</summary>
    public int? NodeNum { get; init; }

    /// <summary>Whether machines that stand idle may be used.</summary>
    public bool? IdleResource { get; init; }

    internal JsonObject ToWire()
    {
        var wire = new JsonObject();
        if (ResourceId is not null)
        {
            wire["resourceId"] = ResourceId;
        }

        if (NodeNum is { } nodes)
        {
            wire["nodeNum"] = nodes;
        }

        if (IdleResource is { } idle)
        {
            wire["idleResource"] = idle;
        }

        return wire;
    }
}

/// <summary>How to deploy. Immutable.</summary>
/// <remarks>Seed: <c>qianfan.trainer.configs.DeployConfig</c>; in the seed replicas, pool type and service type have no default.</remarks>
public sealed record DeployConfig
{
    /// <summary>Wished name of the service; a suffix derived from the action's id is added.</summary>
    public string Name { get; init; } = "";

    /// <summary>Wished beginning of the endpoint; a suffix derived from the action's id is added.</summary>
    public string EndpointPrefix { get; init; } = "";

    /// <summary>The endpoint exactly as it shall be; wins over <see cref="EndpointPrefix"/>.</summary>
    public string EndpointSuffix { get; init; } = "";

    /// <summary>Description of the service.</summary>
    public string Description { get; init; } = "";

    /// <summary>Copies of the model, at least 1.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>Whose machines.</summary>
    public DeployPoolType PoolType { get; init; } = DeployPoolType.PrivateResource;

    /// <summary>How the service is called. <see cref="ServiceType.Chat"/> leaves it to the platform: ours serves a model that learnt texts for completions.</summary>
    public ServiceType ServiceType { get; init; } = ServiceType.Chat;

    /// <summary>Requests a second.</summary>
    public double? Qps { get; init; }

    /// <summary><c>GPU-I-2</c>, <c>GPU-I-4</c>, <c>CPU-I-2</c>.</summary>
    public string ResourceType { get; init; } = "GPU-I-2";

    /// <summary>Months to pay for; wins over <see cref="Hours"/>.</summary>
    public int? Months { get; init; }

    /// <summary>Hours to pay for.</summary>
    public int Hours { get; init; } = 1;

    /// <summary>Kept with the config; not sent.</summary>
    public JsonObject? Extras { get; init; }

    internal JsonNode? ToState() => JsonSerializer.SerializeToNode(this, TrainingJson.Default.DeployConfig);

    internal static DeployConfig? FromState(JsonNode? state) => state.Deserialize(TrainingJson.Default.DeployConfig);

    internal ServiceBilling ToBilling() => new()
    {
        Reservation = Months is { } months
            ? new ServiceReservation { ReservationTimeUnit = "Month", ReservationLength = months }
            : new ServiceReservation { ReservationTimeUnit = "Hour", ReservationLength = Hours },
    };
}

/// <summary>Serialization of what Dumps writes.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(TrainConfig))]
[JsonSerializable(typeof(DeployConfig))]
[JsonSerializable(typeof(TrainActionOptions))]
internal sealed partial class TrainingJson : JsonSerializerContext;
