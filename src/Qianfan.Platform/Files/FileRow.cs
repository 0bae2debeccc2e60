using Qianfan.Platform.Data;

namespace Qianfan.Platform.Files;

/// <summary>An uploaded file; its bytes lie in the folder <c>files</c> under its text id.</summary>
internal sealed class FileRow : OwnedRow
{
    public required string Name { get; set; }

    public required string Purpose { get; set; }

    public long Bytes { get; set; }
}
