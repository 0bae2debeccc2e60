using Qianfan.Platform.Data;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Datasets;

/// <summary>A dataset version. Its rows lie in the folder <c>datasets/{id}</c>, in the file that <see cref="RowsFile"/> names.</summary>
internal sealed class DatasetRow : OwnedRow
{
    public required string GroupPublicId { get; set; }

    public required string Name { get; set; }

    /// <summary>1, 2, 3 ... within its group.</summary>
    public int Version { get; set; } = 1;

    public string Description { get; set; } = "";

    public int ProjectType { get; set; }

    public int TemplateType { get; set; }

    public int DataType { get; set; }

    public required string StorageType { get; set; }

    public DatasetImportStatus ImportStatus { get; set; } = DatasetImportStatus.NotStarted;

    /// <summary>What is being imported: the call's files, as JSON. Taken up again after a restart.</summary>
    public string? ImportFiles { get; set; }

    public string? ImportErrorInfo { get; set; }

    /// <summary>Rows that the last import refused.</summary>
    public int ImportErrorCount { get; set; }

    public int ImportCount { get; set; }

    public DatasetReleaseStatus ReleaseStatus { get; set; } = DatasetReleaseStatus.NotStarted;

    public string? RowsFile { get; set; }

    public long Rows { get; set; }

    public long Characters { get; set; }

    public long Bytes { get; set; }

    /// <summary>SHA-256 of the rows file, in hex.</summary>
    public string? ContentHash { get; set; }

    public DateTimeOffset ModifiedAt { get; set; }
}

/// <summary>A row that an import refused.</summary>
internal sealed class ImportErrorRow
{
    public long Id { get; set; }

    public int DatasetId { get; set; }

    public required string File { get; set; }

    public long Line { get; set; }

    public required string Field { get; set; }

    public required string Message { get; set; }
}
