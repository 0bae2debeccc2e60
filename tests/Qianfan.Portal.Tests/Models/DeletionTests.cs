using System.Net;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Models;

public class DeletionTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_dataset_goes_here_and_on_the_platform_and_its_ended_run_stays()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);

        await portal.Get<DatasetService>().DeleteAsync(await portal.ActorAsync(), portal.ProjectId, published.DatasetId, Cancel);

        platform.Asked.ShouldBe(["POST /wenxinworkshop/dataset/delete"]);
        await using var db = portal.Db();
        (await db.Datasets.AnyAsync(Cancel)).ShouldBeFalse();
        (await db.Runs.SingleAsync(Cancel)).DatasetId.ShouldBeNull();
        (await db.AuditEntries.CountAsync(a => a.Action == "dataset.deleted", Cancel)).ShouldBe(1);
    }

    [Theory]
    [InlineData(RunStatus.Queued)]
    [InlineData(RunStatus.Running)]
    [InlineData(RunStatus.Interrupted)]
    public async Task A_dataset_that_a_run_still_needs_stays(RunStatus status)
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal, status);
        var actor = await portal.ActorAsync();

        var error = await Should.ThrowAsync<UserErrorException>(() => portal.Get<DatasetService>().DeleteAsync(actor, portal.ProjectId, published.DatasetId, Cancel));

        error.Code.ShouldBe("DatasetInUse");
        error.Arguments.ShouldContain("Bikes run");
        platform.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_dataset_that_the_platform_does_not_let_go_of_stays_here_too()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /wenxinworkshop/dataset/delete"] = _ => ScriptedPlatform.Json("""{"log_id":"1","status":400,"success":false,"code":409,"message":"locked"}""");
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        var actor = await portal.ActorAsync();

        var error = await Should.ThrowAsync<UserErrorException>(() => portal.Get<DatasetService>().DeleteAsync(actor, portal.ProjectId, published.DatasetId, Cancel));

        error.Code.ShouldBe("PlatformRefused");
        await using var db = portal.Db();
        (await db.Datasets.CountAsync(Cancel)).ShouldBe(1);
    }

    [Fact]
    public async Task A_model_that_answers_in_a_service_stays_until_the_service_is_gone()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        var actor = await portal.ActorAsync();
        var models = portal.Get<ModelService>();

        (await Should.ThrowAsync<UserErrorException>(() => models.DeleteVersionAsync(actor, portal.ProjectId, published.VersionId, Cancel))).Code.ShouldBe("ModelServed");
        (await Should.ThrowAsync<UserErrorException>(() => models.DeleteSetAsync(actor, portal.ProjectId, published.ModelSetId, Cancel))).Code.ShouldBe("ModelServed");
        platform.Asked.ShouldBeEmpty();

        await portal.Get<ServiceDirectory>().DeleteAsync(actor, portal.ProjectId, published.ServiceId, Cancel);
        (await models.DeleteVersionAsync(actor, portal.ProjectId, published.VersionId, Cancel)).ShouldBeTrue();

        platform.Asked.ShouldBe(["POST /v2/service DeleteService", "POST /v2/model DeleteModel", "POST /v2/model DeleteModelSet"]);
        await using var db = portal.Db();
        (await db.ModelSets.AnyAsync(Cancel)).ShouldBeFalse();
        (await db.ModelVersions.AnyAsync(Cancel)).ShouldBeFalse();
    }

    [Fact]
    public async Task What_is_gone_on_the_platform_already_counts_as_deleted()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /v2/service DeleteService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","code":"NotFound","message":"gone"}""", HttpStatusCode.NotFound);
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);

        await portal.Get<ServiceDirectory>().DeleteAsync(await portal.ActorAsync(), portal.ProjectId, published.ServiceId, Cancel);

        await using var db = portal.Db();
        (await db.Services.AnyAsync(Cancel)).ShouldBeFalse();
    }

    [Fact]
    public async Task Another_team_finds_nothing_and_a_viewer_changes_nothing()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        await portal.AddTeamAsync("stranger@example.com");
        var stranger = await portal.ActorAsync("stranger@example.com");
        var viewer = await portal.AddUserAsync("viewer@example.com", TeamRole.Viewer);
        var (datasets, models, services) = (portal.Get<DatasetService>(), portal.Get<ModelService>(), portal.Get<ServiceDirectory>());
        Func<Actor, Task>[] reads =
        [
            a => datasets.GetAsync(a, portal.ProjectId, published.DatasetId, Cancel),
            a => models.GetAsync(a, portal.ProjectId, published.ModelSetId, Cancel),
            a => services.GetAsync(a, portal.ProjectId, published.ServiceId, Cancel),
        ];
        Func<Actor, Task>[] changes =
        [
            a => datasets.DeleteAsync(a, portal.ProjectId, published.DatasetId, Cancel),
            a => models.DeleteVersionAsync(a, portal.ProjectId, published.VersionId, Cancel),
            a => models.DeleteSetAsync(a, portal.ProjectId, published.ModelSetId, Cancel),
            a => services.StopAsync(a, portal.ProjectId, published.ServiceId, Cancel),
            a => services.StartAsync(a, portal.ProjectId, published.ServiceId, Cancel),
            a => services.DeleteAsync(a, portal.ProjectId, published.ServiceId, Cancel),
        ];

        foreach (var call in (Func<Actor, Task>[])[.. reads, .. changes])
            await Should.ThrowAsync<NotFoundException>(() => call(stranger));
        foreach (var call in changes)
            await Should.ThrowAsync<ForbiddenException>(() => call(viewer));
        foreach (var call in reads)
            await call(viewer);
        platform.Asked.ShouldBeEmpty();
    }
}
