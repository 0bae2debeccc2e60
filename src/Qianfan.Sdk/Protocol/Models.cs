using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of <c>modelrepo/publishTrainModel</c>.</summary>
public sealed record PublishTrainModelRequest
{
    /// <summary>True: a new model set; false: a new version of <see cref="ModelId"/>.</summary>
    public bool IsNewModel { get; init; } = true;

    /// <summary>What to publish.</summary>
    public required PublishVersionMeta VersionMeta { get; init; }

    /// <summary>Name of the new model set.</summary>
    public string? ModelName { get; init; }

    /// <summary>The model set, when it is not new.</summary>
    public string? ModelId { get; init; }

    /// <summary>Labels.</summary>
    public IReadOnlyList<string>? Tags { get; init; }
}

/// <summary>What a model version is made from.</summary>
public sealed record PublishVersionMeta
{
    /// <summary>V2 job id (the names are swapped between V1 and V2).</summary>
    public required string TaskId { get; init; }

    /// <summary>V2 task id.</summary>
    public required string IterationId { get; init; }

    /// <summary>A checkpoint in place of the end.</summary>
    public int? Step { get; init; }

    /// <summary>Free text.</summary>
    public string? Description { get; init; }
}

/// <summary>Result of <c>publishTrainModel</c>.</summary>
public sealed record PublishTrainModelResult
{
    /// <summary>Integer id of the model set.</summary>
    public string? ModelId { get; init; }

    /// <summary><c>am-...</c></summary>
    [JsonPropertyName("modelIDStr")]
    public string? ModelIdStr { get; init; }

    /// <summary>Version number.</summary>
    public string? Version { get; init; }

    /// <summary>Integer id of the version.</summary>
    public string? VersionId { get; init; }

    /// <summary><c>amv-...</c></summary>
    public string? VersionIdStr { get; init; }
}

/// <summary>Body of <c>modelrepo/modelDetail</c>.</summary>
public sealed record ModelDetailRequest
{
    /// <summary>The model set.</summary>
    public required string ModelId { get; init; }
}

/// <summary>Result of <c>modelrepo/modelDetail</c>.</summary>
public sealed record ModelDetail
{
    /// <summary>Integer id.</summary>
    public string? ModelId { get; init; }

    /// <summary><c>am-...</c></summary>
    public string? ModelIdStr { get; init; }

    /// <summary>Name.</summary>
    public string? ModelName { get; init; }

    /// <summary><c>UserCreate</c> or <c>PlatformPreset</c>.</summary>
    public string? Source { get; init; }

    /// <summary>Type.</summary>
    public string? ModelType { get; init; }

    /// <summary>Time of creation.</summary>
    public string? CreateTime { get; init; }

    /// <summary>Time of the last change.</summary>
    public string? ModifyTime { get; init; }

    /// <summary>Free text.</summary>
    public string? Description { get; init; }

    /// <summary>Base model.</summary>
    public string? TrainType { get; init; }

    /// <summary>Versions, newest first.</summary>
    public IReadOnlyList<ModelVersionDetail> ModelVersionList { get; init; } = [];
}

/// <summary>Body of <c>modelrepo/modelVersionDetail</c>.</summary>
public sealed record ModelVersionDetailRequest
{
    /// <summary>The version.</summary>
    public required string ModelVersionId { get; init; }
}

/// <summary>Result of <c>modelrepo/modelVersionDetail</c>.</summary>
public sealed record ModelVersionDetail
{
    /// <summary>Integer id of the model set.</summary>
    public string? ModelId { get; init; }

    /// <summary><c>am-...</c></summary>
    public string? ModelIdStr { get; init; }

    /// <summary>Name of the model set.</summary>
    public string? ModelName { get; init; }

    /// <summary>Integer id.</summary>
    public string? ModelVersionId { get; init; }

    /// <summary><c>amv-...</c></summary>
    public string? ModelVersionIdStr { get; init; }

    /// <summary>Version number.</summary>
    public string? Version { get; init; }

    /// <summary>Free text.</summary>
    public string? Description { get; init; }

    /// <summary><c>Train</c>, <c>PlatformPreset</c> ...</summary>
    public string? SourceType { get; init; }

    /// <summary>Where it comes from.</summary>
    public ModelSourceExtra? SourceExtra { get; init; }

    /// <summary>Framework.</summary>
    public string? Framework { get; init; }

    /// <summary>Algorithm.</summary>
    public string? Algorithm { get; init; }

    /// <summary>Network.</summary>
    public string? ModelNet { get; init; }

    /// <summary>State.</summary>
    public ModelVersionState State { get; init; }

    /// <summary><c>chat</c></summary>
    public string? IoMode { get; init; }

    /// <summary>Time of creation.</summary>
    public string? CreateTime { get; init; }

    /// <summary>Time of the last change.</summary>
    public string? ModifyTime { get; init; }

    /// <summary><c>Private</c></summary>
    public IReadOnlyList<string>? DeployResource { get; init; }

    /// <summary><c>Deploy</c></summary>
    public IReadOnlyList<string>? SupportOptions { get; init; }

    /// <summary>Base model.</summary>
    public string? TrainType { get; init; }
}

/// <summary>Where a model version comes from.</summary>
public sealed record ModelSourceExtra
{
    /// <summary><c>Train</c></summary>
    public string? SourceType { get; init; }

    /// <summary>The training.</summary>
    public ModelTrainSource? TrainSourceExtra { get; init; }
}

/// <summary>The training that a model version comes from.</summary>
public sealed record ModelTrainSource
{
    /// <summary>Integer id of the V2 job.</summary>
    public string? TaskId { get; init; }

    /// <summary><c>job-...</c></summary>
    public string? TaskIdStr { get; init; }

    /// <summary>Name of the V2 job.</summary>
    public string? TaskName { get; init; }

    /// <summary>Number of the V2 task in its job.</summary>
    public int IterationVersion { get; init; }

    /// <summary>Integer id of the V2 task.</summary>
    public string? RunId { get; init; }

    /// <summary><c>task-...</c></summary>
    public string? RunIdStr { get; init; }

    /// <summary>1.</summary>
    public int DevType { get; init; }

    /// <summary>20.</summary>
    public int ModelType { get; init; }

    /// <summary>2000.</summary>
    public int TemplateType { get; init; }
}

/// <summary>Body of <c>DescribeModelSet</c>; one of the two.</summary>
public sealed record DescribeModelSetRequest
{
    /// <summary><c>am-...</c></summary>
    public string? ModelSetId { get; init; }

    /// <summary>The name.</summary>
    public string? ModelSetName { get; init; }
}

/// <summary>Result of <c>DescribeModelSet</c>.</summary>
public sealed record ModelSetDescription
{
    /// <summary><c>am-...</c></summary>
    public string? ModelSetId { get; init; }

    /// <summary>Name.</summary>
    public string? ModelSetName { get; init; }

    /// <summary><c>UserCreate</c> or <c>PlatformPreset</c>.</summary>
    public string? Source { get; init; }

    /// <summary><c>Text2Text</c></summary>
    public string? ModelType { get; init; }

    /// <summary>ISO 8601.</summary>
    public string? CreateTime { get; init; }

    /// <summary>ISO 8601.</summary>
    public string? ModifyTime { get; init; }

    /// <summary>Versions (<c>amv-...</c>), newest first.</summary>
    public IReadOnlyList<string> ModelIds { get; init; } = [];
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
    public string? ModelId { get; init; }

    /// <summary><c>am-...</c></summary>
    public string? ModelSetId { get; init; }

    /// <summary>Where it comes from.</summary>
    public ModelSourceInfo? SourceInfo { get; init; }

    /// <summary>True when it can be compressed.</summary>
    public bool? IsSupportModelComp { get; init; }
}

/// <summary>Where a model version comes from (V2).</summary>
public sealed record ModelSourceInfo
{
    /// <summary><c>task-...</c></summary>
    public string? TrainTaskId { get; init; }
}
