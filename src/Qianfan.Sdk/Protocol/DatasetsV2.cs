namespace Qianfan.Sdk.Protocol;

/// <summary>Body of V2 <c>CreateDataset</c>.</summary>
public sealed record CreateDatasetRequest
{
    /// <summary>Name.</summary>
    public required string DatasetName { get; init; }

    /// <summary><c>PromptResponse</c>, <c>Text</c>, <c>DPO_PromptChosenRejected</c>, <c>KTO_PromptChosenRejected</c>, <c>PromptSortedresponses</c>, <c>Prompt</c>, <c>PromptImage</c>, <c>PromptImageResponse</c>.</summary>
    public string DataFormat { get; set; } = "PromptResponse";

    /// <summary><c>sysStorage</c> or <c>BOS</c>.</summary>
    public string StorageType { get; set; } = "sysStorage";

    /// <summary>Folder in the bucket, with <c>BOS</c>; ends with a slash.</summary>
    public string? StoragePath { get; set; }
}

/// <summary>Body of V2 <c>DescribeDatasets</c>.</summary>
public sealed record DescribeDatasetsRequest
{
    /// <summary>Text to filter by.</summary>
    public string? Filter { get; set; }

    /// <summary>Where to go on.</summary>
    public string? Marker { get; set; }

    /// <summary>1 to 100, default 10.</summary>
    public int? MaxKeys { get; set; }

    /// <summary>Oldest first.</summary>
    public bool? PageReverse { get; set; }
}

/// <summary>Body of V2 <c>DescribeDatasetVersions</c>.</summary>
public sealed record DescribeDatasetVersionsRequest
{
    /// <summary>The dataset: a group of versions.</summary>
    public required string DatasetId { get; init; }

    /// <summary>Text to filter by.</summary>
    public string? Filter { get; set; }

    /// <summary>Where to go on.</summary>
    public string? Marker { get; set; }

    /// <summary>1 to 100, default 10.</summary>
    public int? MaxKeys { get; set; }

    /// <summary>Oldest first.</summary>
    public bool? PageReverse { get; set; }
}

/// <summary>Body of V2 <c>CreateDatasetVersion</c> and <c>DeleteDataset</c>.</summary>
public sealed record DatasetGroupRequest
{
    /// <summary>The dataset: a group of versions.</summary>
    public required string DatasetId { get; init; }

    /// <summary>Free text, for a new version.</summary>
    public string? Description { get; set; }
}

/// <summary>Body of the V2 calls that name one version of a dataset.</summary>
public sealed record DatasetVersionRequest
{
    /// <summary>The version (<c>ds-...</c>).</summary>
    public required string VersionId { get; init; }
}

/// <summary>Body of V2 <c>CreateImportTask</c>.</summary>
public sealed record CreateImportTaskRequest
{
    /// <summary>The version (<c>ds-...</c>).</summary>
    public required string VersionId { get; init; }

    /// <summary><c>bos:/bucket/path</c>.</summary>
    public required IReadOnlyList<string> Files { get; init; }
}

/// <summary>Body of V2 <c>CreateExportTask</c>.</summary>
public sealed record CreateExportTaskRequest
{
    /// <summary>The version (<c>ds-...</c>).</summary>
    public required string VersionId { get; init; }

    /// <summary><c>sysStorage</c> or <c>BOS</c>.</summary>
    public string StorageType { get; set; } = "sysStorage";

    /// <summary>Folder in the bucket, with <c>BOS</c>; ends with a slash.</summary>
    public string? StoragePath { get; set; }
}

/// <summary>Body of V2 <c>DescribeImportTask</c> and <c>DescribeExportTask</c>.</summary>
public sealed record DatasetTaskRequest
{
    /// <summary>The task.</summary>
    public required string TaskId { get; init; }
}
