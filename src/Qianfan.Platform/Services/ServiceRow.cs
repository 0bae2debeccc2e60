using Qianfan.Platform.Data;
using Qianfan.Platform.Models;

namespace Qianfan.Platform.Services;

/// <summary>Where a service stands. Names are those of the wire.</summary>
internal enum ServiceState
{
    New,
    Deploying,
    Serving,
    Failed,
    Stopped,
}

/// <summary>A deployment of a model version under an address of its own.</summary>
internal sealed class ServiceRow : OwnedRow
{
    public required string Name { get; set; }

    /// <summary>Last part of the address, unique among the services of its owner: nobody learns what others call theirs.</summary>
    public required string UrlSuffix { get; set; }

    public int ModelVersionId { get; set; }

    public ModelVersionRow Model { get; set; } = null!;

    public string Description { get; set; } = "";

    public required string ResourceType { get; set; }

    public int Replicas { get; set; } = 1;

    public double? Qps { get; set; }

    public ServiceState State { get; set; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; set; }

    public DateTimeOffset ModifiedAt { get; set; }
}
