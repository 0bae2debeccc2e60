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
    public string? Description { get; init; }

    /// <summary>Resources.</summary>
    public ServiceResourceConfig? ResourceConfig { get; init; }

    /// <summary>How it is paid.</summary>
    public ServiceBilling? Billing { get; init; }
}

/// <summary>Resources of a service.</summary>
public sealed record ServiceResourceConfig
{
    /// <summary><c>GPU-I-2</c>, <c>GPU-I-4</c>, <c>CPU-I-2</c>.</summary>
    public string Type { get; init; } = "GPU-I-2";

    /// <summary>Copies of the model.</summary>
    public int ReplicasCount { get; init; } = 1;

    /// <summary>Requests a second.</summary>
    public double? Qps { get; init; }
}

/// <summary>How a service is paid.</summary>
public sealed record ServiceBilling
{
    /// <summary><c>Prepaid</c></summary>
    public string PaymentTiming { get; init; } = "Prepaid";

    /// <summary>For how long.</summary>
    public ServiceReservation? Reservation { get; init; }
}

/// <summary>For how long a service is paid.</summary>
public sealed record ServiceReservation
{
    /// <summary><c>Hour</c> or <c>Month</c>.</summary>
    public string ReservationTimeUnit { get; init; } = "Hour";

    /// <summary>Number of them.</summary>
    public int ReservationLength { get; init; } = 1;
}

/// <summary>Result of <c>CreateService</c>.</summary>
public sealed record CreateServiceResult
{
    /// <summary><c>svco-...</c></summary>
    public required string ServiceId { get; init; }

    /// <summary>Id of the paid instance.</summary>
    public string? InstanceId { get; init; }
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
    public string? ModelId { get; init; }

    /// <summary><c>amv-...</c></summary>
    public string? ModelVersionId { get; init; }

    /// <summary>Name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Free text.</summary>
    public string? Description { get; init; }

    /// <summary>Address; its last segment is the endpoint.</summary>
    public string? Url { get; init; }

    /// <summary><c>chat</c>, <c>completions</c>, <c>text2image</c>, <c>image2text</c>.</summary>
    public string? ServiceType { get; init; }

    /// <summary>Status.</summary>
    public ServiceRunStatus RunStatus { get; init; }

    /// <summary><c>Free</c> ...</summary>
    public string? ChargeStatus { get; init; }

    /// <summary>Resources.</summary>
    public ServiceResourceConfig? ResourceConfig { get; init; }

    /// <summary>ISO 8601.</summary>
    public string? CreateTime { get; init; }

    /// <summary>Extension of our platform: why it failed.</summary>
    public string? Message { get; init; }
}

/// <summary>Body of <c>DescribeServices</c>.</summary>
public sealed record DescribeServicesRequest
{
    /// <summary>Name to filter by.</summary>
    public string? Name { get; init; }

    /// <summary>Types to filter by.</summary>
    public IReadOnlyList<string>? ServiceType { get; init; }

    /// <summary>Statuses to filter by.</summary>
    public IReadOnlyList<string>? RunStatus { get; init; }

    /// <summary>Where to go on.</summary>
    public string? Marker { get; init; }

    /// <summary>1 to 100, default 10.</summary>
    public int? MaxKeys { get; init; }

    /// <summary>Oldest first.</summary>
    public bool? PageReverse { get; init; }
}

/// <summary>Result of <c>DescribeServices</c>.</summary>
public sealed record ServiceDescriptionList
{
    /// <summary>This page.</summary>
    public IReadOnlyList<ServiceDescription> ServiceList { get; init; } = [];

    /// <summary>Where the next page starts.</summary>
    public PageInfo? PageInfo { get; init; }
}

/// <summary>Body of <c>ModifyService</c>.</summary>
public sealed record ModifyServiceRequest
{
    /// <summary>The service.</summary>
    public required string ServiceId { get; init; }

    /// <summary>The model set to serve from now on.</summary>
    public required string ModelSetId { get; init; }

    /// <summary>The version to serve from now on.</summary>
    public required string ModelId { get; init; }
}

/// <summary>Body of V1 <c>service/list</c>.</summary>
public sealed record PresetServiceListRequest
{
    /// <summary>Types to filter by.</summary>
    [JsonPropertyName("apiTypefilter")]
    public IReadOnlyList<string>? ApiTypeFilter { get; init; }
}

/// <summary>Result of V1 <c>service/list</c>.</summary>
public sealed record PresetServiceList
{
    /// <summary>Services of the platform.</summary>
    public IReadOnlyList<PresetService> Common { get; init; } = [];

    /// <summary>Services of one's own.</summary>
    public IReadOnlyList<PresetService> Custom { get; init; } = [];
}

/// <summary>A service in V1 <c>service/list</c>.</summary>
public sealed record PresetService
{
    /// <summary>Model name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Address; its last two segments are <c>{apiType}/{endpoint}</c>.</summary>
    public string Url { get; init; } = "";

    /// <summary>chat, completions, embeddings, text2image, image2text.</summary>
    public string? ApiType { get; init; }

    /// <summary><c>OPENED</c>, <c>FREE</c> ...</summary>
    public string? ChargeStatus { get; init; }

    /// <summary>Versions.</summary>
    public IReadOnlyList<PresetServiceVersion>? VersionList { get; init; }
}

/// <summary>A version in V1 <c>service/list</c>.</summary>
public sealed record PresetServiceVersion
{
    /// <summary>Base model.</summary>
    public string? TrainType { get; init; }

    /// <summary><c>Done</c> when it serves.</summary>
    public string? ServiceStatus { get; init; }
}
