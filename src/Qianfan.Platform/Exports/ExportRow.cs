using Qianfan.Platform.Data;
using Qianfan.Platform.Models;

namespace Qianfan.Platform.Exports;

/// <summary>Where an export stands. Names are those of the wire.</summary>
internal enum ExportState
{
    Waiting,
    Running,
    Done,
    Failed,
}

/// <summary>A model version in a form that other programs open: one file <c>exports/{id}/content</c> when it is done. There is one for each version and form.</summary>
internal sealed class ExportRow : OwnedRow
{
    public int ModelVersionId { get; set; }

    public ModelVersionRow Model { get; set; } = null!;

    /// <summary>As the engine calls it.</summary>
    public required string Format { get; set; }

    public ExportState State { get; set; }

    /// <summary>0 to 100.</summary>
    public int Progress { get; set; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; set; }

    public DateTimeOffset? FinishedAt { get; set; }

    /// <summary>Name for whoever downloads it.</summary>
    public string? FileName { get; set; }

    public long? Bytes { get; set; }

    /// <summary>SHA-256 of the file, in hex.</summary>
    public string? Sha256 { get; set; }

    /// <summary>What is in the file, as JSON.</summary>
    public string? Files { get; set; }

    public string? EngineVersion { get; set; }
}
