using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Services;
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
