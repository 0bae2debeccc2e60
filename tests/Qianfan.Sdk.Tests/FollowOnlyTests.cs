using System.Text.Json.Nodes;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

/// <summary>A task of somebody else is looked at, and never touched.</summary>
public sealed class FollowOnlyTests
{
    private readonly ScriptedPlatform _platform = new();
    private readonly EventStore _store = new();
    private readonly TaskLog _log = new();

    public FollowOnlyTests() => _platform.Tasks.Add("task-1", ("job-1", _log));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stop_ends_the_following_and_not_the_task(bool ours)
    {
        ScriptedPlatform.Train(_log, 0, 2, "");
        var pipeline = Follow(ours);
        _store.After = e => e.ActionClass == "TrainAction" && e.Data?["task_id"] is not null || e.Data?["result"] is not null ? pipeline.StopAsync(Given.Token) : Task.CompletedTask;

        await Should.ThrowAsync<ActionStoppedException>(pipeline.ExecAsync(cancellationToken: Given.Token));

        _store.Names[^1].ShouldBe("Pipeline.Stopped");
        _log.Status.ShouldBe("Running");
        Touched.ShouldBe(0);
    }

    [Fact]
    public async Task What_was_stopped_goes_on_following_elsewhere_without_resuming_the_task()
    {
        ScriptedPlatform.Train(_log, 0, 2, "");
        var pipeline = Follow(ours: true);
        _store.After = e => e.Data?["events"] is not null ? pipeline.StopAsync(Given.Token) : Task.CompletedTask;
        await Should.ThrowAsync<ActionStoppedException>(pipeline.ExecAsync(cancellationToken: Given.Token));
        _store.After = _ => Task.CompletedTask;
        ScriptedPlatform.Train(_log, 2, 4, "Done");

        var again = Pipeline.Loads(_store.LastState!, Given.Client(_platform), _store);
        _store.Dump = again.Dumps;
        var output = await again.ResumeAsync(Given.Token);

        output["task_id"]!.GetValue<string>().ShouldBe("task-1");
        _store.Sequences.ShouldBe(Enumerable.Range(1, _log.Count).Select(i => (long)i));
        Touched.ShouldBe(0);
    }

    [Fact]
    public async Task A_task_that_failed_is_not_resumed_with_the_following()
    {
        ScriptedPlatform.Train(_log, 0, 2, "Failed");
        await Should.ThrowAsync<InternalErrorException>(Follow(ours: true).ExecAsync(cancellationToken: Given.Token));

        var again = Pipeline.Loads(_store.LastState!, Given.Client(_platform), _store);
        await Should.ThrowAsync<InternalErrorException>(again.ResumeAsync(Given.Token));

        Touched.ShouldBe(0);
    }

    [Fact]
    public async Task A_stop_of_what_was_cut_off_does_not_reach_the_task()
    {
        ScriptedPlatform.Train(_log, 0, 2, "");
        using var process = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
        _store.After = e => e.Data?["events"] is not null ? process.CancelAsync() : Task.CompletedTask;
        await Should.ThrowAsync<OperationCanceledException>(Follow(ours: true).ExecAsync(cancellationToken: process.Token));
        _store.After = _ => Task.CompletedTask;

        await Pipeline.Loads(_store.LastState!, Given.Client(_platform), _store).StopAsync(Given.Token);

        _store.Names[^1].ShouldBe("Pipeline.Stopped");
        _log.Status.ShouldBe("Running");
        Touched.ShouldBe(0);
    }

    [Fact]
    public async Task Without_a_task_there_is_nothing_to_follow_and_nothing_is_created()
    {
        var input = new JsonObject { ["datasets"] = new JsonObject { ["versions"] = new JsonArray(new JsonObject { ["versionId"] = "ds-1" }) } };
        var action = new TrainAction(Given.Client(_platform), "qianfan-tiny", options: new TrainActionOptions { FollowOnly = true });

        await Should.ThrowAsync<InvalidArgumentException>(action.ExecAsync(input, Given.Token));

        Touched.ShouldBe(0);
    }

    private int Touched => _platform.Requests.Count(r => r.Name is "CreateFineTuningJob" or "CreateFineTuningTask" or "StopFineTuningTask" or "ResumeFineTuningTask" or "DeleteFineTuningTask");

    private Pipeline Follow(bool ours)
    {
        var action = new TrainAction(Given.Client(_platform, ours), taskId: "task-1", jobId: "job-1", options: new TrainActionOptions { FollowOnly = true });
        var pipeline = new Pipeline([action], eventHandler: _store);
        _store.Dump = pipeline.Dumps;
        return pipeline;
    }
}
