using Qianfan.Platform.Data;

namespace Qianfan.Platform.Files;

/// <summary>Where an upload stands.</summary>
internal enum UploadState
{
    Pending,
    Completed,
    Cancelled,
}

/// <summary>A file that comes in parts, in any order, over as many connections as it takes.</summary>
internal sealed class UploadRow : OwnedRow
{
    public required string Name { get; set; }

    public required string Purpose { get; set; }

    /// <summary>Bytes of the whole file, as announced.</summary>
    public long Bytes { get; set; }

    public UploadState State { get; set; }

    public DateTimeOffset ExpiresAt { get; set; }

    /// <summary>The file that it became.</summary>
    public string? FileId { get; set; }
}

/// <summary>A part; its bytes lie in the folder <c>uploads</c> under its text id.</summary>
internal sealed class UploadPartRow : OwnedRow
{
    public int UploadId { get; set; }

    public long Bytes { get; set; }
}
