using System.Net;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Models;

/// <summary>What can be done with a model, and what its page shows when parts of its history are gone.</summary>
public sealed class ModelPageTests : PortalPages
{
    private const string Exported = """{"exportTaskId":"amemt-1","modelId":"amv-1","format":"gguf-f16","status":"Done","progress":100,"fileName":"bikes.gguf","bytes":1536,"sha256":"abc123"}""";

    private volatile string _exports = Exported;

    public ModelPageTests()
    {
        Platform.Answers["POST /v2/model DescribeModel"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":{"modelId":"amv-1","exportFormats":["gguf-f16"]}}""");
        Platform.Answers["POST /v2/model DescribeModelExportTasks"] = _ => ScriptedPlatform.Json($$$"""{"requestId":"r","result":{"exportTaskList":[{{{_exports}}}]}}""");
        Platform.Answers["POST /v2/model DeleteModelExportTask"] = _ =>
        {
            _exports = "";
            return ScriptedPlatform.Json("""{"requestId":"r","result":true}""");
        };
    }

    [Fact]
    public async Task A_version_shows_the_settings_of_its_run_and_links_to_all_that_made_it()
    {
        await using (var db = Portal.Db())
            await db.Runs.ExecuteUpdateAsync(r => r.SetProperty(x => x.ConfigJson, """{"Name":"Bikes run","Train":{"epoch":3,"learningRate":0.0002,"none":null}}"""), Cancel);
        var page = await ShowAsync();

        page.FindAll(".version-config dt").Zip(page.FindAll(".version-config dd"), (name, value) => (name.TextContent, value.TextContent))
            .ShouldBe([("Name", "Bikes run"), ("Train.epoch", "3"), ("Train.learningRate", "0.0002")]);
        page.FindAll(".lineage a").Select(link => (link.TextContent, link.GetAttribute("href"))).ShouldBe(
        [
            ("Bikes", Urls.Dataset(Portal.ProjectId, Published.DatasetId)), ("Bikes run", Urls.Run(Portal.ProjectId, Published.RunId)), ("bikes-service", Urls.Service(Portal.ProjectId, Published.ServiceId)),
        ]);
    }

    [Fact]
    public async Task What_a_version_came_from_is_said_to_be_gone_when_it_is()
    {
        await using (var db = Portal.Db())
        {
            await db.Services.ExecuteDeleteAsync(Cancel);
            await db.Runs.ExecuteDeleteAsync(Cancel);
            await db.Datasets.ExecuteDeleteAsync(Cancel);
        }

        var page = await ShowAsync();

        page.FindAll(".lineage li").Select(li => li.QuerySelector("strong, em, a")!.TextContent).ShouldBe(["qianfan-tiny", "deleted", "deleted", "none yet"]);
        page.FindAll(".version-config").ShouldBeEmpty();
    }

    [Fact]
    public async Task Deploying_starts_a_run_and_goes_to_it()
    {
        var page = await ShowAsync();

        await page.Find("[data-testid=version-deploy]").ClickAsync();

        await using var db = Portal.Db();
        var run = await db.Runs.SingleAsync(r => r.Kind == RunKind.Deploy, Cancel);
        run.ModelVersionId.ShouldBe(Published.VersionId);
        Address.ShouldEndWith(Urls.Run(Portal.ProjectId, run.Id));
    }

    [Fact]
    public async Task A_version_that_answers_says_so_and_stays_and_one_that_does_not_goes_with_its_model()
    {
        var page = await ShowAsync();
        await ConfirmedAsync(page, "version-delete");
        page.WaitForAssertion(() => page.Find(".mud-snackbar").TextContent.ShouldContain("the service \"bikes-service\" answers with it"));
        await using var db = Portal.Db();
        (await db.ModelVersions.CountAsync(Cancel)).ShouldBe(1);

        await db.Services.ExecuteDeleteAsync(Cancel);
        await AskedAsync(page, "version-delete", () =>
        {
            page.Find(".mud-dialog").TextContent.ShouldContain("Delete bikes-model version 1?");
            return page.Find("[data-testid=confirm]").ClickAsync();
        });

        Address.ShouldEndWith(Urls.Models(Portal.ProjectId));
        (await db.ModelSets.AnyAsync(Cancel)).ShouldBeFalse();
    }

    [Fact]
    public async Task One_version_of_several_leaves_the_page_with_the_others()
    {
        await using (var db = Portal.Db())
        {
            db.Add(new ModelVersion { ProjectId = Portal.ProjectId, ModelSetId = Published.ModelSetId, PlatformId = "amv-2", Number = 2, BaseModel = "qianfan-tiny", CreatedAt = Time.GetUtcNow() });
            await db.SaveChangesAsync(Cancel);
        }

        var page = await ShowAsync(versions: 2);
        page.FindAll("[data-testid=model-version] h2").Select(h => h.TextContent).ShouldBe(["Version 2", "Version 1"]);

        await ConfirmedAsync(page, "version-delete");

        page.WaitForAssertion(() => page.FindAll("[data-testid=model-version] h2").Select(h => h.TextContent).ShouldBe(["Version 1"]));
        Platform.BodiesOf("POST /v2/model DeleteModel").Single().ShouldContain("amv-2");
        Address.ShouldNotEndWith(Urls.Models(Portal.ProjectId));
    }

    [Fact]
    public async Task A_model_goes_when_its_name_is_typed()
    {
        await using var db = Portal.Db();
        await db.Services.ExecuteDeleteAsync(Cancel);
        var page = await ShowAsync();

        await AskedAsync(page, "model-delete", async () =>
        {
            page.Find(".mud-dialog").TextContent.ShouldContain("1 version is deleted with its weights");
            page.Find("[data-testid=confirm]").HasAttribute("disabled").ShouldBeTrue();
            await page.Find("[data-testid=confirm-name]").InputAsync(new ChangeEventArgs { Value = "bikes-model" });
            await page.Find("[data-testid=confirm]").ClickAsync();
        });

        Address.ShouldEndWith(Urls.Models(Portal.ProjectId));
        (await db.ModelSets.AnyAsync(Cancel)).ShouldBeFalse();
        Platform.Asked.ShouldContain("POST /v2/model DeleteModelSet");
    }

    [Fact]
    public async Task A_file_that_is_ready_is_deleted_only_after_a_question()
    {
        var page = await ShowAsync();
        page.WaitForElement("[data-testid=export-download]");

        await CancelledAsync(page, "export-delete");
        page.FindAll("[data-testid=export-download]").Count.ShouldBe(1);
        await ConfirmedAsync(page, "export-delete");

        page.WaitForAssertion(() => page.FindAll("[data-testid=export-start]").Count.ShouldBe(1));
        page.FindAll("[data-testid=export-download]").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_platform_that_refuses_takes_the_downloads_alone_from_the_page()
    {
        Platform.Answers["POST /v2/model DescribeModel"] = _ => ScriptedPlatform.Json("""{"requestId":"r","code":"OperationDenied","message":"It is being mended"}""", HttpStatusCode.BadRequest);

        var page = await ShowAsync();

        page.WaitForAssertion(() => page.Find("[data-testid=model-exports]").TextContent.ShouldContain("It is being mended"));
        page.FindAll("[data-testid=version-deploy]").Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_cloud_offers_no_downloads()
    {
        await MoveToCloudAsync();

        var page = await ShowAsync();

        page.FindAll("[data-testid=model-exports]").ShouldBeEmpty();
        Platform.Asked.ShouldBeEmpty();
    }

    private async Task<IRenderedComponent<IComponent>> ShowAsync(int versions = 1)
    {
        await SignInAsync();
        var page = Show<ModelPage>(("ModelSetId", Published.ModelSetId));
        page.WaitForAssertion(() => page.FindAll("[data-testid=model-version]").Count.ShouldBe(versions));
        return page;
    }
}
