using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Protocol;

/// <summary>Kinds of events in the stream of a task (extension of our platform).</summary>
public static class FineTuningTaskEventKinds
{
    /// <summary>The task's status or progress changed: <see cref="TaskStatusData"/>.</summary>
    public const string Status = "status";

    /// <summary>A worker begins, or goes on from a checkpoint: <see cref="TaskStartedData"/>.</summary>
    public const string Started = "started";

    /// <summary>A training step: <see cref="TaskMetricData"/>.</summary>
    public const string Metric = "metric";

    /// <summary>The held-out rows were evaluated: <see cref="TaskValidationData"/>.</summary>
    public const string Validation = "validation";

    /// <summary>A checkpoint is on disk: <see cref="TaskCheckpointData"/>.</summary>
    public const string Checkpoint = "checkpoint";

    /// <summary>A line for people: <see cref="TaskLogData"/>.</summary>
    public const string Log = "log";
}

/// <summary>One event of a task's stream.</summary>
/// <param name="Sequence">Gap-free number within the task, from 1.</param>
/// <param name="Kind">One of <see cref="FineTuningTaskEventKinds"/>; unknown kinds are to be passed over.</param>
/// <param name="Data">The event's object, camelCase keys, with <c>time</c> (ISO 8601). Read-only.</param>
public sealed record FineTuningTaskEvent(long Sequence, string Kind, JsonObject Data);

/// <summary>Data of a <c>status</c> event.</summary>
public sealed record TaskStatusData
{
    /// <summary>Status of the task.</summary>
    public required FineTuningRunStatus RunStatus { get; init; }

    /// <summary><c>"40%"</c></summary>
    public string? RunProgress { get; set; }

    /// <summary>Its place in the queue, 1 for the next one.</summary>
    public int? QueuePosition { get; set; }

    /// <summary>When a task that waits is expected to start; null when nothing is known.</summary>
    public DateTimeOffset? ExpectedStart { get; set; }

    /// <summary>Why it failed, for people.</summary>
    public string? Message { get; set; }

    /// <summary>Code of the failure.</summary>
    public string? Code { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset? Time { get; set; }
}

/// <summary>Data of a <c>started</c> event. With <see cref="FromStep"/> above 0 it supersedes all points past that step.</summary>
public sealed record TaskStartedData
{
    /// <summary>0, or the step of the checkpoint that training goes on from.</summary>
    public int FromStep { get; set; }

    /// <summary>Steps of the whole training.</summary>
    public int TotalSteps { get; set; }

    /// <summary>Rows trained on.</summary>
    public int TrainRows { get; set; }

    /// <summary>Rows held out.</summary>
    public int ValidationRows { get; set; }

    /// <summary>Tokens of one epoch.</summary>
    public long TrainTokens { get; set; }

    /// <summary>Rows that were cut.</summary>
    public int TruncatedRows { get; set; }

    /// <summary>Parameters of the model.</summary>
    public long Parameters { get; set; }

    /// <summary>Parameters that training changes.</summary>
    public long TrainableParameters { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset? Time { get; set; }
}

/// <summary>Data of a <c>metric</c> event.</summary>
public sealed record TaskMetricData
{
    /// <summary>From 1.</summary>
    public int Step { get; set; }

    /// <summary>Steps of the whole training.</summary>
    public int TotalSteps { get; set; }

    /// <summary>Epochs done.</summary>
    public double Epoch { get; set; }

    /// <summary>Mean loss of the step, in nats.</summary>
    public double Loss { get; set; }

    /// <summary>Learning rate of the step.</summary>
    public double LearningRate { get; set; }

    /// <summary>Before clipping.</summary>
    public double? GradientNorm { get; set; }

    /// <summary>Smoothed.</summary>
    public double? TokensPerSecond { get; set; }

    /// <summary>Tokens trained on so far.</summary>
    public long? Tokens { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset? Time { get; set; }
}

/// <summary>Data of a <c>validation</c> event.</summary>
public sealed record TaskValidationData
{
    /// <summary>After this step.</summary>
    public int Step { get; set; }

    /// <summary>Mean loss over the held-out rows, in nats.</summary>
    public double Loss { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset? Time { get; set; }
}

/// <summary>Data of a <c>checkpoint</c> event.</summary>
public sealed record TaskCheckpointData
{
    /// <summary>After this step.</summary>
    public int Step { get; set; }

    /// <summary>Loss of the step.</summary>
    public double TrainingLoss { get; set; }

    /// <summary>The newest validation loss.</summary>
    public double? ValidationLoss { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset? Time { get; set; }
}

/// <summary>Lines of a task's log that can be told by a code. More may come: an unknown one is told by its message.</summary>
public static class TaskLogCodes
{
    /// <summary>Training is done. Values: steps, tokens, training loss.</summary>
    public const string Done = "done";

    /// <summary>Stopped on request.</summary>
    public const string Stopped = "stopped";

    /// <summary>Stopped on request before it started.</summary>
    public const string StoppedBeforeStart = "stoppedBeforeStart";

    /// <summary>Stopped on request while it was paused.</summary>
    public const string StoppedWhilePaused = "stoppedWhilePaused";

    /// <summary>The worker died, another one goes on from the last checkpoint. Values: why, which attempt, how many there are at most.</summary>
    public const string Restarted = "restarted";

    /// <summary>The platform went away meanwhile; training goes on from the last checkpoint.</summary>
    public const string Interrupted = "interrupted";

    /// <summary>Resumed on request; training goes on from the last checkpoint.</summary>
    public const string Resumed = "resumed";

    /// <summary>The model answers. Values: its name.</summary>
    public const string Served = "served";
}

/// <summary>Data of a <c>log</c> event.</summary>
public sealed record TaskLogData
{
    /// <summary><c>info</c>, <c>warning</c>, <c>error</c>.</summary>
    public string Level { get; set; } = "info";

    /// <summary>One line, in English.</summary>
    public string Message { get; set; } = "";

    /// <summary>What it says, for whoever says it in another language: one of <see cref="TaskLogCodes"/>. Null for a line that is text alone.</summary>
    public string? Code { get; set; }

    /// <summary>What stands in the line, in the order that its code names; numbers as in <c>1234</c> and <c>0.5678</c>. Null when nothing does.</summary>
    public IReadOnlyList<string>? Values { get; set; }

    /// <summary>When.</summary>
    public DateTimeOffset? Time { get; set; }
}
