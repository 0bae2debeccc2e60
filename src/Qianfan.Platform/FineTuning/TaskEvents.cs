using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>An event that is about to be stored.</summary>
internal sealed record TaskEvent(string Kind, object Data)
{
    public static TaskEvent Status(TaskRow task) => new(FineTuningTaskEventKinds.Status, new TaskStatusData
    {
        RunStatus = new FineTuningRunStatus(task.State.ToString()),
        RunProgress = $"{task.Progress}%",
        QueuePosition = task.QueuePosition,
        ExpectedStart = task.ExpectedStart,
        Message = task.ErrorMessage,
        Code = task.ErrorCode,
    });

    public static TaskEvent Log(string level, string message, string? code = null, params string[] values) =>
        new(FineTuningTaskEventKinds.Log, new TaskLogData { Level = level, Message = message, Code = code, Values = values is [] ? null : values });

    /// <summary>The event that a worker's line stands for, or null when nobody is told of it.</summary>
    public static TaskEvent? From(WorkerMessage message) => message switch
    {
        TrainingStarted started => new(FineTuningTaskEventKinds.Started, started),
        TrainingProgress progress => new(FineTuningTaskEventKinds.Metric, progress),
        ValidationResult validation => new(FineTuningTaskEventKinds.Validation, validation),
        CheckpointSaved checkpoint => new(FineTuningTaskEventKinds.Checkpoint, checkpoint),
        TrainingLog log => Log(log.Level, log.Message),
        _ => null,
    };

    /// <summary>The data as it is stored and sent: camelCase, with the time.</summary>
    public string ToJson(DateTimeOffset time)
    {
        var json = JsonSerializer.SerializeToNode(Data, Data.GetType(), s_options)!.AsObject();
        json["time"] = time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);
        return json.ToJsonString(s_options);
    }

    private static readonly JsonSerializerOptions s_options = new(PlatformJson.Sparse)
    {
        // A diverging loss is no number, which JSON can't hold otherwise.
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };
}
