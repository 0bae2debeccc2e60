namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>A correction of the official trainers that shows in the events: what was recorded becomes what ours tells. Its name stands in the table "What is corrected" of docs/sdk.md.</summary>
internal sealed record Correction(string Name, Func<IReadOnlyList<EventLine>, IEnumerable<EventLine>> Apply);

/// <summary>All corrections that show in the recorded events.</summary>
internal static class Corrections
{
    private const string Train = "TrainAction";
    private const string Publish = "ModelPublishAction";
    private const string Deploy = "DeployAction";
    private const string Pipeline = "Pipeline";

    /// <summary>Around each creation ours tells of it, so that it is looked up after a crash and not repeated.</summary>
    public static Correction CreationsAreTold { get; } = new("creations are told", events => events.SelectMany(e => e switch
    {
        { Class: Train, State: "Preceding" } =>
        [
            e,
            Running(Train, "create job", "create done name"), Running(Train, "job created", "create done job_id name"),
            Running(Train, "create task", "create done job_id"), Running(Train, "task created", "create done job_id task_id"),
        ],
        { Class: Publish, State: "Running" } =>
        [
            e with { Data = "create done job_id name task_id" }, Running(Publish, "model created", "create done job_id model_set_id name task_id"),
        ],
        { Class: Deploy, State: "Running" } =>
        [
            e with { Data = "create done model name" }, Running(Deploy, "service created", "create done name service_id"),
        ],
        _ => new[] { e },
    }));

    /// <summary>Publish and deploy tell their events, and train its polls; the seed lost them.</summary>
    public static Correction SeedEvents { get; } = new("publish and deploy give events", events =>
    {
        var actions = new Queue<string>(["LoadDataSetAction", Train, Publish, Deploy]);
        return events.SelectMany((e, i) =>
        {
            if (e is { Class: Train, State: "Done" })
            {
                return [Running(Train, "train running", "answer"), e];
            }

            if (e is not { Class: Pipeline, State: "Running" })
            {
                return new[] { e };
            }

            var action = actions.Dequeue();
            return action switch
            {
                Publish => [e, new(Publish, "Preceding", "", ""), Running(Publish, "model publish", "job_id task_id"), new(Publish, "Done", "", "job_id model model_id model_version_id task_id")],
                Deploy => [e, new(Deploy, "Preceding", "", ""), Running(Deploy, "ready to deploy", "model"), new(Deploy, "Done", "", "job_id model model_id model_version_id service service_endpoint service_id task_id")],
                _ => new[] { e },
            };
        });
    });

    /// <summary>Pipeline's Running names the pipeline too, as later versions do.</summary>
    public static Correction PipelineNamesItself { get; } = new("one id", events => events.Select(e => e is { Class: Pipeline, State: "Running" } ? e with { Data = "action ppl_id" } : e));

    /// <summary>The output holds the input, and the ids have V2's names.</summary>
    public static Correction OutputHoldsInput { get; } = new("the output holds the input", events =>
    {
        string before = "";
        return events.Select(e =>
        {
            if (e.State != "Done")
            {
                return e;
            }

            var seed = e.Data.Contains("model_version_id", StringComparison.Ordinal);
            var own = seed ? e.Data.Replace("model_id", "model_set_id", StringComparison.Ordinal).Replace("model_version_id", "model_id", StringComparison.Ordinal) : e.Data;
            before = string.Join(' ', $"{before} {own}".Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct().Order(StringComparer.Ordinal));
            return e with { Data = before };
        }).ToList();
    });

    /// <summary>Metrics and checkpoints are part of a training's output, as in later versions.</summary>
    public static Correction SeedTrainOutput { get; } = new("the status of the training is read", events => events.Select(e => e is { Class: Train, State: "Done" } ? e with { Data = "checkpoints datasets job_id metrics task_id" } : e));

    /// <summary>A stopped pipeline ends in Stopped, and nothing follows; the recorded task ended by itself before it could be stopped.</summary>
    public static Correction StopEndsInStopped { get; } = new("a stop ends in Stopped", events => [.. events.Where(e => e is not { Class: Pipeline, State: "Stopped" or "Done" }), new EventLine(Pipeline, "Stopped", "", "null")]);

    /// <summary>A resumed pipeline names the action that goes on, and the action doesn't tell of a resume that is its first execution.</summary>
    public static Correction ResumeIsTold { get; } = new("a resume goes on", events => events.SelectMany(e => e switch
    {
        { Class: Train, State: "Preceding" } => [Running(Pipeline, "pipeline running", "action ppl_id"), e],
        { Message: "train resume" } => [],
        _ => new[] { e },
    }));

    /// <summary>Only publishing creates something when the training is there already.</summary>
    public static Correction PublishingIsTold { get; } = new("creations are told", events => events.SelectMany(e => e is { Class: Publish, State: "Running" }
        ? [e with { Data = "create done job_id name task_id" }, Running(Publish, "model created", "create done job_id model_set_id name task_id")]
        : new[] { e }));

    /// <summary>A config that can't be checked is told of.</summary>
    public static Correction WarningsAreTold { get; } = new("warnings are told", events => events.SelectMany(e => e is { Class: Train, Message: "create job" }
        ? [Running(Train, "config outside the limits", "warnings"), e]
        : new[] { e }));

    /// <summary>The handler of the pipeline reaches every action.</summary>
    public static Correction HandlerReachesAll { get; } = new("the handler reaches every action", events => events.SelectMany(e => e switch
    {
        { Class: Pipeline, State: "Running" } => [e, new("FailingAction", "Preceding", "", "")],
        { Class: Pipeline, State: "Error" } => [new("FailingAction", "Error", e.Message, e.Data), e],
        _ => new[] { e },
    }));

    /// <summary>The share of rows held out can't be missing here; what fails is something else.</summary>
    public static Correction OtherMessage { get; } = new("errors are raised", events => events.Select(e => e.State == "Error" ? e with { Message = "There are no datasets to train on: the input needs \"datasets\"." } : e));

    private static EventLine Running(string name, string message, string data) => new(name, "Running", message, data);
}
