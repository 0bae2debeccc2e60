using System.Text.Json.Nodes;
using Qianfan.Portal.Features.Runs;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Tests.Runs;

public class RunEventExpanderTests
{
    private readonly RunEventExpander _expander = new(RunKind.FineTune, deploys: true);

    [Fact]
    public void A_batch_becomes_one_event_for_each_thing_the_platform_told()
    {
        var drafts = _expander.Expand(Training("""
            {"task_id":"task-1","job_id":"job-1","cursor":7,"events":[
              {"sequence":1,"kind":"status","time":"2026-11-23T19:00:00Z","runStatus":"Running","runProgress":"0%"},
              {"sequence":2,"kind":"started","time":"2026-11-23T19:00:01Z","fromStep":0,"totalSteps":40,"trainRows":160},
              {"sequence":3,"kind":"metric","time":"2026-11-23T19:00:02Z","step":10,"totalSteps":40,"loss":2.5,"learningRate":0.001},
              {"sequence":4,"kind":"validation","time":"2026-11-23T19:00:03Z","step":10,"loss":2.7},
              {"sequence":5,"kind":"checkpoint","time":"2026-11-23T19:00:03Z","step":10,"trainingLoss":2.5},
              {"sequence":6,"kind":"log","time":"2026-11-23T19:00:03Z","level":"info","message":"检查点已保存"},
              {"sequence":7,"kind":"from-a-newer-platform","time":"2026-11-23T19:00:04Z"}]}
            """), out var progress);

        drafts.Select(d => d.Kind).ShouldBe([RunEventKind.Action, RunEventKind.Status, RunEventKind.TrainingStarted, RunEventKind.Metric, RunEventKind.Validation, RunEventKind.Checkpoint, RunEventKind.Log]);
        drafts.Select(d => d.Step).ShouldBe([null, null, 0, 10, 10, 10, null]);
        drafts[0].ActionState.ShouldBe("Running");
        var metric = JsonNode.Parse(drafts[3].DataJson)!.AsObject();
        metric["taskSequence"]!.GetValue<int>().ShouldBe(3);
        metric["loss"]!.GetValue<double>().ShouldBe(2.5);
        metric.ContainsKey("kind").ShouldBeFalse();
        drafts[6].DataJson.ShouldContain("检查点已保存");
        progress.ShouldBe(26);
    }

    [Fact]
    public void That_the_training_runs_is_told_once()
    {
        _expander.Expand(Training("""{"events":[{"sequence":1,"kind":"metric","step":1,"loss":1}]}"""), out _).Count.ShouldBe(2);
        _expander.Expand(Training("""{"events":[{"sequence":2,"kind":"metric","step":2,"loss":1}]}"""), out _).ShouldHaveSingleItem().Kind.ShouldBe(RunEventKind.Metric);
    }

    [Fact]
    public void A_polled_platform_yields_a_status_only_when_something_changed()
    {
        var first = _expander.Expand(Training("""{"requestId":"r1","result":{"taskId":"task-1","runStatus":"Running","runProgress":"50%"}}"""), out var progress);
        first.Select(d => d.Kind).ShouldBe([RunEventKind.Action, RunEventKind.Status]);
        progress.ShouldBe(47);
        _expander.Expand(Training("""{"requestId":"r2","result":{"taskId":"task-1","runStatus":"Running","runProgress":"50%"}}"""), out _).ShouldBeEmpty();
        _expander.Expand(Training("""{"requestId":"r3","result":{"taskId":"task-1","runStatus":"Running","runProgress":"51%"}}"""), out _).ShouldHaveSingleItem().Kind.ShouldBe(RunEventKind.Status);
    }

    [Fact]
    public void An_action_tells_its_states_with_message_and_output()
    {
        var error = _expander.Expand(new Event("TrainAction", "a1", ActionState.Error, "action_error: action_type[TrainAction] action_id[a1], msg:no memory", new JsonObject { ["error"] = "no memory" }), out _).ShouldHaveSingleItem();
        (error.Kind, error.ActionClass, error.ActionState).ShouldBe((RunEventKind.Action, "TrainAction", "Error"));
        JsonNode.Parse(error.DataJson)!["message"]!.GetValue<string>().ShouldBe("no memory");

        var stopped = _expander.Expand(new Event("Pipeline", "p", ActionState.Stopped, "action_event: action_type[Pipeline] action_id[p], msg:"), out _).ShouldHaveSingleItem();
        stopped.DataJson.ShouldBe("{}");
    }

    [Fact]
    public void Progress_reaches_100_with_the_last_action()
    {
        _expander.Expand(new Event("DeployAction", "d", ActionState.Done, "", new JsonObject()), out var progress);
        progress.ShouldBe(100);
        new RunEventExpander(RunKind.FineTune, deploys: false).Expand(new Event("ModelPublishAction", "d", ActionState.Done, "", new JsonObject()), out progress);
        progress.ShouldBe(100);
    }

    [Fact]
    public void Output_that_is_too_long_is_left_out()
    {
        var huge = new Event("TrainAction", "a", ActionState.Done, "", new JsonObject { ["metrics"] = new string('x', 100_000) });
        _expander.Expand(huge, out _).ShouldHaveSingleItem().DataJson.Length.ShouldBeLessThan(1000);
    }

    private static Event Training(string json) => new("TrainAction", "t", ActionState.Running, "action_event: action_type[TrainAction] action_id[t], msg:train running", JsonNode.Parse(json));
}
