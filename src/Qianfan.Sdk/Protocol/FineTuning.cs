using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>Body of <c>CreateFineTuningJob</c>.</summary>
public sealed record CreateFineTuningJobRequest
{
    /// <summary>Name of the job.</summary>
    public required string Name { get; init; }

    /// <summary>Base model, such as <c>ERNIE-Speed-8K</c> or <c>qianfan-tiny</c>.</summary>
    public required string Model { get; init; }

    /// <summary>Kind of training.</summary>
    public required TrainMode TrainMode { get; init; }

    /// <summary>Free text.</summary>
    public string? Description { get; set; }
}

/// <summary>Result of <c>CreateFineTuningJob</c>.</summary>
public sealed record CreateFineTuningJobResult
{
    /// <summary><c>job-...</c></summary>
    public required string JobId { get; init; }
}

/// <summary>Body of <c>CreateFineTuningTask</c>.</summary>
public sealed record CreateFineTuningTaskRequest
{
    /// <summary>The job.</summary>
    public required string JobId { get; init; }

    /// <summary><c>FullFineTuning</c>, <c>LoRA</c>, <c>PromptTuning</c>.</summary>
    public required string ParameterScale { get; init; }

    /// <summary><c>epoch</c>, <c>batchSize</c>, <c>learningRate</c>, <c>maxSeqLen</c> and more.</summary>
    public required JsonObject HyperParameterConfig { get; init; }

    /// <summary>What to train on.</summary>
    public required FineTuningDatasetConfig DatasetConfig { get; init; }

    /// <summary>Task to go on from.</summary>
    public string? IncrementTaskId { get; set; }

    /// <summary>Checkpoint of that task; only with <see cref="IncrementTaskId"/>.</summary>
    public int? IncrementCheckpointStep { get; set; }

    /// <summary>Passed on as it is.</summary>
    public JsonObject? ModelConfig { get; set; }

    /// <summary><c>resourceId</c>, <c>nodeNum</c>, <c>idleResource</c>.</summary>
    public JsonObject? ResourceConfig { get; set; }

    /// <summary>Corpora to mix in.</summary>
    public JsonObject? CorpusConfig { get; set; }

    /// <summary>Extension of our platform: <c>low</c>, <c>normal</c> (also null) or <c>high</c>, among the owner's own tasks.</summary>
    public string? Priority { get; set; }

    /// <summary>Further members, sent as they are.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extras { get; set; }
}

/// <summary>Datasets of a task.</summary>
public sealed record FineTuningDatasetConfig
{
    /// <summary>At least one.</summary>
    public required IReadOnlyList<FineTuningDatasetVersion> Versions { get; init; }

    /// <summary><c>Platform</c>, <c>Bos</c> or <c>Afs</c>.</summary>
    public string SourceType { get; set; } = "Platform";

    /// <summary>Percent held out for validation, 0 to 100. The platform refuses a task without it.</summary>
    public double? SplitRatio { get; set; }
}

/// <summary>One dataset of a task.</summary>
public sealed record FineTuningDatasetVersion
{
    /// <summary><c>ds-...</c></summary>
    public string? VersionId { get; set; }

    /// <summary><c>bos:/bucket/path</c></summary>
    public string? VersionBosUri { get; set; }

    /// <summary>0.01 to 10.</summary>
    public double? SamplingRate { get; set; }
}

/// <summary>Result of <c>CreateFineTuningTask</c>.</summary>
public sealed record CreateFineTuningTaskResult
{
    /// <summary><c>job-...</c></summary>
    public string? JobId { get; set; }

    /// <summary><c>task-...</c></summary>
    public required string TaskId { get; init; }
}

/// <summary>Body of <c>DescribeFineTuningJobs</c>.</summary>
public sealed record DescribeFineTuningJobsRequest
{
    /// <summary>Extension of our platform: exact name to filter by.</summary>
    public string? Name { get; set; }

    /// <summary>Kind of training to filter by; the platform spells it so.</summary>
    public string? TrainModel { get; set; }

    /// <summary>Base model to filter by.</summary>
    public string? Model { get; set; }

    /// <summary>Where to go on.</summary>
    public string? Marker { get; set; }

    /// <summary>1 to 100, default 10.</summary>
    public int? MaxKeys { get; set; }

    /// <summary>Oldest first.</summary>
    public bool? PageReverse { get; set; }
}

/// <summary>Result of <c>DescribeFineTuningJobs</c>.</summary>
public sealed record FineTuningJobList
{
    /// <summary>This page.</summary>
    public IReadOnlyList<FineTuningJob> JobList { get; set; } = [];

    /// <summary>Where the next page starts.</summary>
    public PageInfo? PageInfo { get; set; }
}

/// <summary>A fine-tuning job: it holds tasks.</summary>
public sealed record FineTuningJob
{
    /// <summary><c>job-...</c></summary>
    public required string JobId { get; init; }

    /// <summary>Name.</summary>
    public string Name { get; set; } = "";

    /// <summary>Free text.</summary>
    public string? Description { get; set; }

    /// <summary>Base model.</summary>
    public string? Model { get; set; }

    /// <summary>Kind of training.</summary>
    public TrainMode TrainMode { get; set; }

    /// <summary>ISO 8601.</summary>
    public string? CreateDate { get; set; }
}

/// <summary>Body of <c>DescribeFineTuningTasks</c>.</summary>
public sealed record DescribeFineTuningTasksRequest
{
    /// <summary>The job.</summary>
    public required string JobId { get; init; }

    /// <summary>Where to go on.</summary>
    public string? Marker { get; set; }

    /// <summary>1 to 100, default 10.</summary>
    public int? MaxKeys { get; set; }

    /// <summary>Oldest first.</summary>
    public bool? PageReverse { get; set; }
}

/// <summary>Result of <c>DescribeFineTuningTasks</c>.</summary>
public sealed record FineTuningTaskList
{
    /// <summary>This page.</summary>
    public IReadOnlyList<FineTuningTask> TaskList { get; set; } = [];

    /// <summary>Where the next page starts.</summary>
    public PageInfo? PageInfo { get; set; }
}

/// <summary>A fine-tuning task: one training.</summary>
public sealed record FineTuningTask
{
    /// <summary><c>task-...</c></summary>
    public required string TaskId { get; init; }

    /// <summary><c>job-...</c></summary>
    public string JobId { get; set; } = "";

    /// <summary>Name of the job.</summary>
    public string? JobName { get; set; }

    /// <summary>Free text.</summary>
    public string? JobDescription { get; set; }

    /// <summary>Base model.</summary>
    public string? Model { get; set; }

    /// <summary>Kind of training.</summary>
    public TrainMode TrainMode { get; set; }

    /// <summary><c>FullFineTuning</c>, <c>LoRA</c>, <c>PromptTuning</c>.</summary>
    public string? ParameterScale { get; set; }

    /// <summary>Status.</summary>
    public FineTuningRunStatus RunStatus { get; set; }

    /// <summary><c>"51%"</c>; always there while the task runs.</summary>
    public string? RunProgress { get; set; }

    /// <summary>Address of a chart.</summary>
    public string? VdlLink { get; set; }

    /// <summary>ISO 8601.</summary>
    public string? CreateDate { get; set; }

    /// <summary>ISO 8601; <c>0000-00-00T00:00:00Z</c> while unfinished.</summary>
    public string? FinishDate { get; set; }

    /// <summary>Scores of a finished task.</summary>
    public JsonObject? Metrics { get; set; }

    /// <summary>Checkpoints that are left.</summary>
    public IReadOnlyList<FineTuningCheckpoint>? CheckpointList { get; set; }

    /// <summary>Extension of our platform: why the task failed.</summary>
    public string? Message { get; set; }

    /// <summary>Extension of our platform: code of the failure.</summary>
    public string? Code { get; set; }

    /// <summary>Extension of our platform: its place in the queue, 1 for the next one; null when it does not wait.</summary>
    public int? QueuePosition { get; set; }

    /// <summary>Extension of our platform: <c>low</c>, <c>normal</c> or <c>high</c>.</summary>
    public string? Priority { get; set; }

    /// <summary>Extension of our platform: when a task that waits is expected to start, ISO 8601; null when nothing is known.</summary>
    public string? ExpectedStartDate { get; set; }

    /// <summary>Extension of our platform: when a task that waits or runs is expected to end, ISO 8601; null when nothing is known.</summary>
    public string? ExpectedFinishDate { get; set; }
}

/// <summary>A checkpoint of a task.</summary>
public sealed record FineTuningCheckpoint
{
    /// <summary>After this step.</summary>
    public int Step { get; set; }

    /// <summary>Perplexity on the held-out rows.</summary>
    public double? Perplexity { get; set; }

    /// <summary>Loss of the step.</summary>
    public double? TrainingLoss { get; set; }

    /// <summary>Extension of our platform: loss on the held-out rows.</summary>
    public double? ValidationLoss { get; set; }
}

/// <summary>Extension of our platform: body of <c>SetFineTuningTaskPriority</c>.</summary>
public sealed record SetFineTuningTaskPriorityRequest
{
    /// <summary>The task; it must wait.</summary>
    public required string TaskId { get; init; }

    /// <summary><c>low</c>, <c>normal</c> or <c>high</c>.</summary>
    public required string Priority { get; init; }
}

/// <summary>Body of the calls that name one task.</summary>
public sealed record FineTuningTaskIdRequest
{
    /// <summary>The task.</summary>
    public required string TaskId { get; init; }
}

/// <summary>Body of the calls that name one job.</summary>
public sealed record FineTuningJobIdRequest
{
    /// <summary>The job.</summary>
    public required string JobId { get; init; }
}

/// <summary>Where a list goes on.</summary>
public sealed record PageInfo
{
    /// <summary>Where this page started.</summary>
    public string? Marker { get; set; }

    /// <summary>Page size.</summary>
    public int MaxKeys { get; set; }

    /// <summary>True when there is more.</summary>
    public bool IsTruncated { get; set; }

    /// <summary>Where the next page starts.</summary>
    public string? NextMarker { get; set; }
}

/// <summary>A base model that can be trained (<c>DescribeFineTuningSupportModels</c>).</summary>
public sealed record SupportedModel
{
    /// <summary>Name of the base model.</summary>
    public required string Model { get; init; }

    /// <summary><c>text2text</c>, <c>text2image</c>, <c>imageUnderstanding</c>.</summary>
    public string? ModelType { get; set; }

    /// <summary>Family.</summary>
    public string? BaseModel { get; set; }

    /// <summary>Kinds of training.</summary>
    public IReadOnlyList<SupportedTrainMode> SupportTrainMode { get; set; } = [];
}

/// <summary>A kind of training of a base model.</summary>
public sealed record SupportedTrainMode
{
    /// <summary>Kind of training.</summary>
    public TrainMode TrainMode { get; set; }

    /// <summary>Methods.</summary>
    public IReadOnlyList<SupportedParameterScale> SupportParameterScale { get; set; } = [];
}

/// <summary>A method of training with its parameters.</summary>
public sealed record SupportedParameterScale
{
    /// <summary><c>FullFineTuning</c>, <c>LoRA</c>, <c>PromptTuning</c>.</summary>
    public required string ParameterScale { get; init; }

    /// <summary>Parameters, limits and defaults.</summary>
    public IReadOnlyList<SupportedHyperParameter> SupportHyperParameterConfig { get; set; } = [];
}

/// <summary>A parameter of training.</summary>
public sealed record SupportedHyperParameter
{
    /// <summary>Name on the wire, such as <c>learningRate</c>.</summary>
    public required string Key { get; init; }

    /// <summary>Name for people.</summary>
    public string? Name { get; set; }

    /// <summary>What it does.</summary>
    public string? Description { get; set; }

    /// <summary><c>int</c>, <c>float</c>, <c>string</c>, <c>boolean</c>, <c>array</c>.</summary>
    public string Type { get; set; } = "float";

    /// <summary><c>range</c>, <c>choice</c>, <c>mult_choice</c>.</summary>
    public string CheckType { get; set; } = "range";

    /// <summary>Two numbers for a range (one: exactly that), else the choices.</summary>
    public IReadOnlyList<JsonElement> CheckValue { get; set; } = [];

    /// <summary>Default value.</summary>
    public JsonElement? Default { get; set; }
}
