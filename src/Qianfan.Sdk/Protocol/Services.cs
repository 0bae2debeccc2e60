using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of <c>CreateService</c>.</summary>
public sealed record CreateServiceRequest
{
    /// <summary><c>am-...</c></summary>
    public required string ModelSetId { get; init; }

    /// <summary><c>amv-...</c></summary>
    public required string ModelId { get; init; }

    /// <summary>Name of the service.</summary>
    public required string Name { get; init; }

    /// <summary>Wished end of the address.</summary>
    public required string UrlSuffix { get; init; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary>Resources.</summary>
    public ServiceResourceConfig? ResourceConfig { get; set; }

    /// <summary>How it is paid.</summary>
    public ServiceBilling? Billing { get; set; }

    /// <summary>Extension of our platform: <c>chat</c>, <c>completions</c> or <c>embeddings</c>; null for what the model was trained to do.</summary>
    public string? ServiceType { get; set; }
}

/// <summary>Resources of a service.</summary>
public sealed record ServiceResourceConfig
{
    /// <summary><c>GPU-I-2</c>, <c>GPU-I-4</c>, <c>CPU-I-2</c>.</summary>
    public string Type { get; set; } = "GPU-I-2";

    /// <summary>Copies of the model; on our platform, requests that decode at once. 1 to 64.</summary>
    public int ReplicasCount { get; set; } = 1;

    /// <summary>Requests a second.</summary>
    public double? Qps { get; set; }
}

/// <summary>How a service is paid.</summary>
public sealed record ServiceBilling
{
    /// <summary><c>Prepaid</c></summary>
    public string PaymentTiming { get; set; } = "Prepaid";

    /// <summary>For how long.</summary>
    public ServiceReservation? Reservation { get; set; }
}

/// <summary>For how long a service is paid.</summary>
public sealed record ServiceReservation
{
    /// <summary><c>Hour</c> or <c>Month</c>.</summary>
    public string ReservationTimeUnit { get; set; } = "Hour";

    /// <summary>Number of them.</summary>
    public int ReservationLength { get; set; } = 1;
}

/// <summary>Result of <c>CreateService</c>.</summary>
public sealed record CreateServiceResult
{
    /// <summary><c>svco-...</c></summary>
    public required string ServiceId { get; init; }

    /// <summary>Id of the paid instance.</summary>
    public string? InstanceId { get; set; }
}

/// <summary>Body of the calls that name one service.</summary>
public sealed record ServiceIdRequest
{
    /// <summary><c>svco-...</c></summary>
    public required string ServiceId { get; init; }
}

/// <summary>Result of <c>DescribeService</c>.</summary>
public sealed record ServiceDescription
{
    /// <summary><c>svco-...</c></summary>
    public required string ServiceId { get; init; }

    /// <summary>Model set (<c>am-...</c>); the platform names it so.</summary>
    public string? ModelId { get; set; }

    /// <summary><c>amv-...</c></summary>
    public string? ModelVersionId { get; set; }

    /// <summary>Name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary>Address; its last segment is the endpoint.</summary>
    public string? Url { get; set; }

    /// <summary><c>chat</c>, <c>completions</c>, <c>text2image</c>, <c>image2text</c>.</summary>
    public string? ServiceType { get; set; }

    /// <summary>Status.</summary>
    public ServiceRunStatus RunStatus { get; set; }

    /// <summary><c>Free</c> ...</summary>
    public string? ChargeStatus { get; set; }

    /// <summary>Resources.</summary>
    public ServiceResourceConfig? ResourceConfig { get; set; }

    /// <summary>ISO 8601.</summary>
    public string? CreateTime { get; set; }

    /// <summary>Extension of our platform: why it failed, or why another version was not taken.</summary>
    public string? Message { get; set; }

    /// <summary>Extension of our platform: the version (<c>amv-...</c>) that takes over as soon as it is loaded. The status is <c>Deploying</c> until then, and <see cref="ModelVersionId"/> answers.</summary>
    public string? NextModelVersionId { get; set; }

    /// <summary>Extension of our platform: versions that it has served, the newest first. The second is what it is rolled back to.</summary>
    public IReadOnlyList<ServedVersion>? History { get; set; }

    /// <summary>Extension of our platform: how it is at this moment.</summary>
    public ServiceHealth? Health { get; set; }
}

/// <summary>Extension of our platform: a version that a service has served.</summary>
public sealed record ServedVersion
{
    /// <summary><c>am-...</c></summary>
    public string? ModelId { get; set; }

    /// <summary><c>amv-...</c></summary>
    public string? ModelVersionId { get; set; }

    /// <summary>When it took over, ISO 8601.</summary>
    public string? Since { get; set; }
}

/// <summary>Extension of our platform: how a service is at this moment.</summary>
public sealed record ServiceHealth
{
    /// <summary>Whether its model is in memory; if not, the next call waits until it is.</summary>
    public bool Loaded { get; set; }

    /// <summary>Requests that decode.</summary>
    public int Running { get; set; }

    /// <summary>Requests that wait for one of the service's replicas.</summary>
    public int Waiting { get; set; }

    /// <summary>Whether the worker process runs.</summary>
    public bool WorkerRunning { get; set; }

    /// <summary>How often it was started again since the platform was.</summary>
    public int WorkerRestarts { get; set; }

    /// <summary>Its memory in bytes; 0 when it has not told yet.</summary>
    public long WorkerMemoryBytes { get; set; }

    /// <summary>Why it ended last, or doesn't start; null when it never did.</summary>
    public string? WorkerMessage { get; set; }

    /// <summary>Why a call failed last, through no fault of the caller; null when none has since the platform was started.</summary>
    public string? LastError { get; set; }

    /// <summary>When that was, ISO 8601.</summary>
    public string? LastErrorTime { get; set; }
}

/// <summary>Result of <c>RollbackService</c>, an extension of our platform.</summary>
public sealed record RollbackServiceResult
{
    /// <summary>The model set (<c>am-...</c>) that is served again.</summary>
    public string? ModelId { get; set; }

    /// <summary>The version (<c>amv-...</c>) that is served again.</summary>
    public required string ModelVersionId { get; init; }
}

/// <summary>Body of <c>DescribeServices</c>.</summary>
public sealed record DescribeServicesRequest
{
    /// <summary>Name to filter by.</summary>
    public string? Name { get; set; }

    /// <summary>Types to filter by.</summary>
    public IReadOnlyList<string>? ServiceType { get; set; }

    /// <summary>Statuses to filter by.</summary>
    public IReadOnlyList<string>? RunStatus { get; set; }

    /// <summary>Maker to filter by.</summary>
    public string? Creator { get; set; }

    /// <summary>Kind of charge to filter by.</summary>
    public string? ChargeType { get; set; }

    /// <summary>Kind of payment to filter by.</summary>
    public string? PayType { get; set; }

    /// <summary>Where to go on.</summary>
    public string? Marker { get; set; }

    /// <summary>1 to 100, default 10.</summary>
    public int? MaxKeys { get; set; }

    /// <summary>Oldest first.</summary>
    public bool? PageReverse { get; set; }
}

/// <summary>Result of <c>DescribeServices</c>.</summary>
public sealed record ServiceDescriptionList
{
    /// <summary>This page.</summary>
    public IReadOnlyList<ServiceDescription> ServiceList { get; set; } = [];

    /// <summary>Where the next page starts.</summary>
    public PageInfo? PageInfo { get; set; }
}

/// <summary>Body of <c>ModifyService</c>.</summary>
public sealed record ModifyServiceRequest
{
    /// <summary>The service.</summary>
    public required string ServiceId { get; init; }

    /// <summary>The model set to serve from now on.</summary>
    public string? ModelSetId { get; set; }

    /// <summary>The version to serve from now on. Null leaves the version as it is, which only our platform takes.</summary>
    public string? ModelId { get; set; }

    /// <summary>Extension of our platform: resources from now on, at once. Null leaves them as they are.</summary>
    public ServiceResourceConfig? ResourceConfig { get; set; }
}

/// <summary>Body of V1 <c>service/list</c>.</summary>
public sealed record PresetServiceListRequest
{
    /// <summary>Types to filter by.</summary>
    [JsonPropertyName("apiTypefilter")]
    public IReadOnlyList<string>? ApiTypeFilter { get; set; }
}

/// <summary>Result of V1 <c>service/list</c>.</summary>
public sealed record PresetServiceList
{
    /// <summary>Services of the platform.</summary>
    public IReadOnlyList<PresetService> Common { get; set; } = [];

    /// <summary>Services of one's own.</summary>
    public IReadOnlyList<PresetService> Custom { get; set; } = [];
}

/// <summary>A service in V1 <c>service/list</c>.</summary>
public sealed record PresetService
{
    /// <summary>Model name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Address; its last two segments are <c>{apiType}/{endpoint}</c>.</summary>
    public string Url { get; set; } = "";

    /// <summary>chat, completions, embeddings, text2image, image2text.</summary>
    public string? ApiType { get; set; }

    /// <summary><c>OPENED</c>, <c>FREE</c> ...</summary>
    public string? ChargeStatus { get; set; }

    /// <summary>Versions.</summary>
    public IReadOnlyList<PresetServiceVersion>? VersionList { get; set; }
}

/// <summary>A version in V1 <c>service/list</c>.</summary>
public sealed record PresetServiceVersion
{
    /// <summary>Base model.</summary>
    public string? TrainType { get; set; }

    /// <summary><c>Done</c> when it serves.</summary>
    public string? ServiceStatus { get; set; }
}
