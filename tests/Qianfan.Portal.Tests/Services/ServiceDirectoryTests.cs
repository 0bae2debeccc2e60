using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;
using Qianfan.Portal.Tests.Console;
using Qianfan.Portal.Tests.Models;

namespace Qianfan.Portal.Tests.Services;

public class ServiceDirectoryTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_status_is_what_the_platform_says_now()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /v2/service DescribeService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"Serving"}}""");
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);

        var states = await portal.Get<ServiceDirectory>().StatesAsync(await portal.ActorAsync(), portal.ProjectId, null, Cancel);

        states[published.ServiceId].Status!.Value.Value.ShouldBe("Serving");
    }

    [Fact]
    public async Task A_service_that_the_platform_lost_is_shown_as_gone_and_the_others_stay_readable()
    {
        await using var portal = new ScriptedPlatform().CreatePortal();
        var published = await Published.AddAsync(portal);

        var state = (await portal.Get<ServiceDirectory>().StatesAsync(await portal.ActorAsync(), portal.ProjectId, published.ServiceId, Cancel))[published.ServiceId];

        state.Status.ShouldBeNull();
        state.Error!.Code.ShouldBe("ServiceGone");
    }

    [Fact]
    public async Task Stop_and_start_reach_the_platform_and_the_audit_log()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        var actor = await portal.ActorAsync();

        await portal.Get<ServiceDirectory>().StopAsync(actor, portal.ProjectId, published.ServiceId, Cancel);
        await portal.Get<ServiceDirectory>().StartAsync(actor, portal.ProjectId, published.ServiceId, Cancel);

        platform.Asked.ShouldBe(["POST /v2/service StopService", "POST /v2/service StartService"]);
        await using var db = portal.Db();
        (await db.AuditEntries.Where(a => a.Action.StartsWith("service.")).OrderBy(a => a.Id).Select(a => a.Action).ToListAsync(Cancel)).ShouldBe(["service.stopped", "service.started"]);
    }

    [Fact]
    public async Task Scaling_keeps_the_other_resources_and_is_audited()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /v2/service DescribeService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"Serving","resourceConfig":{"type":"CPU-I-2","replicasCount":1,"qps":2.5}}}""");
        platform.Answers["POST /v2/service ModifyService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":true}""");
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);

        await portal.Get<ServiceDirectory>().ScaleAsync(await portal.ActorAsync(), portal.ProjectId, published.ServiceId, 4, Cancel);

        var asked = JsonNode.Parse(platform.BodiesOf("POST /v2/service ModifyService").Single())!;
        asked["resourceConfig"]!.ToJsonString().ShouldBe("""{"type":"CPU-I-2","replicasCount":4,"qps":2.5}""");
        asked["modelId"].ShouldBeNull();
        (await LastAuditAsync(portal)).ShouldBe(("service.scaled", """{"to":"4"}"""));
    }

    [Fact]
    public async Task Switching_and_rolling_back_reach_the_platform_the_row_and_the_audit_log()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /v2/service ModifyService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":true}""");
        platform.Answers["POST /v2/service RollbackService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"modelId":"am-1","modelVersionId":"amv-1"}}""");
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        var newer = await AddVersionAsync(portal, published);
        var actor = await portal.ActorAsync();
        var services = portal.Get<ServiceDirectory>();

        await services.SwitchAsync(actor, portal.ProjectId, published.ServiceId, newer, Cancel);
        JsonNode.Parse(platform.BodiesOf("POST /v2/service ModifyService").Single())!.ToJsonString().ShouldBe("""{"serviceId":"svco-1","modelSetId":"am-1","modelId":"amv-2"}""");
        (await LastAuditAsync(portal)).ShouldBe(("service.switched", """{"to":"bikes-model v2"}"""));
        var details = await services.GetAsync(actor, portal.ProjectId, published.ServiceId, Cancel);
        details.Service.VersionNumber.ShouldBe(2);
        details.Versions.Select(v => v.Number).ShouldBe([2, 1]);

        await services.RollbackAsync(actor, portal.ProjectId, published.ServiceId, Cancel);
        (await LastAuditAsync(portal)).ShouldBe(("service.rolled-back", """{"to":"bikes-model v1"}"""));
        (await services.GetAsync(actor, portal.ProjectId, published.ServiceId, Cancel)).Service.VersionNumber.ShouldBe(1);
    }

    [Fact]
    public async Task What_changes_a_service_needs_the_right_to_and_a_version_of_the_project()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        var viewer = await portal.AddUserAsync("viewer@example.com", TeamRole.Viewer);
        await portal.AddTeamAsync("stranger@example.com");
        var stranger = await portal.ActorAsync("stranger@example.com");
        var services = portal.Get<ServiceDirectory>();

        foreach (var change in new Func<Actor, Task>[]
        {
            actor => services.ScaleAsync(actor, portal.ProjectId, published.ServiceId, 2, Cancel),
            actor => services.SwitchAsync(actor, portal.ProjectId, published.ServiceId, published.VersionId, Cancel),
            actor => services.RollbackAsync(actor, portal.ProjectId, published.ServiceId, Cancel),
        })
        {
            await Should.ThrowAsync<ForbiddenException>(() => change(viewer));
            await Should.ThrowAsync<NotFoundException>(() => change(stranger));
        }

        await Should.ThrowAsync<NotFoundException>(() => services.LookAsync(stranger, portal.ProjectId, published.ServiceId, TimeSpan.FromHours(1), Cancel));
        await Should.ThrowAsync<NotFoundException>(async () => await services.SwitchAsync(await portal.ActorAsync(), portal.ProjectId, published.ServiceId, Guid.NewGuid(), Cancel));
        platform.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_look_tells_health_and_metrics_and_follows_the_version_that_answers()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /v2/service DescribeService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"Serving","modelVersionId":"amv-2","health":{"loaded":true,"workerRestarts":3}}}""");
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        await AddVersionAsync(portal, published);
        var actor = await portal.ActorAsync();
        var services = portal.Get<ServiceDirectory>();

        var silent = await services.LookAsync(actor, portal.ProjectId, published.ServiceId, TimeSpan.FromHours(1), Cancel);
        silent.Metric.ShouldBeNull();
        silent.Description!.Health!.WorkerRestarts.ShouldBe(3);
        (await services.GetAsync(actor, portal.ProjectId, published.ServiceId, Cancel)).Service.VersionNumber.ShouldBe(2);

        platform.Answers["POST /v2/service DescribeServiceMetric"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"serviceList":[{"serviceId":"svco-1","appList":[{"appId":"k","metric":{"callTotal":7}}]}]}}""");
        var told = await services.LookAsync(actor, portal.ProjectId, published.ServiceId, TimeSpan.FromHours(1), Cancel);
        told.Metric!.AppList.Single().Metric!.CallTotal.ShouldBe(7);
        var asked = JsonNode.Parse(platform.BodiesOf("POST /v2/service DescribeServiceMetric")[^1])!;
        (DateTimeOffset.Parse((string)asked["endTime"]!, CultureInfo.InvariantCulture) - DateTimeOffset.Parse((string)asked["startTime"]!, CultureInfo.InvariantCulture)).ShouldBeInRange(TimeSpan.FromMinutes(60), TimeSpan.FromMinutes(61));
    }

    [Fact]
    public async Task On_the_cloud_stopping_is_refused_and_deleting_only_takes_it_off_the_list()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var published = await Published.AddAsync(portal);
        await using (var db = portal.Db())
            await db.Connections.ExecuteUpdateAsync(c => c.SetProperty(x => x.Kind, ConnectionKind.Cloud), Cancel);
        var actor = await portal.ActorAsync();
        var services = portal.Get<ServiceDirectory>();

        (await Should.ThrowAsync<UserErrorException>(() => services.StopAsync(actor, portal.ProjectId, published.ServiceId, Cancel))).Code.ShouldBe("CloudServiceControl");
        await services.DeleteAsync(actor, portal.ProjectId, published.ServiceId, Cancel);

        platform.Asked.ShouldBeEmpty();
        await using var after = portal.Db();
        (await after.Services.AnyAsync(Cancel)).ShouldBeFalse();
    }

    private static async Task<Guid> AddVersionAsync(PortalFactory portal, Published published)
    {
        await using var db = portal.Db();
        var version = new ModelVersion { ProjectId = portal.ProjectId, ModelSetId = published.ModelSetId, PlatformId = "amv-2", Number = 2, BaseModel = "qianfan-tiny", CreatedAt = portal.Get<TimeProvider>().GetUtcNow() };
        db.Add(version);
        await db.SaveChangesAsync(Cancel);
        return version.Id;
    }

    private static async Task<(string Action, string Parameters)> LastAuditAsync(PortalFactory portal)
    {
        await using var db = portal.Db();
        var entry = await db.AuditEntries.OrderByDescending(a => a.Id).FirstAsync(Cancel);
        return (entry.Action, entry.ParametersJson);
    }

    [Fact]
    public void Snippets_name_address_and_endpoint_and_hold_placeholders_for_keys()
    {
        var snippets = CodeSnippet.For("https://portal.example", "bikes_endpoint", isCloud: false);

        snippets.Count.ShouldBe(3);
        foreach (var snippet in snippets)
        {
            snippet.Code.ShouldContain("https://portal.example");
            snippet.Code.ShouldContain("bikes_endpoint");
            snippet.Code.ShouldContain("YOUR_SECRET_KEY");
        }

        CodeSnippet.For("https://qianfan.example", "e", isCloud: true)[2].Code.ShouldNotContain("QIANFAN_BASE_URL");
    }
}
