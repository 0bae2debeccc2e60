using System.Net;
using System.Net.Http.Headers;
using System.Security.Claims;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Models;

/// <summary>Downloads of models: the panel on the model's page, what stands behind it, and the bytes.</summary>
public sealed class ModelExportTests : PortalComponents, IAsyncLifetime
{
    private const string Described = """
        {"requestId":"r","result":{"modelId":"amv-1","exportFormats":["safetensors","gguf-f16"],"lineage":{"baseModel":"qianfan-tiny","seed":42,"engineVersion":"1.2.3","trainedTokens":1234,
        "datasets":[{"versionId":"ds-1","datasetId":"dg-1","name":"Bikes","version":3,"contentHash":"c0ffee","rows":200}]}}}
        """;

    private readonly ScriptedPlatform _platform = new();
    private readonly FakeTimeProvider _time = new();
    private PortalFactory _portal = null!;
    private Published _published = null!;
    private volatile string _exports = "";

    private static CancellationToken Cancel => Xunit.TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _platform.Answers["POST /v2/model DescribeModel"] = _ => ScriptedPlatform.Json(Described);
        _platform.Answers["POST /v2/model DescribeModelExportTasks"] = _ => ScriptedPlatform.Json($$$"""{"requestId":"r","result":{"exportTaskList":[{{{_exports}}}]}}""");
        _platform.Answers["POST /v2/model CreateModelExportTask"] = _ => ScriptedPlatform.Json($$"""{"requestId":"r","result":{{Export("Waiting")}}}""");
        _platform.Answers["POST /v2/model DeleteModelExportTask"] = _ => ScriptedPlatform.Json("""{"requestId":"r","result":true}""");
        _portal = _platform.CreatePortal();
        _published = await Published.AddAsync(_portal);
        Services.AddSingleton<TimeProvider>(_time);
        Services.AddSingleton(_portal.Get<ModelService>());
        Services.AddSingleton(_portal.Get<ModelExports>());
        Services.AddSingleton(_portal.Get<RunService>());
    }

    [Fact]
    public async Task The_panel_says_where_a_version_comes_from_and_follows_an_export_to_its_download()
    {
        SignIn(await _portal.ActorAsync());
        var page = Show();
        page.WaitForAssertion(() => page.FindAll("[data-testid=export-start]").Count.ShouldBe(2));
        var lineage = page.Find("[data-testid=model-lineage]").TextContent;
        foreach (var told in new[] { "Bikes, version 3, 200 rows", "c0ffee", "42", "1.2.3" })
            lineage.ShouldContain(told);

        _exports = Export("Running", 42);
        await page.Find("[data-testid=export-gguf-f16] [data-testid=export-start]").ClickAsync(new());
        page.WaitForAssertion(() => page.Find("[data-testid=export-progress]").TextContent.ShouldContain("42 %"));
        _platform.BodiesOf("POST /v2/model CreateModelExportTask").ShouldBe(["""{"modelId":"amv-1","format":"gguf-f16"}"""]);

        _exports = Export("Done", 100);
        var asked = Lists();
        _time.Advance(TimeSpan.FromSeconds(0.9));
        Lists().ShouldBe(asked);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        page.WaitForAssertion(() => page.FindAll("[data-testid=export-download]").Count.ShouldBe(1));
        var link = page.Find("[data-testid=export-download]");
        link.GetAttribute("href").ShouldBe(Urls.ModelExport(_portal.ProjectId, _published.ModelSetId, "amemt-1"));
        link.GetAttribute("download").ShouldBe("bikes-v1-f16.gguf");
        link.TextContent.ShouldContain("1.5 KB");
        page.Find("[data-testid=export-checksum]").TextContent.ShouldBe("abc123");

        await using var db = _portal.Db();
        var entry = await db.AuditEntries.SingleAsync(a => a.Action == "model.exported", Cancel);
        (entry.SubjectName, entry.ParametersJson).ShouldBe(("bikes-model v1", """{"kind":"gguf-f16"}"""));

        int Lists() => _platform.Asked.Count(what => what.EndsWith("DescribeModelExportTasks", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failed_export_says_why_and_can_be_asked_for_again_and_one_under_way_is_cancelled()
    {
        SignIn(await _portal.ActorAsync());
        _exports = Export("Failed", 10, message: "The disk is full");
        var page = Show();
        page.WaitForAssertion(() => page.Find("[data-testid=export-error]").TextContent.ShouldContain("The disk is full"));
        _exports = Export("Waiting");
        await page.Find("[data-testid=export-gguf-f16] [data-testid=export-start]").ClickAsync(new());
        page.WaitForAssertion(() => page.Find("[data-testid=export-progress]").TextContent.ShouldContain("Waiting"));

        _exports = "";
        await page.Find("[data-testid=export-delete]").ClickAsync(new());
        page.WaitForAssertion(() => page.FindAll("[data-testid=export-start]").Count.ShouldBe(2));
        _platform.BodiesOf("POST /v2/model DeleteModelExportTask").ShouldBe(["""{"exportTaskId":"amemt-1"}"""]);
        await using var db = _portal.Db();
        (await db.AuditEntries.CountAsync(a => a.Action == "model.export-deleted", Cancel)).ShouldBe(1);
    }

    [Fact]
    public async Task A_viewer_downloads_and_changes_nothing()
    {
        var viewer = await _portal.AddUserAsync("viewer@example.com", TeamRole.Viewer);
        SignIn(viewer);
        _exports = Export("Done", 100);
        var page = Show();
        page.WaitForAssertion(() => page.FindAll("[data-testid=export-download]").Count.ShouldBe(1));
        page.FindAll("[data-testid=export-start]").ShouldBeEmpty();
        page.FindAll("[data-testid=export-delete]").ShouldBeEmpty();
        var exports = _portal.Get<ModelExports>();
        await Should.ThrowAsync<ForbiddenException>(() => exports.StartAsync(viewer, _portal.ProjectId, _published.VersionId, "gguf-f16", Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => exports.DeleteAsync(viewer, _portal.ProjectId, _published.VersionId, new() { ExportTaskId = "amemt-1" }, Cancel));
    }

    [Fact]
    public async Task Another_team_finds_nothing_and_the_cloud_gives_no_weights_away()
    {
        await _portal.AddTeamAsync("stranger@example.com");
        var stranger = await _portal.ActorAsync("stranger@example.com");
        var owner = await _portal.ActorAsync();
        await RefusedAsync(stranger);
        await using (var db = _portal.Db())
            await db.Connections.ExecuteUpdateAsync(c => c.SetProperty(x => x.Kind, ConnectionKind.Cloud), Cancel);
        await RefusedAsync(owner);
        (await _portal.Get<ModelService>().GetAsync(owner, _portal.ProjectId, _published.ModelSetId, Cancel)).HasExports.ShouldBeFalse();
        _platform.Asked.ShouldBeEmpty();

        async Task RefusedAsync(Actor actor)
        {
            var exports = _portal.Get<ModelExports>();
            var (project, version) = (_portal.ProjectId, _published.VersionId);
            await Should.ThrowAsync<NotFoundException>(() => exports.GetAsync(actor, project, version, Cancel));
            await Should.ThrowAsync<NotFoundException>(() => exports.ListAsync(actor, project, version, Cancel));
            await Should.ThrowAsync<NotFoundException>(() => exports.StartAsync(actor, project, version, "gguf-f16", Cancel));
            await Should.ThrowAsync<NotFoundException>(() => exports.DeleteAsync(actor, project, version, new() { ExportTaskId = "amemt-1" }, Cancel));
            await Should.ThrowAsync<NotFoundException>(() => exports.OpenAsync(actor, project, _published.ModelSetId, "amemt-1", null, null, Cancel));
        }
    }

    [Fact]
    public async Task The_bytes_pass_through_as_they_come_with_their_name_and_range()
    {
        var bytes = Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31 / 7)).ToArray();
        _platform.Answers["GET /v2/model/exports/amemt-1/content"] = _ => new HttpResponseMessage(HttpStatusCode.PartialContent)
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
        using var browser = await _portal.CreateClientAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, Urls.ModelExport(_portal.ProjectId, _published.ModelSetId, "amemt-1")) { Headers = { Range = new RangeHeaderValue(10, null) } };

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
        using var browser = await _portal.CreateClientAsync();
        using (var gone = await browser.GetAsync(Urls.ModelExport(_portal.ProjectId, _published.ModelSetId, "amemt-1"), Cancel))
            gone.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        _platform.Answers["GET /v2/model/exports/amemt-1/content"] = _ => ScriptedPlatform.Json("""{"requestId":"r","code":"OperationConflict","message":"Export amemt-1 is Running"}""", HttpStatusCode.Conflict);
        using var early = await browser.GetAsync(Urls.ModelExport(_portal.ProjectId, _published.ModelSetId, "amemt-1"), Cancel);
        early.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await early.Content.ReadAsStringAsync(Cancel)).ShouldContain("Export amemt-1 is Running");
    }

    private static string Export(string status, int progress = 0, string message = "") => $$"""
        {"exportTaskId":"amemt-1","modelId":"amv-1","format":"gguf-f16","status":"{{status}}","progress":{{progress}},"message":"{{message}}","fileName":"bikes-v1-f16.gguf","bytes":1536,"sha256":"abc123"}
        """;

    private IRenderedComponent<Microsoft.AspNetCore.Components.IComponent> Show() => RenderWithProviders(builder =>
    {
        builder.OpenComponent<ModelPage>(0);
        builder.AddAttribute(1, "ProjectId", _portal.ProjectId);
        builder.AddAttribute(2, "ModelSetId", _published.ModelSetId);
        builder.CloseComponent();
    });

    private void SignIn(Actor actor)
    {
        var authorization = AddAuthorization();
        authorization.SetAuthorized(actor.Name);
        authorization.SetClaims(new Claim(ClaimTypes.NameIdentifier, actor.Id.ToString()!));
    }

    async ValueTask IAsyncDisposable.DisposeAsync()
    {
        await base.DisposeAsync();
        await _portal.DisposeAsync();
    }
}
