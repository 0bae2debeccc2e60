using System.Net;
using System.Net.Http.Json;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Security;
using Qianfan.Portal.Tests.Console;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Tests.Datasets;

/// <summary>Files of texts, which somebody has to call so: plain text may be anything.</summary>
public class TextUploadTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("{\"text\":\"The lamp is green.\"}\n{\"text\":\"七只船回家了。\"}\n{\"prompt\":\"no text\"}\n", 2, 1)]
    [InlineData("The lamp is green.\n七只船回家了。\n", 2, 0)]
    public async Task Texts_are_kept_as_texts_and_shown_as_they_are(string text, int good, int bad)
    {
        var platform = new ScriptedPlatform();
        platform.Answers["POST /wenxinworkshop/dataset/info"] = _ => ScriptedPlatform.Json(
            """{"log_id":"1","status":200,"success":true,"result":{"name":"x","versionInfo":{"datasetPK":"ds-1","importStatus":2,"releaseStatus":2,"templateType":40100,"projectType":401,"entityCount":2}}}""");
        await using var portal = platform.CreatePortal();
        using var browser = await portal.CreateClientAsync();

        using var response = await PageScript.UploadAsync(browser, portal.ProjectId, Encoding.UTF8.GetBytes(text), "story.txt", kind: "text");

        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync(Cancel));
        var result = (await response.Content.ReadFromJsonAsync<UploadResult>(Cancel))!;
        (result.Format, result.GoodRows, result.BadRows).ShouldBe(("Text", good, bad));
        await using var db = portal.Db();
        var dataset = await db.Datasets.SingleAsync(Cancel);
        var preview = RowSamples.Read<PreviewRow>(dataset.PreviewJson);
        preview.Select(row => row.Messages.Single()).ShouldBe([new PreviewMessage("text", "The lamp is green."), new PreviewMessage("text", "七只船回家了。")]);
        platform.BodiesOf("POST /wenxinworkshop/dataset/create").ShouldHaveSingleItem().ShouldContain("\"templateType\":40100");
        platform.BodiesOf("POST /v1/files").ShouldHaveSingleItem().ShouldContain("{\"text\":\"七只船回家了。\"}");
    }

    [Fact]
    public async Task A_kind_that_nobody_knows_is_refused()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        using var browser = await portal.CreateClientAsync();

        using var response = await PageScript.UploadAsync(browser, portal.ProjectId, "a\n"u8.ToArray(), kind: "pictures");

        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await PageScript.CodeOf(response)).ShouldBe("DatasetKindUnknown");
        platform.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_cloud_takes_no_upload_of_texts()
    {
        var platform = new ScriptedPlatform();
        await using var portal = platform.CreatePortal();
        var actor = await portal.ActorAsync();
        await using (var db = portal.Db())
            await db.Connections.ExecuteUpdateAsync(c => c.SetProperty(x => x.Kind, ConnectionKind.Cloud), Cancel);

        var uploads = portal.Get<DatasetUploads>();
        var request = new UploadRequest("story", null, "story.txt", DatasetKind.Text);
        (await Should.ThrowAsync<UserErrorException>(uploads.CheckAsync(actor, portal.ProjectId, request, Cancel))).Code.ShouldBe("TextsOnCloud");
        using var file = new MemoryStream("a\n"u8.ToArray());
        (await Should.ThrowAsync<UserErrorException>(uploads.UploadAsync(actor, portal.ProjectId, request, file, Cancel))).Code.ShouldBe("TextsOnCloud");
        await uploads.CheckAsync(actor, portal.ProjectId, request with { Kind = DatasetKind.Conversation }, Cancel);
    }
}
