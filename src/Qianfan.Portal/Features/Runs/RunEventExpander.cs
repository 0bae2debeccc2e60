using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>
/// Turns what an action tells into run events. One for each execution of a run: it remembers what it told last, so that a platform that is polled, or an action that reports
/// a hundred times that it is running, yields an event only when something changed.
/// </summary>
public sealed class RunEventExpander(RunKind kind, bool deploys)
{
    // A line of a log, or what an action hands on, is text for people: more than this is cut.
    private const int LargestData = 16 * 1024;

    private readonly Dictionary<string, ActionState> _states = [];
    private (string? Status, string? Progress) _polled;

    /// <summary>The run events of an event, in order; none if it tells nothing new.</summary>
    /// <param name="e">What the action told.</param>
    /// <param name="progress">The run's progress after it, 0 to 100; null when it tells nothing about that.</param>
    public IReadOnlyList<RunEventDraft> Expand(Event e, out int? progress)
    {
        progress = ActionProgress(e);
        List<RunEventDraft> drafts = [];
        if (e.ActionClass == RunActions.TrainAction && e.ActionState is ActionState.Running && e.Data is JsonObject data)
        {
            if (data["events"] is JsonArray events)
            {
                AddRunningOnce(drafts, e);
                foreach (var item in events.OfType<JsonObject>())
                    if (FromTask(item, ref progress) is { } draft)
                        drafts.Add(draft);
                return drafts;
            }

            if (Polled(data) is { } task)
            {
                AddRunningOnce(drafts, e);
                var polled = (Text(task["runStatus"]), Text(task["runProgress"]));
                if (polled == _polled)
                    return drafts;
                _polled = polled;
                progress = TrainProgress(Percent(polled.Item2)) ?? progress;
                drafts.Add(new RunEventDraft(RunEventKind.Status, e.ActionClass, null, null, Fields(task, "runStatus", "runProgress", "queuePosition", "expectedStartDate", "message", "code")));
                return drafts;
            }
        }

        _states[e.ActionClass] = e.ActionState;
        drafts.Add(ActionEvent(e));
        return drafts;
    }

    private void AddRunningOnce(List<RunEventDraft> drafts, Event e)
    {
        if (_states.TryGetValue(e.ActionClass, out var state) && state == e.ActionState)
            return;
        _states[e.ActionClass] = e.ActionState;
        drafts.Add(new RunEventDraft(RunEventKind.Action, e.ActionClass, e.ActionState.ToString(), null, "{}"));
    }

    private RunEventDraft? FromTask(JsonObject item, ref int? progress)
    {
        RunEventKind? found = Text(item["kind"]) switch
        {
            FineTuningTaskEventKinds.Status => RunEventKind.Status,
            FineTuningTaskEventKinds.Started => RunEventKind.TrainingStarted,
            FineTuningTaskEventKinds.Metric => RunEventKind.Metric,
            FineTuningTaskEventKinds.Validation => RunEventKind.Validation,
            FineTuningTaskEventKinds.Checkpoint => RunEventKind.Checkpoint,
            FineTuningTaskEventKinds.Log => RunEventKind.Log,
            // A newer platform may tell more than this portal knows.
            _ => null,
        };
        if (found is not { } eventKind)
            return null;
        var step = Number(item[eventKind is RunEventKind.TrainingStarted ? "fromStep" : "step"]);
        if (eventKind is RunEventKind.Metric or RunEventKind.TrainingStarted && step is { } done && Number(item["totalSteps"]) is > 0 and var total)
            progress = TrainProgress(100.0 * done / total) ?? progress;
        else if (eventKind is RunEventKind.Status)
            progress = TrainProgress(Percent(Text(item["runProgress"]))) ?? progress;
        return new RunEventDraft(eventKind, RunActions.TrainAction, null, step is { } s ? (int)s : null, TaskData(item));
    }

    // The task's own number stays in it, under a name of its own: with it anybody can check that nothing is missing or told twice.
    private static string TaskData(JsonObject item)
    {
        var buffer = new StringBuilder("{");
        foreach (var (name, value) in item)
        {
            if (name == "kind")
                continue;
            if (buffer.Length > 1)
                buffer.Append(',');
            buffer.Append(JsonSerializer.Serialize(name == "sequence" ? "taskSequence" : name)).Append(':').Append(value?.ToJsonString(JsonText.Options) ?? "null");
        }

        var text = buffer.Append('}').ToString();
        return text.Length <= LargestData
            ? text
            : new JsonObject { ["taskSequence"] = item["sequence"]?.DeepClone(), ["time"] = item["time"]?.DeepClone(), ["message"] = Text(item["message"])?[..1000] + " …" }.ToJsonString(JsonText.Options);
    }

    private static RunEventDraft ActionEvent(Event e)
    {
        var told = new JsonObject();
        var mark = e.Description.IndexOf("msg:", StringComparison.Ordinal);
        if (mark >= 0 && e.Description.Length > mark + 4)
            told["message"] = e.Description[(mark + 4)..];
        if (e.Data is JsonObject { Count: > 0 } data && data.ToJsonString(JsonText.Options) is { Length: <= LargestData } text)
            told["data"] = JsonNode.Parse(text);
        return new RunEventDraft(RunEventKind.Action, e.ActionClass, e.ActionState.ToString(), null, told.ToJsonString(JsonText.Options));
    }

    // What DescribeFineTuningTask answers, with or without the envelope.
    private static JsonObject? Polled(JsonObject data)
    {
        var task = data["result"] as JsonObject ?? data;
        return task.ContainsKey("runStatus") ? task : null;
    }

    // Where the actions lie between 0 and 100: training is what takes the time.
    private int? ActionProgress(Event e) => (kind, e.ActionClass, e.ActionState) switch
    {
        (_, RunActions.Pipeline, ActionState.Done) => 100,
        (RunKind.FineTune, RunActions.LoadDataSetAction, ActionState.Done) => 5,
        (_, RunActions.TrainAction, ActionState.Done) => TrainEnd,
        (RunKind.FineTune, RunActions.ModelPublishAction, ActionState.Done) => deploys ? 93 : 100,
        (_, RunActions.DeployAction, ActionState.Done) => 100,
        _ => null,
    };

    private int TrainStart => kind is RunKind.Followed ? 0 : 5;

    private int TrainEnd => kind is RunKind.Followed ? 100 : deploys ? 88 : 95;

    private int? TrainProgress(double? percent) => percent is { } p ? TrainStart + (int)Math.Round((TrainEnd - TrainStart) * Math.Clamp(p, 0, 100) / 100) : null;

    private static double? Percent(string? text) =>
        double.TryParse(text?.TrimEnd('%'), NumberStyles.Float, CultureInfo.InvariantCulture, out var percent) ? percent : null;

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : node?.ToJsonString();

    private static double? Number(JsonNode? node) =>
        node is JsonValue value && double.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string Fields(JsonObject from, params ReadOnlySpan<string> names)
    {
        var fields = new JsonObject();
        foreach (var name in names)
            if (from[name] is { } value)
                fields[name] = value.DeepClone();
        return fields.ToJsonString(JsonText.Options);
    }
}
