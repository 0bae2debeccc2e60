using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Runs;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Tests.Runs;

public class RunPipelineJobTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_loads_trains_publishes_and_deploys()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);

        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, RunStatus.Done);

        var details = await portal.Runs.GetAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel);
        details.Run.Progress.ShouldBe(100);
        details.Error.ShouldBeNull();
        foreach (var action in RunActions.Of(RunKind.FineTune, deploys: true))
            details.ActionStates[action].ShouldBe("Done");
        (details.ModelName, details.ServiceName).ShouldBe(("my model", "my service"));
        details.Run.FinishedAt.ShouldNotBeNull();
        await portal.ShouldHaveNoGapAsync(runId);
        (await portal.EventsAsync(runId)).Count(e => e.Kind == RunEventKind.Metric).ShouldBe(4);

        await using var db = portal.Factory.Db();
        var version = await db.ModelVersions.Include(v => v.ModelSet).SingleAsync(Cancel);
        (version.RunId, version.Number, version.PlatformId, version.TrainingLoss).ShouldBe((runId, 1, "amv-1", 0.25));
        var service = await db.Services.SingleAsync(Cancel);
        (service.RunId, service.PlatformId, service.Endpoint).ShouldBe((runId, "svco-1", "ep_svco-1"));
        var audited = await db.AuditEntries.Where(a => a.ProjectId == portal.Factory.ProjectId).OrderBy(a => a.Id).Select(a => a.Action).ToListAsync(Cancel);
        audited.SkipWhile(a => a != AuditActions.RunStarted).ShouldBe([AuditActions.RunStarted, AuditActions.ModelPublished, AuditActions.ServiceDeployed]);
    }

    [Fact]
    public async Task A_training_that_fails_fails_the_run_and_can_be_resumed()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform { OnTrain = (log, from) => ScriptedPlatform.Train(log, from, from + 2, from == 0 ? "Failed" : "Done") };
        await using var portal = await RunsPortal.StartAsync(platform, folder.Path);

        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, RunStatus.Failed);
        var failed = await portal.LoadAsync(runId);
        failed.Error.ShouldNotBeNull().ShouldContain("Failed");
        (await portal.Runs.GetAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel)).ActionStates[RunActions.TrainAction].ShouldBe("Error");

        await portal.Runs.ResumeAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel);
        await portal.UntilAsync(runId, RunStatus.Done);

        platform.Count("ResumeFineTuningTask").ShouldBe(1);
        platform.Count("CreateFineTuningTask").ShouldBe(1);
        await portal.ShouldHaveNoGapAsync(runId);
    }

    [Fact]
    public async Task A_stopped_run_resumes_to_the_end()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform { OnTrain = UntilHalf };
        await using var portal = await RunsPortal.StartAsync(platform, folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, e => e is { Kind: RunEventKind.Metric, Step: 2 });

        await portal.Runs.StopAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel);
        await portal.UntilAsync(runId, RunStatus.Stopped);

        platform.Count("StopFineTuningTask").ShouldBe(1);
        (await portal.Runs.GetAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel)).ActionStates[RunActions.TrainAction].ShouldBe("Stopped");
        await portal.Runs.ResumeAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel);
        await portal.UntilAsync(runId, RunStatus.Done);
        platform.Count("ResumeFineTuningTask").ShouldBe(1);
        await portal.ShouldHaveNoGapAsync(runId);
        await using var db = portal.Factory.Db();
        (await db.AuditEntries.Select(a => a.Action).ToListAsync(Cancel)).ShouldContain(AuditActions.RunResumed);
    }

    [Fact]
    public async Task A_run_that_the_end_of_the_process_interrupts_goes_on_at_the_next_start()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform { OnTrain = UntilHalf };
        Guid runId;
        await using (var portal = await RunsPortal.StartAsync(platform, folder.Path))
        {
            runId = await portal.StartRunAsync();
            await portal.UntilAsync(runId, e => e is { Kind: RunEventKind.Metric, Step: 2 });
        }

        platform.Count("StopFineTuningTask").ShouldBe(0);
        await using var next = await RunsPortal.StartAsync(platform, folder.Path);
        await next.UntilAsync(runId, RunStatus.Interrupted);
        ScriptedPlatform.Train(platform.Tasks.Single().Value.Log, 2, 4, "Done");
        await next.UntilAsync(runId, RunStatus.Done);

        Created(platform).ShouldBe([1, 1, 1, 1]);
        await next.ShouldHaveNoGapAsync(runId);
    }

    [Theory]
    [InlineData("CreateFineTuningJob")]
    [InlineData("CreateFineTuningTask")]
    [InlineData("publishTrainModel")]
    [InlineData("CreateService")]
    [InlineData("while training")]
    public async Task A_process_killed_at_any_moment_leaves_a_run_that_goes_on_without_gap_or_duplicate(string moment)
    {
        using var folder = new TestFolder();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var gate = new SemaphoreSlim(0, 1);
        var killed = false;
        var platform = new ScriptedPlatform();
        if (moment == "while training")
            platform.OnTrain = UntilHalf;
        else
            // The platform has made it; whoever asked is gone before the answer comes.
            platform.After = async name =>
            {
                if (name != moment || killed)
                    return;
                killed = true;
                reached.SetResult();
                await gate.WaitAsync(CancellationToken.None);
                throw new IOException("Nobody is there to hear the answer.");
            };
        var portal = await RunsPortal.StartAsync(platform, folder.Path);
        var runId = await portal.StartRunAsync();
        if (moment == "while training")
            await portal.UntilAsync(runId, e => e is { Kind: RunEventKind.Metric, Step: 2 });
        else
            await reached.Task;
        using var left = folder.AsIfKilledNow();
        // What this process does from now on is not seen by the next one, which works on what lay on the disk.
        var ending = portal.DisposeAsync();
        gate.Release();
        await ending;

        await using var next = await RunsPortal.StartAsync(platform, left.Path);
        if (moment == "while training")
            ScriptedPlatform.Train(platform.Tasks.Single().Value.Log, 2, 4, "Done");
        await next.UntilAsync(runId, RunStatus.Done);

        Created(platform).ShouldBe([1, 1, 1, 1]);
        await next.ShouldHaveNoGapAsync(runId);
        await using var db = next.Factory.Db();
        (await db.ModelVersions.CountAsync(Cancel), await db.Services.CountAsync(Cancel)).ShouldBe((1, 1));
    }

    [Fact]
    public async Task The_sweep_schedules_a_run_that_has_no_job()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var dataset = await portal.AddDatasetAsync();
        Guid runId;
        await using (var db = portal.Factory.Db())
        {
            // As if the process had died between the run's row and its trigger.
            var connection = await db.Connections.Select(c => c.Id).FirstAsync(Cancel);
            var run = new Run { ProjectId = portal.Factory.ProjectId, ConnectionId = connection, DatasetId = dataset, Name = "orphan", BaseModel = "qianfan-tiny", ConfigJson = (RunsPortal.Config(dataset) with { DatasetPlatformId = "ds-1" }).ToJson(), CreatedAt = TimeProvider.System.GetUtcNow() };
            db.Runs.Add(run);
            await db.SaveChangesAsync(Cancel);
            runId = run.Id;
        }

        (await portal.Scheduler.SweepAsync(Cancel)).ShouldBe(1);

        await portal.UntilAsync(runId, RunStatus.Done);
    }

    [Fact]
    public async Task A_run_that_waits_for_room_stops_at_once_and_is_never_executed()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform { OnTrain = UntilHalf };
        await using var portal = await RunsPortal.StartAsync(platform, folder.Path, maxParallelRuns: 1);
        var first = await portal.StartRunAsync("first");
        await portal.UntilAsync(first, e => e is { Kind: RunEventKind.Metric, Step: 2 });
        var second = await portal.StartRunAsync("second");

        await portal.Runs.StopAsync(portal.Owner, portal.Factory.ProjectId, second, Cancel);

        (await portal.LoadAsync(second)).Status.ShouldBe(RunStatus.Stopped);
        ScriptedPlatform.Train(platform.Tasks.Single().Value.Log, 2, 4, "Done");
        await portal.UntilAsync(first, RunStatus.Done);
        var third = await portal.StartRunAsync("third");
        platform.OnTrain = (log, from) => ScriptedPlatform.Train(log, from, 4, "Done");
        await portal.UntilAsync(third, e => e.ActionClass == RunActions.TrainAction);
        (await portal.LoadAsync(second)).Attempt.ShouldBe(0);
    }

    [Fact]
    public async Task A_run_asked_to_stop_while_nobody_executed_it_is_stopped_on_the_platform_too()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform { OnTrain = UntilHalf };
        Guid runId;
        await using (var portal = await RunsPortal.StartAsync(platform, folder.Path))
        {
            runId = await portal.StartRunAsync();
            await portal.UntilAsync(runId, e => e is { Kind: RunEventKind.Metric, Step: 2 });
        }

        await using (var db = new Data.PortalDbContextFactory(Microsoft.Extensions.Options.Options.Create(new PortalOptions { DataDirectory = folder.Path })).CreateDbContext())
            await db.Runs.ExecuteUpdateAsync(r => r.SetProperty(x => x.Status, RunStatus.Stopping), Cancel);
        await using var next = await RunsPortal.StartAsync(platform, folder.Path);
        await next.UntilAsync(runId, RunStatus.Stopped);

        platform.Count("StopFineTuningTask").ShouldBe(1);
    }

    [Fact]
    public async Task A_published_version_is_deployed_by_a_run_of_its_own()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var dataset = await portal.AddDatasetAsync();
        var trained = await portal.Runs.StartAsync(portal.Owner, portal.Factory.ProjectId, RunsPortal.Config(dataset) with { Deploy = false }, Cancel);
        await portal.UntilAsync(trained, RunStatus.Done);
        (await portal.LoadAsync(trained)).ServiceId.ShouldBeNull();
        var version = (await portal.LoadAsync(trained)).ModelVersionId.ShouldNotBeNull();

        var deployed = await portal.Runs.DeployAsync(portal.Owner, portal.Factory.ProjectId, version, "second service", ServiceType.Chat, Cancel);
        await portal.UntilAsync(deployed, RunStatus.Done);

        var details = await portal.Runs.GetAsync(portal.Owner, portal.Factory.ProjectId, deployed, Cancel);
        (details.ServiceName, details.Run.Kind, details.Run.Progress).ShouldBe(("second service", RunKind.Deploy, 100));
        details.ActionStates.Keys.ShouldBe([RunActions.Pipeline, RunActions.DeployAction], ignoreOrder: true);
    }

    [Fact]
    public async Task Deleting_a_run_deletes_its_events_and_its_task_but_not_what_it_brought_forth()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform();
        await using var portal = await RunsPortal.StartAsync(platform, folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, RunStatus.Done);

        await portal.Runs.DeleteAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel);

        await using var db = portal.Factory.Db();
        (await db.Runs.CountAsync(Cancel), await db.RunEvents.CountAsync(Cancel)).ShouldBe((0, 0));
        (await db.ModelVersions.SingleAsync(Cancel)).RunId.ShouldBeNull();
        (await db.Services.SingleAsync(Cancel)).RunId.ShouldBeNull();
        platform.Requests.Last().Body!["taskId"]!.GetValue<string>().ShouldBe("task-1");
        platform.Count("DeleteFineTuningTask").ShouldBe(1);
    }

    // Jobs, tasks, model sets and services that the platform has made: one of each, however often it was asked.
    private static int[] Created(ScriptedPlatform platform) => [platform.Jobs.Count, platform.Tasks.Count, platform.ModelSets.Count, platform.Services.Count];

    private static void UntilHalf(TaskLog log, int from)
    {
        if (from == 0)
            ScriptedPlatform.Train(log, 0, 2, "");
        else
            ScriptedPlatform.Train(log, from, 4, "Done");
    }
}
