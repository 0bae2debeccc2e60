using Qianfan.Platform.Data;

namespace Qianfan.Platform.Datasets;

/// <summary>An export: a dataset's rows as they were at a time. The file is made when it is fetched.</summary>
internal sealed class DatasetExportRow : OwnedRow
{
    public int DatasetId { get; set; }

    public DatasetRow Dataset { get; set; } = null!;

    /// <summary>The rows that were exported. When the dataset has others, the export is over.</summary>
    public required string RowsFile { get; set; }

    public long Rows { get; set; }

    public long Bytes { get; set; }
}
