using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of V2 <c>CreateCustomModelSet</c>.</summary>
public sealed record CreateCustomModelSetRequest
{
    /// <summary>Name.</summary>
    public required string ModelSetName { get; init; }

    /// <summary><c>Text2Text</c>, <c>Text2Image</c>, <c>TextRepresentation</c>, <c>ImageUnderstanding</c>, <c>Industry</c>.</summary>
    public string ModelType { get; set; } = "Text2Text";

    /// <summary>Labels.</summary>
    public IReadOnlyList<string>? Labels { get; set; }
}

/// <summary>Body of V2 <c>CreateCustomModel</c>.</summary>
public sealed record CreateCustomModelRequest
{
    /// <summary>The model set (<c>am-...</c>).</summary>
    public required string ModelSetId { get; init; }

    /// <summary><c>Train</c> or <c>Import</c>.</summary>
    public string SourceType { get; set; } = "Train";

    /// <summary>The training, with <c>Train</c>.</summary>
    public CustomModelTraining? TrainMeta { get; set; }

    /// <summary>What to import, with <c>Import</c>; passed on as it is.</summary>
    public JsonObject? ImportMeta { get; set; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }
}

/// <summary>The training that a model version is made from.</summary>
public sealed record CustomModelTraining
{
    /// <summary><c>task-...</c></summary>
    public required string TaskId { get; init; }

    /// <summary>A checkpoint in place of the end.</summary>
    public int? Step { get; set; }
}

/// <summary>Body of V2 <c>CreateModelCompTask</c>: compresses a model.</summary>
public sealed record CreateModelCompTaskRequest
{
    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>The version to compress (<c>amv-...</c>).</summary>
    public required string SourceModelId { get; init; }

    /// <summary>Where the compressed version goes (<c>am-...</c>).</summary>
    public required string ModelSetId { get; init; }

    /// <summary>How.</summary>
    public required ModelCompConfig Config { get; init; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }
}

/// <summary>How a model is compressed.</summary>
public sealed record ModelCompConfig
{
    /// <summary><c>Quantization</c> or <c>Sparsity</c>.</summary>
    public required string Strategy { get; init; }

    /// <summary><c>INT8-PTQ</c>, <c>W8A16C16</c>, <c>W4A16C16</c>.</summary>
    public required string Weight { get; init; }
}

/// <summary>Body of the V2 calls that name one compression.</summary>
public sealed record ModelCompTaskIdRequest
{
    /// <summary>The compression.</summary>
    public required string ModelCompTaskId { get; init; }
}

/// <summary>Result of V2 <c>DescribeModelCompTask</c>.</summary>
public sealed record ModelCompTask
{
    /// <summary>The compression.</summary>
    public string? ModelCompTaskId { get; set; }

    /// <summary><c>creating</c>, <c>running</c>, <c>succeeded</c>, <c>failed</c>, <c>stopping</c>, <c>stopped</c>.</summary>
    public string Status { get; set; } = "";

    /// <summary>The compressed version.</summary>
    public string? ModelId { get; set; }

    /// <summary>Why it failed.</summary>
    public string? FailedReason { get; set; }
}

/// <summary>Body of V2 <c>DescribeModelCompTasks</c>.</summary>
public sealed record DescribeModelCompTasksRequest
{
    /// <summary>Version to filter by.</summary>
    public string? SourceModelId { get; set; }

    /// <summary>Where to go on.</summary>
    public string? Marker { get; set; }

    /// <summary>1 to 100, default 10.</summary>
    public int? MaxKeys { get; set; }

    /// <summary>Oldest first.</summary>
    public bool? PageReverse { get; set; }
}

/// <summary>Body of V2 <c>DescribeModelSystemAdvancedConf</c>.</summary>
public sealed record ModelSystemAdvancedConfRequest
{
    /// <summary><c>chat</c> or <c>completion</c>.</summary>
    public string ModelApplicationType { get; set; } = "chat";

    /// <summary>Format of the weights.</summary>
    public string ModelFormat { get; set; } = "HuggingFace.Transformers";
}
