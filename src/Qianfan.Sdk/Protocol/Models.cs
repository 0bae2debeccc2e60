using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of <c>modelrepo/publishTrainModel</c>.</summary>
public sealed record PublishTrainModelRequest
{
    /// <summary>True: a new model set; false: a new version of <see cref="ModelId"/>.</summary>
    public bool IsNewModel { get; set; } = true;

    /// <summary>What to publish.</summary>
    public required PublishVersionMeta VersionMeta { get; init; }

    /// <summary>Name of the new model set.</summary>
    public string? ModelName { get; set; }

    /// <summary>The model set, when it is not new.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public string? ModelId { get; set; }

    /// <summary>Labels.</summary>
    public IReadOnlyList<string>? Tags { get; set; }
}

/// <summary>What a model version is made from.</summary>
public sealed record PublishVersionMeta
{
    /// <summary>V2 job id (the names are swapped between V1 and V2).</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string TaskId { get; init; }

    /// <summary>V2 task id.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string IterationId { get; init; }

    /// <summary>A checkpoint in place of the end.</summary>
    public int? Step { get; set; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }
}

/// <summary>Result of <c>publishTrainModel</c>.</summary>
public sealed record PublishTrainModelResult
{
    /// <summary>Integer id of the model set.</summary>
    public string? ModelId { get; set; }

    /// <summary><c>am-...</c></summary>
    [JsonPropertyName("modelIDStr")]
    public string? ModelIdStr { get; set; }

    /// <summary>Version number.</summary>
    public string? Version { get; set; }

    /// <summary>Integer id of the version.</summary>
    public string? VersionId { get; set; }

    /// <summary><c>amv-...</c></summary>
    public string? VersionIdStr { get; set; }
}

/// <summary>Body of <c>modelrepo/modelDetail</c>.</summary>
public sealed record ModelDetailRequest
{
    /// <summary>The model set.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string ModelId { get; init; }
}

/// <summary>Result of <c>modelrepo/modelDetail</c>.</summary>
public sealed record ModelDetail
{
    /// <summary>Integer id.</summary>
    public string? ModelId { get; set; }

    /// <summary><c>am-...</c></summary>
    public string? ModelIdStr { get; set; }

    /// <summary>Name.</summary>
    public string? ModelName { get; set; }

    /// <summary><c>UserCreate</c> or <c>PlatformPreset</c>.</summary>
    public string? Source { get; set; }

    /// <summary>Type.</summary>
    public string? ModelType { get; set; }

    /// <summary>Time of creation.</summary>
    public string? CreateTime { get; set; }

    /// <summary>Time of the last change.</summary>
    public string? ModifyTime { get; set; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary>Base model.</summary>
    public string? TrainType { get; set; }

    /// <summary>Versions, newest first.</summary>
    public IReadOnlyList<ModelVersionDetail> ModelVersionList { get; set; } = [];
}

/// <summary>Body of <c>modelrepo/modelVersionDetail</c>.</summary>
public sealed record ModelVersionDetailRequest
{
    /// <summary>The version.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string ModelVersionId { get; init; }
}

/// <summary>Result of <c>modelrepo/modelVersionDetail</c>.</summary>
public sealed record ModelVersionDetail
{
    /// <summary>Integer id of the model set.</summary>
    public string? ModelId { get; set; }

    /// <summary><c>am-...</c></summary>
    public string? ModelIdStr { get; set; }

    /// <summary>Name of the model set.</summary>
    public string? ModelName { get; set; }

    /// <summary>Integer id.</summary>
    public string? ModelVersionId { get; set; }

    /// <summary><c>amv-...</c></summary>
    public string? ModelVersionIdStr { get; set; }

    /// <summary>Version number.</summary>
    public string? Version { get; set; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary><c>Train</c>, <c>PlatformPreset</c> ...</summary>
    public string? SourceType { get; set; }

    /// <summary>Where it comes from.</summary>
    public ModelSourceExtra? SourceExtra { get; set; }

    /// <summary>Framework.</summary>
    public string? Framework { get; set; }

    /// <summary>Algorithm.</summary>
    public string? Algorithm { get; set; }

    /// <summary>Network.</summary>
    public string? ModelNet { get; set; }

    /// <summary>State.</summary>
    public ModelVersionState State { get; set; }

    /// <summary><c>chat</c></summary>
    public string? IoMode { get; set; }

    /// <summary>Time of creation.</summary>
    public string? CreateTime { get; set; }

    /// <summary>Time of the last change.</summary>
    public string? ModifyTime { get; set; }

    /// <summary><c>Private</c></summary>
    public IReadOnlyList<string>? DeployResource { get; set; }

    /// <summary><c>Deploy</c></summary>
    public IReadOnlyList<string>? SupportOptions { get; set; }

    /// <summary>Base model.</summary>
    public string? TrainType { get; set; }
}

/// <summary>Where a model version comes from.</summary>
public sealed record ModelSourceExtra
{
    /// <summary><c>Train</c></summary>
    public string? SourceType { get; set; }

    /// <summary>The training.</summary>
    public ModelTrainSource? TrainSourceExtra { get; set; }
}

/// <summary>The training that a model version comes from.</summary>
public sealed record ModelTrainSource
{
    /// <summary>Integer id of the V2 job.</summary>
    public string? TaskId { get; set; }

    /// <summary><c>job-...</c></summary>
    public string? TaskIdStr { get; set; }

    /// <summary>Name of the V2 job.</summary>
    public string? TaskName { get; set; }

    /// <summary>Number of the V2 task in its job.</summary>
    public int IterationVersion { get; set; }

    /// <summary>Integer id of the V2 task.</summary>
    public string? RunId { get; set; }

    /// <summary><c>task-...</c></summary>
    public string? RunIdStr { get; set; }

    /// <summary>1.</summary>
    public int DevType { get; set; }

    /// <summary>20.</summary>
    public int ModelType { get; set; }

    /// <summary>2000.</summary>
    public int TemplateType { get; set; }
}

/// <summary>Body of <c>DescribeModelSet</c>; one of the two.</summary>
public sealed record DescribeModelSetRequest
{
    /// <summary><c>am-...</c></summary>
    public string? ModelSetId { get; set; }

    /// <summary>The name.</summary>
    public string? ModelSetName { get; set; }
}

/// <summary>Result of <c>DescribeModelSet</c>.</summary>
public sealed record ModelSetDescription
{
    /// <summary><c>am-...</c></summary>
    public string? ModelSetId { get; set; }

    /// <summary>Name.</summary>
    public string? ModelSetName { get; set; }

    /// <summary><c>UserCreate</c> or <c>PlatformPreset</c>.</summary>
    public string? Source { get; set; }

    /// <summary><c>Text2Text</c></summary>
    public string? ModelType { get; set; }

    /// <summary>ISO 8601.</summary>
    public string? CreateTime { get; set; }

    /// <summary>ISO 8601.</summary>
    public string? ModifyTime { get; set; }

    /// <summary>Versions (<c>amv-...</c>), newest first.</summary>
    public IReadOnlyList<string> ModelIds { get; set; } = [];
}

/// <summary>Body of the V2 calls that name one model version.</summary>
public sealed record ModelIdRequest
{
    /// <summary><c>amv-...</c></summary>
    public required string ModelId { get; init; }
}

/// <summary>Body of the V2 calls that name one model set.</summary>
public sealed record ModelSetIdRequest
{
    /// <summary><c>am-...</c></summary>
    public required string ModelSetId { get; init; }
}

/// <summary>Result of <c>DescribeModel</c>.</summary>
public sealed record ModelDescription
{
    /// <summary><c>amv-...</c></summary>
    public string? ModelId { get; set; }

    /// <summary><c>am-...</c></summary>
    public string? ModelSetId { get; set; }

    /// <summary>Where it comes from.</summary>
    public ModelSourceInfo? SourceInfo { get; set; }

    /// <summary>Extension of our platform: all that it came from.</summary>
    public ModelLineage? Lineage { get; set; }

    /// <summary>Extension of our platform: the forms that it can be exported in, of <see cref="ModelExportFormats"/>.</summary>
    public IReadOnlyList<string>? ExportFormats { get; set; }

    /// <summary>True when it can be compressed.</summary>
    public bool? IsSupportModelComp { get; set; }
}

/// <summary>Where a model version comes from (V2).</summary>
public sealed record ModelSourceInfo
{
    /// <summary><c>task-...</c></summary>
    public string? TrainTaskId { get; set; }
}
