using Qianfan.Platform.Data;

namespace Qianfan.Platform.FineTuning;

/// <summary>What a task is for: a set of tasks with a name, a base model and a train mode.</summary>
internal sealed class JobRow : OwnedRow
{
    public required string Name { get; set; }

    public required string Description { get; set; }

    public required string Model { get; set; }

    /// <summary>A word of the wire; V1 names it with the first task.</summary>
    public required string TrainMode { get; set; }
}

/// <summary>Where a task stands. Names are those of the wire.</summary>
internal enum TaskState
{
    Waiting,
    Running,
    Done,
    Failed,
    Stopped,
}

/// <summary>A task's rank among its owner's own ones. It gets nobody ahead of another owner.</summary>
internal enum TaskPriority
{
    Low = -1,
    Normal = 0,
    High = 1,
}

/// <summary>Which API a task came by.</summary>
internal enum TaskOrigin
{
    Qianfan,
    OpenAI,
}

/// <summary>One fine-tuning. Rows in state <see cref="TaskState.Waiting"/> are the training queue.</summary>
internal sealed class TaskRow : OwnedRow
{
    public int JobId { get; set; }

    public JobRow Job { get; set; } = null!;

    public TaskOrigin Origin { get; set; }

    public required string ParameterScale { get; set; }

    /// <summary>The caller's hyper-parameters, as JSON.</summary>
    public required string HyperParameters { get; set; }

    /// <summary>The worker's configuration with all defaults, as JSON.</summary>
    public required string Config { get; set; }

    /// <summary>Ids of the datasets, separated by commas.</summary>
    public required string DatasetIds { get; set; }

    /// <summary>The datasets as they were when the task was made: a list of <see cref="Sdk.Protocol.ModelLineageDataset"/> as JSON. Null in tasks older than this column.</summary>
    public string? Datasets { get; set; }

    /// <summary>SHA-256 of the rows trained on, in hex.</summary>
    public required string RowsHash { get; set; }

    public TaskState State { get; set; }

    /// <summary>Someone asked to stop; whoever runs the task sees it with the next event.</summary>
    public bool StopRequested { get; set; }

    public DateTimeOffset QueuedAt { get; set; }

    public DateTimeOffset? StartedAt { get; set; }

    public DateTimeOffset? FinishedAt { get; set; }

    public TaskPriority Priority { get; set; }

    public int? QueuePosition { get; set; }

    /// <summary>When a task that waits is expected to start, as was last told.</summary>
    public DateTimeOffset? ExpectedStart { get; set; }

    /// <summary>How much there is to train, in bytes of rows times epochs; 0 where nobody knows.</summary>
    public long Work { get; set; }

    /// <summary>0 to 100.</summary>
    public int Progress { get; set; }

    public int TotalSteps { get; set; }

    /// <summary>Steps done.</summary>
    public int Step { get; set; }

    public DateTimeOffset? StepAt { get; set; }

    /// <summary>The step that its last worker began with, and when.</summary>
    public int FirstStep { get; set; }

    public DateTimeOffset? FirstStepAt { get; set; }

    public string? ErrorCode { get; set; }

    public string? ErrorMessage { get; set; }

    public double? TrainingLoss { get; set; }

    public double? ValidationLoss { get; set; }

    /// <summary><c>model</c> or <c>adapter</c>, when done.</summary>
    public string? OutputKind { get; set; }

    public long? TrainedTokens { get; set; }

    /// <summary>Version of the engine that ran it last.</summary>
    public string? EngineVersion { get; set; }

    public long LastSequence { get; set; }

    /// <summary>OpenAI: stopped by a pause, not by a cancel.</summary>
    public bool Paused { get; set; }

    /// <summary>OpenAI: the request's <c>metadata</c>, as JSON.</summary>
    public string? Metadata { get; set; }

    /// <summary>OpenAI: the file with the losses of all steps, once the model is published.</summary>
    public string? ResultFileId { get; set; }

    /// <summary>OpenAI: the request's <c>suffix</c>.</summary>
    public string? Suffix { get; set; }

    /// <summary>OpenAI: the uploaded file that was asked for.</summary>
    public string? TrainingFileId { get; set; }

    /// <summary>OpenAI: the uploaded file whose rows are the validation's; null where a share of the others is held out.</summary>
    public string? ValidationFileId { get; set; }

    /// <summary>OpenAI: under this name the model is served once it is published.</summary>
    public string? FineTunedModel { get; set; }
}

/// <summary>One thing that happened to a task. Never changed, never removed before its task.</summary>
internal sealed class TaskEventRow
{
    public int TaskId { get; set; }

    /// <summary>1, 2, 3 ... without a gap.</summary>
    public long Sequence { get; set; }

    public required string Kind { get; set; }

    public DateTimeOffset Time { get; set; }

    /// <summary>The event's data, as JSON, <c>time</c> included.</summary>
    public required string Data { get; set; }
}
