using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of <c>/wenxinworkshop/dataset/create</c>.</summary>
public sealed record DatasetCreateRequest
{
    /// <summary>Name of the dataset.</summary>
    public required string Name { get; init; }

    /// <summary>Always 1.</summary>
    public int VersionId { get; set; } = 1;

    /// <summary>20 conversation, 401 generic text, 402 query set, 705 text to image; always <see cref="TemplateType"/> / 100.</summary>
    public int ProjectType { get; set; } = 20;

    /// <summary>2000 prompt and response, 2001 sorted responses, 2002 chosen and rejected, 40100 generic text, 40200 query set, 70500 text to image.</summary>
    public int TemplateType { get; set; } = 2000;

    /// <summary>4 text, 7 multimodal.</summary>
    public int DataType { get; set; } = 4;

    /// <summary><c>sysBos</c>: the platform stores; <c>usrBos</c>: a private bucket.</summary>
    public string StorageType { get; set; } = "sysBos";

    /// <summary>The bucket, for <c>usrBos</c>.</summary>
    public string? StorageId { get; set; }

    /// <summary>Folder in the bucket, for <c>usrBos</c>; ends with a slash.</summary>
    public string? RawStoragePath { get; set; }
}

/// <summary>Result of <c>dataset/create</c>.</summary>
public sealed record DatasetCreateResult
{
    private string? _datasetId;

    /// <summary>Integer id of older versions.</summary>
    public string? Id { get; set; }

    /// <summary>The version id (<c>ds-...</c>) that every other call takes; on platforms of the seed's time the same as <see cref="Id"/>. Empty when the platform gave neither.</summary>
    public string DatasetId
    {
        get => _datasetId ?? Id ?? "";
        set => _datasetId = value;
    }

    /// <summary>Integer id of the group.</summary>
    public string? GroupId { get; set; }

    /// <summary>Id of the group.</summary>
    public string? GroupPK { get; set; }

    /// <summary>Version number.</summary>
    public int VersionId { get; set; }

    /// <summary>Name of the dataset.</summary>
    public string? GroupName { get; set; }

    /// <summary>Name shown.</summary>
    public string? DisplayName { get; set; }

    /// <summary>See the request.</summary>
    public int DataType { get; set; }

    /// <summary>See the request.</summary>
    public int ProjectType { get; set; }

    /// <summary>See the request.</summary>
    public int TemplateType { get; set; }

    /// <summary>Where the rows lie.</summary>
    public DatasetStorage? StorageInfo { get; set; }

    /// <summary>State of the import.</summary>
    public DatasetImportStatus ImportStatus { get; set; }

    /// <summary>Percent.</summary>
    public int ImportProgress { get; set; }

    /// <summary>State of the export.</summary>
    public DatasetExportStatus ExportStatus { get; set; }

    /// <summary>State of the release.</summary>
    public DatasetReleaseStatus ReleaseStatus { get; set; }

    /// <summary>Error of the import, or null.</summary>
    public int? ErrCode { get; set; }

    /// <summary>Time of creation.</summary>
    public string? CreateTime { get; set; }

    /// <summary>Time of the last change.</summary>
    public string? ModifyTime { get; set; }
}

/// <summary>Where a dataset lies.</summary>
public sealed record DatasetStorage
{
    /// <summary>Bucket or store.</summary>
    public string? StorageId { get; set; }

    /// <summary>Name of it.</summary>
    public string? StorageName { get; set; }

    /// <summary>Path of the rows.</summary>
    public string? StoragePath { get; set; }

    /// <summary>Path of what was uploaded.</summary>
    public string? RawStoragePath { get; set; }

    /// <summary>Region of the bucket.</summary>
    public string? Region { get; set; }
}

/// <summary>Body of the calls that name one dataset.</summary>
public sealed record DatasetIdRequest
{
    /// <summary>The dataset (<c>ds-...</c>, or an integer of the seed's time).</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string DatasetId { get; init; }
}

/// <summary>Body of <c>dataset/statusList</c>.</summary>
public sealed record DatasetIdsRequest
{
    /// <summary>The datasets.</summary>
    public required IReadOnlyList<string> DatasetIds { get; init; }
}

/// <summary>Body of <c>dataset/import</c>.</summary>
public sealed record DatasetImportRequest
{
    /// <summary>The dataset.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string DatasetId { get; init; }

    /// <summary>True when the rows have responses.</summary>
    public bool Annotated { get; set; } = true;

    /// <summary>1 object storage (or an uploaded file of our platform), 2 a shared link.</summary>
    public int ImportFrom { get; set; } = 1;

    /// <summary><c>bos:/bucket/path</c>, or on our platform ids of uploaded files (<c>file-...</c>).</summary>
    public required IReadOnlyList<string> Files { get; init; }
}

/// <summary>Result of <c>dataset/info</c>.</summary>
public sealed record DatasetInfo
{
    /// <summary>Id of the group.</summary>
    public string? GroupPK { get; set; }

    /// <summary>Integer id of the group.</summary>
    public string? GroupId { get; set; }

    /// <summary>Name of the dataset.</summary>
    public string Name { get; set; } = "";

    /// <summary>4 text, 7 multimodal.</summary>
    public int DataType { get; set; }

    /// <summary>The version.</summary>
    public required DatasetVersionInfo VersionInfo { get; init; }
}

/// <summary>A dataset version.</summary>
public sealed record DatasetVersionInfo
{
    /// <summary>Integer id.</summary>
    public string? Id { get; set; }

    /// <summary>Integer id of the group.</summary>
    public string? GroupId { get; set; }

    /// <summary>Integer id of the dataset.</summary>
    public string? DatasetId { get; set; }

    /// <summary>The version id (<c>ds-...</c>).</summary>
    public string? DatasetPK { get; set; }

    /// <summary>Version number.</summary>
    public int VersionId { get; set; }

    /// <summary>Name shown.</summary>
    public string? DisplayName { get; set; }

    /// <summary>Imports so far.</summary>
    public int ImportRecordCount { get; set; }

    /// <summary>Exports so far.</summary>
    public int ExportRecordCount { get; set; }

    /// <summary>State of the import.</summary>
    public DatasetImportStatus ImportStatus { get; set; }

    /// <summary>Percent.</summary>
    public int ImportProgress { get; set; }

    /// <summary>State of the export.</summary>
    public DatasetExportStatus ExportStatus { get; set; }

    /// <summary>Percent.</summary>
    public int ExportProgress { get; set; }

    /// <summary>4 text, 7 multimodal.</summary>
    public int DataType { get; set; }

    /// <summary>See <see cref="DatasetCreateRequest.ProjectType"/>.</summary>
    public int ProjectType { get; set; }

    /// <summary>See <see cref="DatasetCreateRequest.TemplateType"/>.</summary>
    public int TemplateType { get; set; }

    /// <summary>Error of the import; 0 or null is none.</summary>
    public int? ErrCode { get; set; }

    /// <summary>What went wrong in the import, for people.</summary>
    public string? ImportErrorInfo { get; set; }

    /// <summary><c>yyyy-MM-dd HH:mm:ss</c>.</summary>
    public string? CreateTime { get; set; }

    /// <summary><c>yyyy-MM-dd HH:mm:ss</c>.</summary>
    public string? ModifyTime { get; set; }

    /// <summary><c>sysBos</c> or <c>usrBos</c>.</summary>
    public string? StorageType { get; set; }

    /// <summary>Where the rows lie.</summary>
    public DatasetStorage? Storage { get; set; }

    /// <summary>State of the release; only a released dataset can be trained on.</summary>
    public DatasetReleaseStatus ReleaseStatus { get; set; }

    /// <summary>Error of the release; 0 or null is none.</summary>
    public int? ReleaseErrCode { get; set; }

    /// <summary>Percent.</summary>
    public int ReleaseProgress { get; set; }

    /// <summary>Where the released rows lie.</summary>
    public string? ReleaseStoragePath { get; set; }

    /// <summary>Free text.</summary>
    public string? Remark { get; set; }

    /// <summary>Rows with a response.</summary>
    public long AnnotatedEntityCount { get; set; }

    /// <summary>Rows.</summary>
    public long EntityCount { get; set; }

    /// <summary>Labels.</summary>
    public long LabelCount { get; set; }

    /// <summary>Size in MB.</summary>
    public double MemorySize { get; set; }

    /// <summary>Characters.</summary>
    public long CharacterCount { get; set; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary>Tokens by base model, on our own platform; empty while they are being counted. Null on the cloud.</summary>
    public IReadOnlyList<DatasetTokenStatistics>? TokenStatistics { get; set; }
}

/// <summary>Tokens of a dataset's rows as one base model's tokenizer and chat template make them; an extension of our own platform.</summary>
public sealed record DatasetTokenStatistics
{
    /// <summary>The base model.</summary>
    public string Model { get; set; } = "";

    /// <summary>Rows that were counted.</summary>
    public long RowCount { get; set; }

    /// <summary>Tokens of all rows, uncut.</summary>
    public long TokenCount { get; set; }

    /// <summary>Tokens of a row on average.</summary>
    public double MeanTokens { get; set; }

    /// <summary>Half of the rows have at most this many tokens.</summary>
    public int MedianTokens { get; set; }

    /// <summary>95 of 100 rows have at most this many tokens.</summary>
    public int Percentile95Tokens { get; set; }

    /// <summary>Tokens of the longest row.</summary>
    public int MaxTokens { get; set; }

    /// <summary>The sequence length of a training with the model's own settings.</summary>
    public int MaxSeqLen { get; set; }

    /// <summary>Rows longer than <see cref="MaxSeqLen"/>: training cuts them.</summary>
    public long TruncatedRowCount { get; set; }

    /// <summary>Why they could not be counted; null when they were.</summary>
    public string? Error { get; set; }
}

/// <summary>One entry of <c>dataset/statusList</c>.</summary>
public sealed record DatasetStatus
{
    /// <summary>State of the import.</summary>
    public DatasetImportStatus ImportStatus { get; set; }

    /// <summary>Percent.</summary>
    public int ImportProgress { get; set; }

    /// <summary>State of the release.</summary>
    public DatasetReleaseStatus ReleaseStatus { get; set; }

    /// <summary>Percent.</summary>
    public int ReleaseProgress { get; set; }

    /// <summary>State of the export.</summary>
    public DatasetExportStatus ExportStatus { get; set; }

    /// <summary>Percent.</summary>
    public int ExportProgress { get; set; }

    /// <summary>What went wrong in the import.</summary>
    public string? ImportErrorInfo { get; set; }

    /// <summary>Rows.</summary>
    public long EntityCount { get; set; }

    /// <summary>Rows with a response.</summary>
    public long AnnotatedEntityCount { get; set; }

    /// <summary>Characters.</summary>
    public long CharacterCount { get; set; }

    /// <summary>Time of the last change.</summary>
    public string? ModifyTime { get; set; }
}

/// <summary>Result of <c>dataset/delete</c>.</summary>
public sealed record DatasetDeleteResult
{
    /// <summary>Versions that are left.</summary>
    public int VersionCount { get; set; }
}

/// <summary>Body of <c>dataset/importErrorDetail</c>.</summary>
public sealed record DatasetImportErrorRequest
{
    /// <summary>The dataset.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string DatasetId { get; init; }

    /// <summary>The error to explain.</summary>
    public int ErrCode { get; set; }
}

/// <summary>Result of <c>dataset/importErrorDetail</c>.</summary>
public sealed record DatasetImportErrorDetail
{
    /// <summary>4 text, 7 multimodal; 0 where the platform says a word (<c>file</c>).</summary>
    [JsonConverter(typeof(LenientInt32Converter))]
    public int DataType { get; set; }

    /// <summary>See <see cref="DatasetCreateRequest.ProjectType"/>.</summary>
    public int ProjectType { get; set; }

    /// <summary>A file with all bad rows, or null.</summary>
    public string? DownloadUrl { get; set; }

    /// <summary>True when that file is a zip.</summary>
    [JsonConverter(typeof(LenientBooleanConverter))]
    public bool IsZip { get; set; }

    /// <summary>The first bad rows.</summary>
    public IReadOnlyList<DatasetImportError> Content { get; set; } = [];
}

/// <summary>A row that could not be imported.</summary>
public sealed record DatasetImportError
{
    /// <summary>Number of the row, from 1.</summary>
    public long Sequence { get; set; }

    /// <summary>File it stands in.</summary>
    public string? SampleFileName { get; set; }

    /// <summary>Name of the row.</summary>
    public string? SampleName { get; set; }

    /// <summary>Line and field.</summary>
    public string? TextLocation { get; set; }

    /// <summary>The offending text, shortened, or why it is refused.</summary>
    public string? TextContent { get; set; }
}

/// <summary>Body of <c>entity/list</c>.</summary>
public sealed record EntityListRequest
{
    /// <summary>The dataset.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string DatasetId { get; init; }

    /// <summary>Rows to leave out.</summary>
    public int Offset { get; set; }

    /// <summary>1 to 30.</summary>
    public int PageSize { get; set; } = 20;

    /// <summary>0 all, 1 only with responses, 2 only without.</summary>
    public int TabType { get; set; }

    /// <summary>From and to.</summary>
    public IReadOnlyList<string>? ImportTime { get; set; }

    /// <summary>From and to.</summary>
    public IReadOnlyList<string>? AnnoTime { get; set; }

    /// <summary>Only rows with this label.</summary>
    public string? LabelId { get; set; }
}

/// <summary>Result of <c>entity/list</c>.</summary>
public sealed record EntityListResult
{
    /// <summary>Rows of the dataset.</summary>
    public long TotalAll { get; set; }

    /// <summary>Rows that match.</summary>
    public long Total { get; set; }

    /// <summary>This page.</summary>
    public IReadOnlyList<DatasetEntity> Items { get; set; } = [];
}

/// <summary>A row of a dataset.</summary>
public sealed record DatasetEntity
{
    /// <summary>Id of the row.</summary>
    public string? Id { get; set; }

    /// <summary>Name of the row.</summary>
    public string? Name { get; set; }

    /// <summary>Where its content can be fetched.</summary>
    public string? Url { get; set; }

    /// <summary>Size.</summary>
    public double MemorySize { get; set; }

    /// <summary>Always false for text.</summary>
    public bool IsEncrypted { get; set; }

    /// <summary>Content and counts.</summary>
    public JsonObject? TextExtra { get; set; }
}

/// <summary>Body of <c>dataset/list</c>, an extension of our platform.</summary>
public sealed record DatasetListRequest
{
    /// <summary>Part of the name to filter by.</summary>
    public string? Name { get; set; }

    /// <summary>Page, from 1.</summary>
    public int? PageNo { get; set; }

    /// <summary>Datasets a page, 1 to 100, default 20.</summary>
    public int? PageSize { get; set; }
}

/// <summary>Result of <c>dataset/list</c>.</summary>
public sealed record DatasetListResult
{
    /// <summary>Datasets that match.</summary>
    public int Total { get; set; }

    /// <summary>This page.</summary>
    public IReadOnlyList<DatasetInfo> Items { get; set; } = [];
}

/// <summary>Body of <c>dataset/export</c>.</summary>
public sealed record DatasetExportRequest
{
    /// <summary>The dataset.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string DatasetId { get; init; }

    /// <summary>Always 0.</summary>
    public int ExportFormat { get; set; }

    /// <summary>1 with responses, 2 without.</summary>
    public int ExportType { get; set; } = 1;

    /// <summary>0 the platform's store, 1 a private bucket.</summary>
    public int ExportTo { get; set; }

    /// <summary>The bucket, when it is a private one.</summary>
    public string? StorageId { get; set; }
}

/// <summary>One entry of <c>dataset/exportRecord</c>.</summary>
public sealed record DatasetExportRecord
{
    /// <summary>Who asked for it.</summary>
    public string? CreatorName { get; set; }

    /// <summary>Bucket or store.</summary>
    public string? StorageId { get; set; }

    /// <summary>Path in it.</summary>
    public string? StoragePath { get; set; }

    /// <summary>Size in MB.</summary>
    public double Size { get; set; }

    /// <summary>0.</summary>
    public int ExportFormat { get; set; }

    /// <summary>1 with responses, 2 without.</summary>
    public int ExportType { get; set; }

    /// <summary>State.</summary>
    public DatasetExportStatus Status { get; set; }

    /// <summary>Rows.</summary>
    public long RecordNum { get; set; }

    /// <summary>0 the platform's store, 1 a private bucket.</summary>
    public int ExportTo { get; set; }

    /// <summary>Where the zip can be fetched, without credentials.</summary>
    public string? DownloadUrl { get; set; }

    /// <summary><c>yyyy-MM-dd HH:mm:ss</c>.</summary>
    public string? StartTime { get; set; }

    /// <summary><c>yyyy-MM-dd HH:mm:ss</c>.</summary>
    public string? FinishTime { get; set; }
}

/// <summary>Body of <c>entity/annotate</c>.</summary>
public sealed record EntityAnnotateRequest
{
    /// <summary>The row.</summary>
    public required string Id { get; init; }

    /// <summary>The dataset.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string DatasetId { get; init; }

    /// <summary>The row's turns, such as <c>[{"prompt":"...","response":[["..."]]}]</c>.</summary>
    public JsonArray? Content { get; set; }

    /// <summary>Labels, for pictures.</summary>
    public JsonArray? Labels { get; set; }
}

/// <summary>Body of <c>entity/delete</c>.</summary>
public sealed record EntityDeleteRequest
{
    /// <summary>The rows.</summary>
    public required IReadOnlyList<string> Id { get; init; }

    /// <summary>The dataset.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string DatasetId { get; init; }
}

/// <summary>Result of <c>entity/delete</c>.</summary>
public sealed record EntityDeleteResult
{
    /// <summary>Rows that are still there, or null.</summary>
    public IReadOnlyList<string>? FailedOnes { get; set; }
}
