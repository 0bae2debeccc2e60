using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of V1 <c>modelrepo/eval/create</c>.</summary>
public sealed record CreateEvaluationRequest
{
    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>Versions to evaluate.</summary>
    public required IReadOnlyList<EvaluatedModel> VersionEvalInfo { get; init; }

    /// <summary>The dataset.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string DatasetId { get; init; }

    /// <summary><c>evalMode</c> (<c>model,manual,rule</c>), <c>scoreModes</c> (<c>similarity</c>, <c>accuracy</c>) and more.</summary>
    public required JsonObject EvalStandardConf { get; init; }

    /// <summary><c>vmType</c>, <c>vmNumber</c>.</summary>
    public JsonObject? ComputeResourceConf { get; set; }

    /// <summary>An evaluation to go on with.</summary>
    public string? Id { get; set; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }
}

/// <summary>A version to evaluate.</summary>
public sealed record EvaluatedModel
{
    /// <summary>The model set.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string ModelId { get; init; }

    /// <summary>The version.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string ModelVersionId { get; init; }
}

/// <summary>Result of V1 <c>modelrepo/eval/create</c>.</summary>
public sealed record CreateEvaluationResult
{
    /// <summary>Integer id.</summary>
    public string? EvalId { get; set; }

    /// <summary><c>ame-...</c></summary>
    public string? EvalIdStr { get; set; }
}

/// <summary>Body of the V1 calls that name one evaluation.</summary>
public sealed record EvaluationIdRequest
{
    /// <summary>The evaluation.</summary>
    [JsonConverter(typeof(SeedIdConverter))]
    public required string Id { get; init; }
}

/// <summary>Result of V1 <c>modelrepo/eval/detail</c>.</summary>
public sealed record EvaluationDetail
{
    /// <summary>The evaluation.</summary>
    public string? EvaluationId { get; set; }

    /// <summary>Name.</summary>
    public string? Name { get; set; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary><c>Pending</c>, <c>Doing</c>, <c>DoingWithManualBegin</c>, <c>Stopping</c>, <c>Done</c>, <c>PartlyDone</c>, <c>Failed</c>, <c>Stopped</c>.</summary>
    public string State { get; set; } = "";

    /// <summary>One for each version.</summary>
    public JsonArray? EvalUnits { get; set; }

    /// <summary>The dataset.</summary>
    public string? DatasetId { get; set; }

    /// <summary>Name of the dataset.</summary>
    public string? DatasetName { get; set; }

    /// <summary>How it is scored; <c>resultDatasetIdStr</c> names the answers.</summary>
    public JsonObject? EvalStandardConf { get; set; }
}

/// <summary>Result of V1 <c>modelrepo/eval/cancel</c>.</summary>
public sealed record CancelEvaluationResult
{
    /// <summary>False: it could not be stopped.</summary>
    public bool Result { get; set; }

    /// <summary>Why not.</summary>
    public string? ErrorMessage { get; set; }
}
