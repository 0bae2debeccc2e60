using System.Text.Json.Nodes;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Services;

/// <summary>The controls of a service as whoever looks after it uses them. The scripted platform remembers what it was told.</summary>
public sealed class ServicePageTests : PortalPages
{
    private const string Describe = "POST /v2/service DescribeService";

    private volatile string _status = "Serving";
    private volatile string _version = "amv-1";
    private volatile string _more = "";

    public ServicePageTests()
    {
        Platform.Answers[Describe] = _ => ScriptedPlatform.Json(
            $$$"""{"requestId":"r","result":{"serviceId":"svco-1","name":"x","runStatus":"{{{_status}}}","modelVersionId":"{{{_version}}}","resourceConfig":{"type":"CPU-I-2","replicasCount":1}{{{_more}}}}}""");
        Platform.Answers["POST /v2/service StopService"] = _ => Done(() => _status = "Stopped");
        Platform.Answers["POST /v2/service StartService"] = _ => Done(() => _status = "Serving");
        Platform.Answers["POST /v2/service ModifyService"] = body => Done(() => _version = (string?)JsonNode.Parse(body)!["modelId"] ?? _version);
        Platform.Answers["POST /v2/service RollbackService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"modelVersionId":"amv-1"}}""");
    }

    [Fact]
    public async Task Stopping_asks_first_and_a_stopped_service_offers_to_start_again()
    {
        var page = await ShowAsync();

        await ConfirmedAsync(page, "service-stop");
        ShouldSay(page, "Stopped");
        page.FindAll("[data-testid=service-stop]").ShouldBeEmpty();

        await page.Find("[data-testid=service-start]").ClickAsync();
        ShouldSay(page, "Serving");
        page.FindAll("[data-testid=service-start]").ShouldBeEmpty();
        Changes().ShouldBe(["StopService", "StartService"]);
    }

    [Fact]
    public async Task Whoever_thinks_better_of_it_changes_nothing()
    {
        _more = ""","history":[{"modelVersionId":"amv-1"},{"modelVersionId":"amv-0"}]""";
        await AddVersionAsync();
        var page = await ShowAsync();

        foreach (var button in new[] { "service-stop", "service-rollback", "service-delete", "service-scale", "service-switch" })
            await CancelledAsync(page, button);

        Changes().ShouldBeEmpty();
    }

    [Fact]
    public async Task Another_version_is_chosen_among_those_that_do_not_answer_now_and_is_then_shown()
    {
        await AddVersionAsync();
        var page = await ShowAsync();
        page.Find(".service-details").TextContent.ShouldContain("bikes-model v1");

        await AskedAsync(page, "service-switch", async () =>
        {
            Version(page, 1).HasAttribute("disabled").ShouldBeTrue();
            page.Find(".mud-dialog").TextContent.ShouldContain("(answers now)");
            page.Find("[data-testid=save]").HasAttribute("disabled").ShouldBeTrue("nothing is chosen");
            await Version(page, 2).ClickAsync();
            await page.Find("[data-testid=save]").ClickAsync();
        });

        page.WaitForAssertion(() => page.Find(".service-details").TextContent.ShouldContain("bikes-model v2"));
        _version.ShouldBe("amv-2");
    }

    [Fact]
    public async Task A_refusal_stands_in_the_dialog_which_stays_open()
    {
        Platform.Answers["POST /v2/service ModifyService"] = _ => ScriptedPlatform.Json("""{"requestId":"r","code":"OperationDenied","message":"There is no room for 9 replicas"}""", System.Net.HttpStatusCode.BadRequest);
        var page = await ShowAsync();

        await AskedAsync(page, "service-scale", async () =>
        {
            page.Find("[data-testid=replicas]").GetAttribute("value").ShouldBe("1");
            await page.Find("[data-testid=replicas]").InputAsync(new ChangeEventArgs { Value = "9" });
            await page.Find("[data-testid=save]").ClickAsync();
            page.WaitForAssertion(() => page.Find(".mud-dialog").TextContent.ShouldContain("There is no room for 9 replicas"));
            await page.Find(".mud-dialog-actions button").ClickAsync();
        });
    }

    [Fact]
    public async Task A_version_that_is_being_loaded_is_shown_and_can_be_called_off()
    {
        _more = ""","nextModelVersionId":"amv-2" """;
        var page = await ShowAsync();
        page.WaitForAssertion(() => page.Find("[data-testid=service-health]").TextContent.ShouldContain("Being loadedamv-2"));

        await AskedAsync(page, "service-rollback", async () =>
        {
            page.Find(".mud-dialog").TextContent.ShouldContain("The version that is being loaded is not taken");
            _more = "";
            await page.Find("[data-testid=confirm]").ClickAsync();
        });

        page.WaitForAssertion(() => page.Markup.ShouldNotContain("Being loaded"));
        Changes().ShouldBe(["RollbackService"]);
    }

    [Fact]
    public async Task A_deleted_service_leaves_its_list()
    {
        var page = await ShowAsync();

        await AskedAsync(page, "service-delete", () =>
        {
            page.Find(".mud-dialog").TextContent.ShouldContain("The endpoint bikes_endpoint stops answering for good.");
            return page.Find("[data-testid=confirm]").ClickAsync();
        });

        Address.ShouldEndWith(Urls.Services(Portal.ProjectId));
        Changes().ShouldBe(["DeleteService"]);
        await using var db = Portal.Db();
        (await db.Services.AnyAsync(Cancel)).ShouldBeFalse();
    }

    [Fact]
    public async Task On_the_cloud_there_is_no_control_and_the_service_can_only_be_taken_off_the_list()
    {
        await MoveToCloudAsync();
        await SignInAsync();
        var page = Page();
        page.WaitForAssertion(() => page.Find(".mud-alert").TextContent.ShouldContain("Do that in Baidu's own console"));

        foreach (var action in new[] { "service-scale", "service-rollback", "service-stop", "service-start" })
            page.FindAll($"[data-testid={action}]").ShouldBeEmpty(action);
        page.Find("[data-testid=service-delete]").TextContent.Trim().ShouldBe("Remove from the list");
        await AskedAsync(page, "service-delete", () =>
        {
            page.Find(".mud-dialog").TextContent.ShouldContain("is billed there");
            return page.Find("[data-testid=confirm]").ClickAsync();
        });

        Address.ShouldEndWith(Urls.Services(Portal.ProjectId));
        Changes().ShouldBeEmpty();
    }

    [Fact]
    public async Task The_page_looks_again_every_five_seconds_until_it_is_left()
    {
        _status = "Deploying";
        var page = await ShowAsync();

        _status = "Serving";
        Time.Advance(TimeSpan.FromSeconds(5));
        ShouldSay(page, "Serving");

        await DisposeComponentsAsync();
        var asked = Asked();
        Time.Advance(TimeSpan.FromMinutes(1));
        Asked().ShouldBe(asked);
    }

    [Fact]
    public async Task Asking_again_need_not_wait()
    {
        var page = await ShowAsync();
        _status = "Failed";

        await page.Find("[data-testid=service-refresh]").ClickAsync();

        ShouldSay(page, "Failed");
    }

    [Fact]
    public async Task A_platform_that_lost_the_service_is_said_so_and_the_way_to_call_it_stays()
    {
        Platform.Answers.TryRemove(Describe, out _);
        await SignInAsync();
        var page = Page();

        page.WaitForAssertion(() => page.Find("[data-status]").GetAttribute("data-status").ShouldBe("Unknown"));

        page.Find(".qf-page-header").TextContent.ShouldContain("The platform doesn't have it any more.");
        page.FindAll("[data-testid=service-health]").ShouldBeEmpty();
        page.Find("[data-testid=service-endpoint]").TextContent.ShouldBe("bikes_endpoint");
    }

    private IRenderedComponent<IComponent> Page() => Show<ServicePage>(("ServiceId", Published.ServiceId));

    /// <summary>The page, once the platform has told of the service.</summary>
    private async Task<IRenderedComponent<IComponent>> ShowAsync()
    {
        await SignInAsync();
        var page = Page();
        ShouldSay(page, _status);
        return page;
    }

    private static void ShouldSay(IRenderedComponent<IComponent> page, string status) =>
        page.WaitForAssertion(() => page.Find("[data-status]").GetAttribute("data-status").ShouldBe(status));

    private static AngleSharp.Dom.IElement Version(IRenderedComponent<IComponent> page, int number) => page.Find($"input[data-testid=version-{number}], [data-testid=version-{number}] input");

    private async Task AddVersionAsync()
    {
        await using var db = Portal.Db();
        db.Add(new ModelVersion { ProjectId = Portal.ProjectId, ModelSetId = Published.ModelSetId, PlatformId = "amv-2", Number = 2, BaseModel = "qianfan-tiny", CreatedAt = Time.GetUtcNow() });
        await db.SaveChangesAsync(Cancel);
    }

    private int Asked() => Platform.Asked.Count(asked => asked == Describe);

    /// <summary>What the platform was told to do, in order.</summary>
    private List<string> Changes() => [.. Platform.Asked.Select(asked => asked.Split(' ')[^1]).Where(action => !action.StartsWith("Describe", StringComparison.Ordinal))];

    private static HttpResponseMessage Done(Action change)
    {
        change();
        return ScriptedPlatform.Json("""{"requestId":"r","result":true}""");
    }
}
