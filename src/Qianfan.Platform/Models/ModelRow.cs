using Qianfan.Platform.Data;

namespace Qianfan.Platform.Models;

/// <summary>A named model; what can be served are its versions.</summary>
internal sealed class ModelSetRow : OwnedRow
{
    public required string Name { get; set; }

    public string Description { get; set; } = "";

    public DateTimeOffset ModifiedAt { get; set; }

    public List<ModelVersionRow> Versions { get; } = [];
}

/// <summary>A published version: a folder <c>models/{id}</c> that never changes.</summary>
internal sealed class ModelVersionRow : OwnedRow
{
    public int SetId { get; set; }

    public ModelSetRow Set { get; set; } = null!;

    /// <summary>1, 2, 3 ... within its set.</summary>
    public int Version { get; set; }

    public string Description { get; set; } = "";

    public required string BaseModel { get; set; }

    /// <summary><c>model</c> (whole) or <c>adapter</c> (on top of the base model).</summary>
    public required string Kind { get; set; }

    public required string ParameterScale { get; set; }

    public required string TrainMode { get; set; }

    public required string TaskPublicId { get; set; }

    public int TaskId { get; set; }

    public required string JobPublicId { get; set; }

    public int JobId { get; set; }

    public required string JobName { get; set; }

    /// <summary>All that it came from, as it was when it was published: a <see cref="Sdk.Protocol.ModelLineage"/> as JSON. Null in versions older than this column.</summary>
    public string? Lineage { get; set; }

    public double? TrainingLoss { get; set; }

    public double? ValidationLoss { get; set; }
}
