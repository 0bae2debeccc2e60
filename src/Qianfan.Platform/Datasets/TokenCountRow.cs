namespace Qianfan.Platform.Datasets;

/// <summary>The tokens of a dataset's rows by a base model.</summary>
internal sealed class TokenCountRow
{
    public int DatasetId { get; set; }

    /// <summary>The base model's folder.</summary>
    public required string Model { get; set; }

    /// <summary>What was counted; another name than the dataset's means that it must be counted again.</summary>
    public required string RowsFile { get; set; }

    public long Rows { get; set; }

    public long Tokens { get; set; }

    public int Median { get; set; }

    public int Percentile95 { get; set; }

    public int Longest { get; set; }

    public int MaxSeqLen { get; set; }

    public long TruncatedRows { get; set; }

    /// <summary>Why they can't be counted; tried again at the next start.</summary>
    public string? Error { get; set; }
}
