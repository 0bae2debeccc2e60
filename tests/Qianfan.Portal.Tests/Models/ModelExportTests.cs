using System.Net;
using System.Net.Http.Headers;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Models;

/// <summary>Downloads of models: the panel on the model's page, what stands behind it, and the bytes.</summary>
public sealed class ModelExportTests : PortalPages
{
    private const string Described = """
        {"requestId":"r","result":{"modelId":"amv-1","exportFormats":["safetensors","gguf-f16"],"lineage":{"baseModel":"qianfan-tiny","seed":42,"engineVersion":"1.2.3","trainedTokens":1234,
        "datasets":[{"versionId":"ds-1","datasetId":"dg-1","name":"Bikes","version":3,"contentHash":"c0ffee","rows":200}]}}}
        """;

    private volatile string _exports = "";

    public ModelExportTests()
    {
        Platform.Answers["POST /v2/model DescribeModel"] = _ => ScriptedPlatform.Json(Described);
        Platform.Answers["POST /v2/model DescribeModelExportTasks"] = _ => ScriptedPlatform.Json($$$"""{"requestId":"r","result":{"exportTaskList":[{{{_exports}}}]}}""");
        Platform.Answers["POST /v2/model CreateModelExportTask"] = _ => ScriptedPlatform.Json($$"""{"requestId":"r","result":{{Export("Waiting")}}}""");
        Platform.Answers["POST /v2/model DeleteModelExportTask"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":true}""");
    }

    [Fact]
    public async Task The_panel_says_where_a_version_comes_from_and_follows_an_export_to_its_download()
    {
        await SignInAsync();
        var page = Show();
        page.WaitForAssertion(() => page.FindAll("[data-testid=export-start]").Count.ShouldBe(2));
        var lineage = page.Find("[data-testid=model-lineage]").TextContent;
        foreach (var told in new[] { "Bikes, version 3, 200 rows", "c0ffee", "42", "1.2.3" })
            lineage.ShouldContain(told);

        _exports = Export("Running", 42);
        await page.Find("[data-testid=export-gguf-f16] [data-testid=export-start]").ClickAsync(new());
        page.WaitForAssertion(() => page.Find("[data-testid=export-progress]").TextContent.ShouldContain("42 %"));
        Platform.BodiesOf("POST /v2/model CreateModelExportTask").ShouldBe(["""{"modelId":"amv-1","format":"gguf-f16"}"""]);

        _exports = Export("Done", 100);
        var asked = Lists();
        Time.Advance(TimeSpan.FromSeconds(0.9));
        Lists().ShouldBe(asked);
        Time.Advance(TimeSpan.FromSeconds(0.1));
        page.WaitForAssertion(() => page.FindAll("[data-testid=export-download]").Count.ShouldBe(1));
        var link = page.Find("[data-testid=export-download]");
        link.GetAttribute("href").ShouldBe(Urls.ModelExport(Portal.ProjectId, Published.ModelSetId, "amemt-1"));
        link.GetAttribute("download").ShouldBe("bikes-v1-f16.gguf");
        link.TextContent.ShouldContain("1.5 KB");
        page.Find("[data-testid=export-checksum]").TextContent.ShouldBe("abc123");
        // Heard too, not only seen.
        page.Find("[data-testid=export-said]").TextContent.ShouldBe("Ready to download: GGUF, 16 bits");

        await using var db = Portal.Db();
        var entry = await db.AuditEntries.SingleAsync(a => a.Action == "model.exported", Cancel);
        (entry.SubjectName, entry.ParametersJson).ShouldBe(("bikes-model v1", """{"kind":"gguf-f16"}"""));

        int Lists() => Platform.Asked.Count(what => what.EndsWith("DescribeModelExportTasks", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failed_export_says_why_and_can_be_asked_for_again_and_one_under_way_is_cancelled()
    {
        await SignInAsync();
        _exports = Export("Failed", 10, message: "The disk is full");
        var page = Show();
        page.WaitForAssertion(() => page.Find("[data-testid=export-error]").TextContent.ShouldContain("The disk is full"));
        _exports = Export("Waiting");
        await page.Find("[data-testid=export-gguf-f16] [data-testid=export-start]").ClickAsync(new());
        page.WaitForAssertion(() => page.Find("[data-testid=export-progress]").TextContent.ShouldContain("Waiting"));

        _exports = "";
        await page.Find("[data-testid=export-delete]").ClickAsync(new());
        page.WaitForAssertion(() => page.FindAll("[data-testid=export-start]").Count.ShouldBe(2));
        Platform.BodiesOf("POST /v2/model DeleteModelExportTask").ShouldBe(["""{"exportTaskId":"amemt-1"}"""]);
        await using var db = Portal.Db();
        (await db.AuditEntries.CountAsync(a => a.Action == "model.export-deleted", Cancel)).ShouldBe(1);
    }

    [Fact]
    public async Task A_viewer_downloads_and_changes_nothing()
    {
        var viewer = await Portal.AddUserAsync("viewer@example.com", TeamRole.Viewer);
        SignIn(viewer);
        _exports = Export("Done", 100);
        var page = Show();
        page.WaitForAssertion(() => page.FindAll("[data-testid=export-download]").Count.ShouldBe(1));
        page.FindAll("[data-testid=export-start]").ShouldBeEmpty();
        page.FindAll("[data-testid=export-delete]").ShouldBeEmpty();
        var exports = Portal.Get<ModelExports>();
        await Should.ThrowAsync<ForbiddenException>(() => exports.StartAsync(viewer, Portal.ProjectId, Published.VersionId, "gguf-f16", Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => exports.DeleteAsync(viewer, Portal.ProjectId, Published.VersionId, new() { ExportTaskId = "amemt-1" }, Cancel));
    }

    [Fact]
    public async Task Another_team_finds_nothing_and_the_cloud_gives_no_weights_away()
    {
        await Portal.AddTeamAsync("stranger@example.com");
        var stranger = await Portal.ActorAsync("stranger@example.com");
        var owner = await Portal.ActorAsync();
        await RefusedAsync(stranger);
        await MoveToCloudAsync();
        await RefusedAsync(owner);
        (await Portal.Get<ModelService>().GetAsync(owner, Portal.ProjectId, Published.ModelSetId, Cancel)).HasExports.ShouldBeFalse();
        Platform.Asked.ShouldBeEmpty();

        async Task RefusedAsync(Actor actor)
        {
            var exports = Portal.Get<ModelExports>();
            var (project, version) = (Portal.ProjectId, Published.VersionId);
            await Should.ThrowAsync<NotFoundException>(() => exports.GetAsync(actor, project, version, Cancel));
            await Should.ThrowAsync<NotFoundException>(() => exports.ListAsync(actor, project, version, Cancel));
            await Should.ThrowAsync<NotFoundException>(() => exports.StartAsync(actor, project, version, "gguf-f16", Cancel));
            await Should.ThrowAsync<NotFoundException>(() => exports.DeleteAsync(actor, project, version, new() { ExportTaskId = "amemt-1" }, Cancel));
            await Should.ThrowAsync<NotFoundException>(() => exports.OpenAsync(actor, project, Published.ModelSetId, "amemt-1", null, null, Cancel));
        }
    }

    [Fact]
    public async Task The_bytes_pass_through_as_they_come_with_their_name_and_range()
    {
        var bytes = Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31 / 7)).ToArray();
        Platform.Answers["GET /v2/model/exports/amemt-1/content"] = _ => new HttpResponseMessage(HttpStatusCode.PartialContent)
        {
            Headers = { ETag = new EntityTagHeaderValue("\"abc123\"") },
            Content = new ByteArrayContent(bytes)
            {
                Headers =
                {
                    ContentRange = new ContentRangeHeaderValue(10, 3_000_009, 3_000_010),
                    ContentDisposition = new ContentDispositionHeaderValue("attachment") { FileNameStar = "车-v1.zip" },
                },
            },
        };
        using var browser = await Portal.CreateClientAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, Urls.ModelExport(Portal.ProjectId, Published.ModelSetId, "amemt-1")) { Headers = { Range = new RangeHeaderValue(10, null) } };

        using var response = await browser.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);

        response.StatusCode.ShouldBe(HttpStatusCode.PartialContent);
        response.Content.Headers.ContentLength.ShouldBe(bytes.Length);
        response.Content.Headers.ContentRange!.ToString().ShouldBe("bytes 10-3000009/3000010");
        response.Content.Headers.ContentDisposition!.FileNameStar.ShouldBe("车-v1.zip");
        response.Headers.ETag!.Tag.ShouldBe("\"abc123\"");
        (await response.Content.ReadAsByteArrayAsync(Cancel)).ShouldBe(bytes);
    }

    [Fact]
    public async Task What_is_not_there_or_not_ready_is_no_download()
    {
        using var browser = await Portal.CreateClientAsync();
        using (var gone = await browser.GetAsync(Urls.ModelExport(Portal.ProjectId, Published.ModelSetId, "amemt-1"), Cancel))
            gone.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        Platform.Answers["GET /v2/model/exports/amemt-1/content"] = _ => ScriptedPlatform.Json("""{"requestId":"r","code":"OperationConflict","message":"Export amemt-1 is Running"}""", HttpStatusCode.Conflict);
        using var early = await browser.GetAsync(Urls.ModelExport(Portal.ProjectId, Published.ModelSetId, "amemt-1"), Cancel);
        early.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await early.Content.ReadAsStringAsync(Cancel)).ShouldContain("Export amemt-1 is Running");
    }

    private static string Export(string status, int progress = 0, string message = "") => $$"""
        {"exportTaskId":"amemt-1","modelId":"amv-1","format":"gguf-f16","status":"{{status}}","progress":{{progress}},"message":"{{message}}","fileName":"bikes-v1-f16.gguf","bytes":1536,"sha256":"abc123"}
        """;

    private IRenderedComponent<IComponent> Show() => Show<ModelPage>(("ModelSetId", Published.ModelSetId));
}
