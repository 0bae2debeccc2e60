using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Tests.Runs;

public class RunServiceTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_wrong_with_a_run_is_said_with_the_field_and_nothing_is_stored()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var project = portal.Factory.ProjectId;
        var good = RunsPortal.Config(await portal.AddDatasetAsync());
        var empty = await portal.AddDatasetAsync(goodRows: 0, name: "only broken rows");

        await Refused(good with { Name = "  " }, "NameRequired");
        await Refused(good with { Name = new string('名', 81) }, "NameTooLong", 80);
        await Refused(good with { DatasetId = Guid.NewGuid() }, "RunDataset");
        await Refused(good with { DatasetId = empty }, "RunDatasetEmpty", "only broken rows");
        await Refused(good with { BaseModel = "no-such-model" }, "RunBaseModel", "no-such-model");
        await Refused(good with { Train = new TrainConfig { Epoch = 51 } }, "RunValue", "epoch", "1 – 50");
        await Refused(good with { Train = new TrainConfig { LearningRate = 0.5 } }, "RunValue", "learningRate", "0.000001 – 0.01");
        await Refused(good with { Train = new TrainConfig { MaxSeqLen = 1000 } }, "RunValue", "maxSeqLen", "512, 4096");
        await Refused(good with { Train = new TrainConfig { TrainsetRate = 95 } }, "RunValue", "validationPercent", "0 – 90");
        await Refused(good with { Train = new TrainConfig { PeftType = PeftType.PromptTuning } }, "RunValue", "parameterScale", "FullFineTuning, LoRA");

        await using var db = portal.Factory.Db();
        (await db.Runs.CountAsync(Cancel)).ShouldBe(0);
        (await db.AuditEntries.CountAsync(a => a.Action.StartsWith("run."), Cancel)).ShouldBe(0);

        async Task Refused(RunConfig config, string code, params object[] arguments)
        {
            var error = await Should.ThrowAsync<UserErrorException>(portal.Runs.StartAsync(portal.Owner, project, config, Cancel));
            error.Code.ShouldBe(code);
            error.Arguments.ShouldBe(arguments);
        }
    }

    [Fact]
    public async Task A_platform_that_does_not_answer_is_named_as_the_reason()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform { Before = _ => throw new HttpRequestException("connection refused") };
        await using var portal = await RunsPortal.StartAsync(platform, folder.Path);

        var error = await Should.ThrowAsync<UserErrorException>(portal.StartRunAsync());

        error.Code.ShouldBe("PlatformUnreachable");
    }

    [Fact]
    public async Task Another_teams_runs_do_not_exist_and_a_viewer_may_only_look()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, RunStatus.Done);
        var (_, theirProject) = await portal.Factory.AddTeamAsync("stranger@example.com");
        var stranger = await portal.Factory.ActorAsync("stranger@example.com");
        var viewer = await portal.Factory.AddUserAsync("viewer@example.com", TeamRole.Viewer);
        var project = portal.Factory.ProjectId;
        var dataset = await portal.AddDatasetAsync(name: "ours");
        var version = (await portal.LoadAsync(runId)).ModelVersionId!.Value;
        var connection = (await portal.LoadAsync(runId)).ConnectionId;
        var config = RunsPortal.Config(dataset);
        var events = (await portal.EventsAsync(runId)).Count;

        // By our project's address, and by their own with our ids in it.
        foreach (var tried in (Guid[])[project, theirProject])
        {
            await NotFound(portal.Runs.GetAsync(stranger, tried, runId, Cancel));
            await NotFound(portal.Runs.StopAsync(stranger, tried, runId, Cancel));
            await NotFound(portal.Runs.ResumeAsync(stranger, tried, runId, Cancel));
            await NotFound(portal.Runs.DeleteAsync(stranger, tried, runId, Cancel));
            await NotFound(portal.Runs.DeployAsync(stranger, tried, version, "", ServiceType.Chat, Cancel));
            await NotFound(portal.Runs.BaseModelsAsync(stranger, tried, connection, Qianfan.Sdk.Protocol.TrainMode.Sft, Cancel));
        }

        await NotFound(portal.Runs.ListAsync(stranger, project, null, 0, 10, Cancel));
        await NotFound(portal.Runs.DatasetsAsync(stranger, project, Cancel));
        await NotFound(portal.Runs.StartAsync(stranger, project, config, Cancel));
        (await Should.ThrowAsync<UserErrorException>(portal.Runs.StartAsync(stranger, theirProject, config, Cancel))).Code.ShouldBe("RunDataset");
        (await portal.Runs.ListAsync(stranger, theirProject, null, 0, 10, Cancel)).Total.ShouldBe(0);

        await Should.ThrowAsync<ForbiddenException>(portal.Runs.StartAsync(viewer, project, config, Cancel));
        await Should.ThrowAsync<ForbiddenException>(portal.Runs.StopAsync(viewer, project, runId, Cancel));
        await Should.ThrowAsync<ForbiddenException>(portal.Runs.ResumeAsync(viewer, project, runId, Cancel));
        await Should.ThrowAsync<ForbiddenException>(portal.Runs.DeleteAsync(viewer, project, runId, Cancel));
        await Should.ThrowAsync<ForbiddenException>(portal.Runs.DeployAsync(viewer, project, version, "", ServiceType.Chat, Cancel));
        (await portal.Runs.GetAsync(viewer, project, runId, Cancel)).Run.Name.ShouldBe("my run");
        (await portal.EventsAsync(runId)).Count.ShouldBe(events);

        static async Task NotFound(Task task) => await Should.ThrowAsync<NotFoundException>(task);
    }

    [Fact]
    public async Task A_run_that_ended_can_not_be_stopped_and_one_that_is_done_not_resumed()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, RunStatus.Done);

        (await Should.ThrowAsync<UserErrorException>(portal.Runs.StopAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel))).Code.ShouldBe("RunCanNotStop");
        (await Should.ThrowAsync<UserErrorException>(portal.Runs.ResumeAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel))).Code.ShouldBe("RunCanNotResume");
    }

    [Fact]
    public async Task A_run_under_way_can_not_be_deleted()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform { OnTrain = (log, _) => ScriptedPlatform.Train(log, 0, 2, "") };
        await using var portal = await RunsPortal.StartAsync(platform, folder.Path);
        var runId = await portal.StartRunAsync();
        await portal.UntilAsync(runId, e => e is { Kind: RunEventKind.Metric, Step: 2 });

        (await Should.ThrowAsync<UserErrorException>(portal.Runs.DeleteAsync(portal.Owner, portal.Factory.ProjectId, runId, Cancel))).Code.ShouldBe("RunCanNotDelete");
    }

    [Fact]
    public async Task Runs_are_listed_newest_first_by_page_and_status()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        List<Guid> started = [];
        foreach (var name in (string[])["one", "two", "three"])
        {
            started.Add(await portal.StartRunAsync(name));
            await portal.UntilAsync(started[^1], RunStatus.Done);
        }

        var first = await portal.Runs.ListAsync(portal.Owner, portal.Factory.ProjectId, RunStatus.Done, 0, 2, Cancel);
        first.Total.ShouldBe(3);
        first.Runs.Select(r => r.Name).ShouldBe(["three", "two"]);
        (await portal.Runs.ListAsync(portal.Owner, portal.Factory.ProjectId, null, 2, 2, Cancel)).Runs.ShouldHaveSingleItem().Id.ShouldBe(started[0]);
        (await portal.Runs.ListAsync(portal.Owner, portal.Factory.ProjectId, RunStatus.Failed, 0, 2, Cancel)).Total.ShouldBe(0);
    }
}
