using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of V1 <c>service/apply</c>.</summary>
public sealed record V1ApplyServiceRequest
{
    /// <summary>The model set.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string ModelId { get; init; }

    /// <summary>The version.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string ModelVersionId { get; init; }

    /// <summary>Name of the service.</summary>
    public required string Name { get; init; }

    /// <summary>Wished end of the address; may be empty.</summary>
    public string Uri { get; set; } = "";

    /// <summary>Copies of the model.</summary>
    public int Replicas { get; set; } = 1;

    /// <summary>1 public, 2 private. The seed's enumeration had the two names swapped; the numbers mean what they say here.</summary>
    public int PoolType { get; set; } = 1;

    /// <summary>Free text.</summary>
    public string? Description { get; set; }
}

/// <summary>Result of V1 <c>service/apply</c>.</summary>
public sealed record V1ApplyServiceResult
{
    /// <summary>False: it was refused.</summary>
    public bool Result { get; set; }

    /// <summary>The service's id.</summary>
    public required string ServiceId { get; init; }
}

/// <summary>Body of V1 <c>service/detail</c>.</summary>
public sealed record V1ServiceRequest
{
    /// <summary>The service.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string ServiceId { get; init; }
}

/// <summary>Result of V1 <c>service/detail</c>.</summary>
public sealed record V1ServiceDetail
{
    /// <summary>The service's id.</summary>
    public string? Id { get; set; }

    /// <summary>Integer id of the model set.</summary>
    public string? ModelId { get; set; }

    /// <summary>Name of the model set.</summary>
    public string? ModelName { get; set; }

    /// <summary>0 is text.</summary>
    public string? ModelType { get; set; }

    /// <summary>Integer id of the training.</summary>
    public string? IterationId { get; set; }

    /// <summary>Number of the model version.</summary>
    public string? ModelVersion { get; set; }

    /// <summary>Number of the model version.</summary>
    public string? Version { get; set; }

    /// <summary>Name.</summary>
    public string Name { get; set; } = "";

    /// <summary>The endpoint to call.</summary>
    public string? Uri { get; set; }

    /// <summary>Address.</summary>
    public string? FullUri { get; set; }

    /// <summary>State of the application.</summary>
    public int? ApplyStatus { get; set; }

    /// <summary>Status; <see cref="ServiceRunStatus.Done"/> is ready.</summary>
    public ServiceRunStatus ServiceStatus { get; set; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary>Machines.</summary>
    public V1ServiceMachines? VmConfig { get; set; }

    /// <summary>Requests a second.</summary>
    public double? Qps { get; set; }

    /// <summary>Kind of payment.</summary>
    public int? PayType { get; set; }

    /// <summary>Who made it.</summary>
    public string? Creator { get; set; }

    /// <summary>Unix seconds.</summary>
    public long? OnlineTime { get; set; }

    /// <summary>Unix seconds.</summary>
    public long? CreateTime { get; set; }

    /// <summary>Unix seconds.</summary>
    public long? ModifyTime { get; set; }
}

/// <summary>Machines of a V1 service.</summary>
public sealed record V1ServiceMachines
{
    /// <summary>The pool.</summary>
    public string? ResourceId { get; set; }

    /// <summary>Copies of the model.</summary>
    public int InstanceCount { get; set; }

    /// <summary>Processors.</summary>
    [JsonPropertyName("CPUNum")]
    public int CpuNum { get; set; }

    /// <summary>Memory.</summary>
    public double Memory { get; set; }

    /// <summary>Kind of accelerator.</summary>
    [JsonPropertyName("GPUType")]
    public string? GpuType { get; set; }

    /// <summary>Accelerators.</summary>
    [JsonPropertyName("GPUNum")]
    public int GpuNum { get; set; }

    /// <summary>The volume.</summary>
    public string? VolumeId { get; set; }
}

/// <summary>Result of V1 <c>service/appList</c>.</summary>
public sealed record V1AppList
{
    /// <summary>The applications.</summary>
    public IReadOnlyList<V1App> AppList { get; set; } = [];
}

/// <summary>An application: a key pair for OAuth. Its text form shows no secret.</summary>
public sealed record V1App
{
    /// <summary>Integer id.</summary>
    public string? Id { get; set; }

    /// <summary>Name.</summary>
    public string? Name { get; set; }

    /// <summary>Key.</summary>
    public string? Ak { get; set; }

    /// <summary>Secret.</summary>
    public string? Sk { get; set; }

    /// <summary>Interfaces that it may call.</summary>
    public IReadOnlyList<string>? ApiIds { get; set; }

    /// <summary>Id and name only.</summary>
    public override string ToString() => $"V1App {{ Id = {Id}, Name = {Name} }}";
}
