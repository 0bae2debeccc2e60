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

/// <summary>What a service answers. Names are those of the wire in lower case.</summary>
internal enum ServiceKind
{
    /// <summary>Conversations; and, being a language model, completions and embeddings too.</summary>
    Chat,

    /// <summary>Texts to go on from, and nothing else.</summary>
    Completions,

    /// <summary>Vectors of texts, and nothing else.</summary>
    Embeddings,
}

/// <summary>A deployment of a model version under an address of its own.</summary>
internal sealed class ServiceRow : OwnedRow
{
    public required string Name { get; set; }

    /// <summary>Last part of the address, unique among the services of its owner: nobody learns what others call theirs.</summary>
    public required string UrlSuffix { get; set; }

    public ServiceKind Kind { get; set; }

    /// <summary>The version that answers, or is to.</summary>
    public int ModelVersionId { get; set; }

    public ModelVersionRow Model { get; set; } = null!;

    /// <summary>The version that takes over as soon as it is loaded. Until then the other one answers.</summary>
    public int? NextVersionId { get; set; }

    public ModelVersionRow? Next { get; set; }

    public string Description { get; set; } = "";

    public required string ResourceType { get; set; }

    /// <summary>Requests that may decode at once.</summary>
    public int Replicas { get; set; } = 1;

    public double? Qps { get; set; }

    public ServiceState State { get; set; }

    /// <summary>Why it failed, or why the next version was not taken.</summary>
    public string? Error { get; set; }

    public DateTimeOffset ModifiedAt { get; set; }
}

/// <summary>A version that a service has served: the last is the one that it serves, the one before is what it is rolled back to.</summary>
internal sealed class ServedVersionRow
{
    public int Id { get; set; }

    public int ServiceId { get; set; }

    public int ModelVersionId { get; set; }

    public ModelVersionRow Model { get; set; } = null!;

    /// <summary>When it took over.</summary>
    public DateTimeOffset Since { get; set; }
}
