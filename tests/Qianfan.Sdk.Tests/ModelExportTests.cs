using System.Net;
using System.Net.Http.Headers;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

/// <summary>Exports of models, an extension of our platform.</summary>
public sealed class ModelExportTests
{
    [Fact]
    public async Task An_export_is_asked_for_told_of_and_deleted()
    {
        var handler = new RecordingHandler(
            RecordingHandler.Json("""{"requestId":"r","result":{"exportTaskId":"amemt-1","format":"gguf-f16","status":"Waiting","progress":0}}"""),
            RecordingHandler.Json("""{"requestId":"r","result":{"exportTaskList":[{"exportTaskId":"amemt-1","status":"Done","progress":100,"bytes":7,"sha256":"ab","files":[{"name":"x.gguf","bytes":7,"sha256":"ab"}]}]}}"""),
            RecordingHandler.Json("""{"requestId":"r","result":true}"""));
        var models = Given.Client(handler).Models;

        var started = await models.StartExportAsync("amv-1", ModelExportFormats.GgufF16, Given.Token);
        started.Status.ShouldBe(ModelExportStatus.Waiting);
        started.Status.IsTerminal.ShouldBeFalse();
        var listed = (await models.ListExportsAsync("amv-1", Given.Token)).ShouldHaveSingleItem();
        listed.Status.IsTerminal.ShouldBeTrue();
        listed.Files.ShouldHaveSingleItem().ShouldBe(new ModelExportFile { Name = "x.gguf", Bytes = 7, Sha256 = "ab" });
        (await models.DeleteExportAsync("amemt-1", Given.Token)).ShouldBeTrue();

        handler.Requests.Select(request => request.RequestUri!.PathAndQuery).ShouldBe(
            ["/v2/model?Action=CreateModelExportTask", "/v2/model?Action=DescribeModelExportTasks", "/v2/model?Action=DeleteModelExportTask"]);
        handler.Bodies.Select(body => body!.ToJsonString()).ShouldBe(["""{"modelId":"amv-1","format":"gguf-f16"}""", """{"modelId":"amv-1"}""", """{"exportTaskId":"amemt-1"}"""]);
    }

    [Fact]
    public async Task A_part_of_a_file_comes_with_what_tells_which_one()
    {
        var handler = new RecordingHandler(() => new HttpResponseMessage(HttpStatusCode.PartialContent)
        {
            Headers = { ETag = new EntityTagHeaderValue("\"ab\"") },
            Content = new StringContent("rest") { Headers = { ContentRange = new ContentRangeHeaderValue(3, 6, 7), ContentDisposition = new ContentDispositionHeaderValue("attachment") { FileName = "\"x.gguf\"" } } },
        });

        await using var content = await Given.Client(handler).Models.OpenExportAsync("amemt-1", "bytes=3-", "\"ab\"", Given.Token);

        (content.Status, content.Length, content.FileName, content.EntityTag!.Tag, content.Range!.From).ShouldBe((HttpStatusCode.PartialContent, 4L, "x.gguf", "\"ab\"", 3L));
        using var reader = new StreamReader(content.Content);
        (await reader.ReadToEndAsync(Given.Token)).ShouldBe("rest");
        var request = handler.Requests.ShouldHaveSingleItem();
        request.RequestUri!.AbsolutePath.ShouldBe("/v2/model/exports/amemt-1/content");
        request.Headers.GetValues("Range").ShouldBe(["bytes=3-"]);
        request.Headers.GetValues("If-Range").ShouldBe(["\"ab\""]);
        request.Headers.GetValues("Authorization").Single().ShouldStartWith("bce-auth-v1/");
    }

    [Fact]
    public async Task What_is_refused_is_told_in_the_platforms_words()
    {
        var handler = new RecordingHandler(RecordingHandler.Json("""{"requestId":"r","code":"OperationConflict","message":"Export amemt-1 is Running"}""", HttpStatusCode.Conflict));

        var error = await Should.ThrowAsync<QianfanApiException>(() => Given.Client(handler).Models.OpenExportAsync("amemt-1", cancellationToken: Given.Token));

        (error.Code, error.ApiMessage).ShouldBe(("OperationConflict", "Export amemt-1 is Running"));
    }
}
