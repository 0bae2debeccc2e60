using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Datasets;

public class DatasetUploadTests
{
    private const string Good = """
        [{"prompt": "What is the mascot?", "response": [["A cat called Biscuit."]]}]
        [{"prompt": "吉祥物是什么？", "response": [["灯塔猫饼干。"]]}]

        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, byte[], string, HttpStatusCode> BadFiles => new()
    {
        { "empty", [], "DatasetEmptyFile", HttpStatusCode.BadRequest },
        { "blank lines", "\n \n"u8.ToArray(), "DatasetEmptyFile", HttpStatusCode.BadRequest },
        { "header alone", "prompt,response\n"u8.ToArray(), "DatasetNoRows", HttpStatusCode.BadRequest },
        { "GBK", [.. """[{"prompt": """u8, 0x22, 0xC4, 0xE3, 0xBA, 0xC3, .. "\", \"response\": [[\"x\"]]}]\n"u8], "DatasetNotUtf8Line", HttpStatusCode.BadRequest },
        { "UTF-16", [0xFF, 0xFE, 0x5B, 0x00], "DatasetNotUtf8", HttpStatusCode.BadRequest },
        { "zip", [.. "PK\u0003\u0004"u8, .. new byte[64]], "DatasetArchive", HttpStatusCode.BadRequest },
        { "binary", [1, 2, 0, 3, 4], "DatasetBinary", HttpStatusCode.BadRequest },
        { "broken lines alone", "{\"prompt\": \n{nonsense\n"u8.ToArray(), "DatasetNoGoodRow", HttpStatusCode.BadRequest },
        { "prose", "Dear reader, this is no dataset.\nIt is a letter.\n"u8.ToArray(), "DatasetUnknownFormat", HttpStatusCode.BadRequest },
        { "over the limit", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(Good, 40))), "DatasetTooLarge", HttpStatusCode.RequestEntityTooLarge },
    };

    [Theory, MemberData(nameof(BadFiles))]
    public async Task A_bad_file_is_refused_with_its_reason_and_nothing_is_left(string what, byte[] file, string code, HttpStatusCode status)
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        portal.Settings["Portal:MaxUploadBytes"] = "4096";
        using var browser = await portal.CreateClientAsync();

        using var response = await PageScript.UploadAsync(browser, portal.ProjectId, file);

        response.StatusCode.ShouldBe(status, what);
        (await PageScript.CodeOf(response)).ShouldBe(code, what);
        await NothingIsLeftAsync(portal);
        platform.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_file_without_good_rows_comes_back_with_line_field_and_reason_of_each()
    {
        await using var portal = new ScriptedPlatform().CreatePortal();
        using var browser = await portal.CreateClientAsync();

        using var response = await PageScript.UploadAsync(browser, portal.ProjectId, "[{\"prompt\": \"a\"}]\n{nonsense\n"u8.ToArray());

        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel));
        var errors = json.RootElement.GetProperty("errors").EnumerateArray().ToList();
        errors.Select(e => e.GetProperty("line").GetInt32()).ShouldBe([1, 2]);
        errors[0].GetProperty("code").GetString().ShouldBe("missing_field");
        errors[0].GetProperty("field").GetString().ShouldNotBeNull();
        errors[1].GetProperty("code").GetString().ShouldBe("invalid_json");
        json.RootElement.GetProperty("detail").GetString().ShouldNotBeNull().ShouldContain("2");
    }

    [Fact]
    public async Task A_good_file_is_stored_with_its_counts_and_only_good_rows_reach_the_platform()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        using var browser = await portal.CreateClientAsync();
        var file = Encoding.UTF8.GetBytes(Good + "{nonsense\n");

        using var response = await PageScript.UploadAsync(browser, portal.ProjectId, file, "bikes.jsonl");

        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync(Cancel));
        var result = (await response.Content.ReadFromJsonAsync<UploadResult>(Cancel))!;
        (result.Name, result.Format, result.GoodRows, result.BadRows).ShouldBe(("bikes", "QianfanJsonLines", 2, 1));
        result.Errors.ShouldHaveSingleItem().Line.ShouldBe(3);

        await using var db = portal.Db();
        var dataset = await db.Datasets.SingleAsync(Cancel);
        dataset.Id.ShouldBe(result.DatasetId);
        (dataset.PlatformId, dataset.GoodRows, dataset.BadRows, dataset.SizeBytes).ShouldBe(("ds-1", 2, 1, file.Length));
        dataset.ContentHash.ShouldBe(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file)));
        RowSamples.Read<PreviewRow>(dataset.PreviewJson).Count.ShouldBe(2);
        (await db.AuditEntries.CountAsync(a => a.Action == "dataset.created", Cancel)).ShouldBe(1);
        var sent = platform.BodiesOf("POST /v1/files").ShouldHaveSingleItem();
        sent.ShouldContain("灯塔猫饼干。");
        sent.ShouldNotContain("nonsense");
        // The dataset has the rows: the copy is gone there, and here.
        platform.Asked.ShouldContain("DELETE /v1/files/file-1");
        Uploads(portal).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_name_can_be_taken_once_in_a_project()
    {
        await using var portal = new ScriptedPlatform().CreatePortal();
        using var browser = await portal.CreateClientAsync();
        using var first = await PageScript.UploadAsync(browser, portal.ProjectId, Encoding.UTF8.GetBytes(Good), name: "Bikes");
        first.StatusCode.ShouldBe(HttpStatusCode.OK);

        using var second = await PageScript.UploadAsync(browser, portal.ProjectId, Encoding.UTF8.GetBytes(Good), name: " Bikes ");

        (await PageScript.CodeOf(second)).ShouldBe("DatasetNameTaken");
        await using var db = portal.Db();
        (await db.Datasets.CountAsync(Cancel)).ShouldBe(1);
    }

    [Fact]
    public async Task A_viewer_may_not_upload_and_another_teams_project_does_not_exist()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        await portal.AddUserAsync("viewer@example.com", TeamRole.Viewer);
        await portal.AddTeamAsync("stranger@example.com");
        using var viewer = await portal.CreateClientAsync("viewer@example.com");
        using var stranger = await portal.CreateClientAsync("stranger@example.com");

        using var forbidden = await PageScript.UploadAsync(viewer, portal.ProjectId, Encoding.UTF8.GetBytes(Good));
        using var hidden = await PageScript.UploadAsync(stranger, portal.ProjectId, Encoding.UTF8.GetBytes(Good));

        forbidden.StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        hidden.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        await NothingIsLeftAsync(portal);
        platform.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task Without_token_or_login_nothing_is_read()
    {
        await using var portal = new ScriptedPlatform().CreatePortal();
        using var browser = await portal.CreateClientAsync();
        using var nobody = portal.CreateBrowser();
        MultipartFormDataContent Form() => new() { { new ByteArrayContent(Encoding.UTF8.GetBytes(Good)), "file", "rows.jsonl" } };

        using var noToken = await PageScript.SendAsync(browser, Urls.DatasetUpload(portal.ProjectId), Form(), null);
        using var badToken = await PageScript.SendAsync(browser, Urls.DatasetUpload(portal.ProjectId), Form(), "made-up");
        using var noLogin = await PageScript.SendAsync(nobody, Urls.DatasetUpload(portal.ProjectId), Form(), "made-up");

        (await PageScript.CodeOf(noToken)).ShouldBe("TokenMissing");
        (await PageScript.CodeOf(badToken)).ShouldBe("TokenMissing");
        noLogin.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        await NothingIsLeftAsync(portal);
    }

    [Fact]
    public async Task An_upload_without_a_file_is_told_so()
    {
        await using var portal = new ScriptedPlatform().CreatePortal();
        using var browser = await portal.CreateClientAsync();
        var token = await PageScript.TokenAsync(browser);

        using var noFile = await PageScript.SendAsync(browser, Urls.DatasetUpload(portal.ProjectId), new MultipartFormDataContent { { new StringContent("x"), "name" } }, token);
        using var noForm = await PageScript.SendAsync(browser, Urls.DatasetUpload(portal.ProjectId), new StringContent(Good), token);

        (await PageScript.CodeOf(noFile)).ShouldBe("UploadWithoutFile");
        (await PageScript.CodeOf(noForm)).ShouldBe("UploadWithoutFile");
    }

    [Fact]
    public async Task What_the_platform_can_not_import_is_deleted_there_and_not_stored_here()
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /wenxinworkshop/dataset/info"] = _ => ScriptedPlatform.Info(importStatus: 3);
        await using var portal = platform.CreatePortal();
        using var browser = await portal.CreateClientAsync();

        using var response = await PageScript.UploadAsync(browser, portal.ProjectId, Encoding.UTF8.GetBytes(Good));

        (await PageScript.CodeOf(response)).ShouldBe("DatasetImportFailed");
        (await response.Content.ReadAsStringAsync(Cancel)).ShouldContain("the disk is full");
        platform.Asked.ShouldContain("POST /wenxinworkshop/dataset/delete");
        platform.Asked.ShouldContain("DELETE /v1/files/file-1");
        await NothingIsLeftAsync(portal);
    }

    [Fact]
    public async Task A_portal_that_died_during_an_upload_cleans_up_when_it_starts_again()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-upload-test-");
        try
        {
            Guid connectionId;
            await using (var portal = new PortalFactory { Folder = folder.FullName })
            {
                await using var db = portal.Db();
                connectionId = (await db.Connections.FirstAsync(Cancel)).Id;
            }

            var uploads = folder.CreateSubdirectory("uploads");
            var entry = new JournalEntry(connectionId, Guid.CreateVersion7(), new PlatformUpload("file-1", "ds-1"));
            var pending = Path.Combine(uploads.FullName, $"{entry.DatasetId}.pending");
            var rest = Path.Combine(uploads.FullName, "half.upload");
            await File.WriteAllTextAsync(pending, JsonSerializer.Serialize(entry), Cancel);
            await File.WriteAllTextAsync(rest, "half of a file", Cancel);

            var platform = new ScriptedPlatform();
            await using (var portal = new PortalFactory { Folder = folder.FullName, Bootstrap = false, ConfigureServices = platform.Replace })
            {
                portal.Get<DatasetService>().ShouldNotBeNull();
                (await platform.DatasetDeleted.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancel)).ShouldContain("ds-1");
                File.Exists(rest).ShouldBeFalse();
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task NothingIsLeftAsync(PortalFactory portal)
    {
        await using var db = portal.Db();
        (await db.Datasets.CountAsync(Cancel)).ShouldBe(0);
        (await db.AuditEntries.CountAsync(a => a.Action == "dataset.created", Cancel)).ShouldBe(0);
        Uploads(portal).ShouldBeEmpty();
    }

    private static string[] Uploads(PortalFactory portal)
    {
        var folder = Path.Combine(portal.Get<Qianfan.Portal.Hosting.DataDirectory>().FullPath, "uploads");
        return Directory.Exists(folder) ? Directory.GetFiles(folder) : [];
    }
}
