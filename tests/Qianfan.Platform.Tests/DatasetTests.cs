using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>What becomes of uploaded rows.</summary>
public sealed class DatasetTests
{
    [Fact]
    public async Task Good_rows_are_kept_and_bad_ones_listed_with_line_and_field()
    {
        await using var host = await PlatformHost.StartAsync();
        var (dataset, file) = await CreateAsync(host.Client, """
            [{"prompt":"a","response":[["b"]]}]
            {"messages":[{"role":"user","content":""},{"role":"assistant","content":"x"}]}
            not json
            {"prompt":"c","response":"d"}
            """);
        await ImportAsync(host.Client, dataset, file);
        var info = await host.Client.ImportedAsync(dataset);
        info["importStatus"]!.GetValue<int>().ShouldBe(2);
        info["entityCount"]!.GetValue<int>().ShouldBe(2);
        info["refusedEntityCount"]!.GetValue<int>().ShouldBe(2);
        var errors = (await host.Client.V1Async("dataset/importErrorDetail", new { datasetId = dataset, errCode = 0 })).Result()["content"]!.AsArray();
        errors.Select(error => error!["sequence"]!.GetValue<int>()).ShouldBe([2, 3]);
        errors[0]!.Text("textLocation").ShouldContain("messages[0].content");
        errors[0]!.Text("sampleFileName").ShouldBe("rows.jsonl");
        var rows = (await host.Client.V1Async("entity/list", new { datasetId = dataset, offset = 1, pageSize = 5 })).Result();
        rows["total"]!.GetValue<int>().ShouldBe(2);
        rows["items"]![0]!["textExtra"]!["messages"]![1]!.Text("content").ShouldBe("d");
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("{\"prompt\":\"\"}\nrubbish\n", "No row is good")]
    [InlineData("PK\u0003\u0004zip", "zip")]
    [InlineData("\0\0\0", "binary")]
    public async Task An_import_without_a_good_row_fails_and_changes_nothing(string content, string message)
    {
        await using var host = await PlatformHost.StartAsync();
        var (dataset, good) = await CreateAsync(host.Client, PlatformCalls.TwoRows);
        await ImportAsync(host.Client, dataset, good);
        var before = await host.Client.ImportedAsync(dataset);
        await ImportAsync(host.Client, dataset, await host.Client.UploadAsync(content));
        var after = await host.Client.ImportedAsync(dataset);
        after["importStatus"]!.GetValue<int>().ShouldBe(3);
        after.Text("importErrorInfo").ShouldContain(message, Case.Insensitive);
        foreach (var kept in new[] { "entityCount", "characterCount", "contentHash", "memorySize" }) after[kept]!.ToJsonString().ShouldBe(before[kept]!.ToJsonString());
    }

    [Fact]
    public async Task Importing_again_appends_until_the_dataset_is_released()
    {
        await using var host = await PlatformHost.StartAsync();
        var (dataset, file) = await CreateAsync(host.Client, PlatformCalls.TwoRows);
        await ImportAsync(host.Client, dataset, file);
        await host.Client.ImportedAsync(dataset);
        await ImportAsync(host.Client, dataset, file);
        (await host.Client.ImportedAsync(dataset))["entityCount"]!.GetValue<int>().ShouldBe(4);
        (await host.Client.V1Async("dataset/release", new { datasetId = dataset })).Result<bool>().ShouldBeTrue();
        (await host.Client.V1Async("dataset/release", new { datasetId = dataset })).Result<bool>().ShouldBeTrue();
        var refused = await host.Client.V1Async("dataset/import", new { datasetId = dataset, files = new[] { file } });
        refused["success"]!.GetValue<bool>().ShouldBeFalse();
        refused["status"]!.GetValue<int>().ShouldBe(400);
        refused.Text("message").ShouldContain("released");
        var states = (await host.Client.V1Async("dataset/statusList", new { datasetIds = new[] { dataset } })).Result();
        states[dataset]!["releaseStatus"]!.GetValue<int>().ShouldBe(2);
    }

    [Fact]
    public async Task An_integer_id_does_as_well()
    {
        await using var host = await PlatformHost.StartAsync();
        var (dataset, _) = await CreateAsync(host.Client, PlatformCalls.TwoRows);
        var number = (await host.Client.V1Async("dataset/info", new { datasetId = dataset })).Result()["versionInfo"]!["id"]!.GetValue<int>();
        (await host.Client.V1Async("dataset/info", new { datasetId = number })).Result()["versionInfo"]!.Text("datasetPK").ShouldBe(dataset);
        (await host.Client.V1Async("dataset/delete", new { datasetId = number })).Result()["versionCount"]!.GetValue<int>().ShouldBe(1);
        (await host.Client.V1Async("dataset/info", new { datasetId = dataset })).Text("message").ShouldContain("does not exist");
    }

    [Fact]
    public async Task A_file_over_the_limit_is_refused_and_leaves_nothing()
    {
        await using var host = await PlatformHost.StartAsync();
        using var content = PlatformHost.Upload(new string('x', (1 << 20) + 1));
        using var response = await host.Client.PostAsync("/v1/files", content, TestContext.Current.CancellationToken);
        response.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
        (await PlatformCalls.ReadAsync(response))["error"]!.Text("message").ShouldContain("MaxFileBytes");
        Directory.EnumerateFileSystemEntries(Path.Combine(host.Folder, "data", "files")).ShouldBeEmpty();
        (await host.Client.GetJsonAsync("/v1/files"))["data"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task Uploads_that_are_no_uploads_are_explained()
    {
        await using var host = await PlatformHost.StartAsync();
        (await host.Client.PostAsync("/v1/files", new { }))["error"]!.Text("message").ShouldContain("multipart/form-data");
        foreach (var (content, message) in new (HttpContent, string)[]
        {
            (new MultipartFormDataContent { { new StringContent("fine-tune"), "purpose" } }, "param[file] is missing"),
            (new MultipartFormDataContent { { new StringContent("rows"), "file", "x" } }, "param[purpose] is missing"),
            (Cut(), "file"),
        })
        {
            using (content)
            {
                using var response = await host.Client.PostAsync("/v1/files", content, TestContext.Current.CancellationToken);
                response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
                (await PlatformCalls.ReadAsync(response))["error"]!.Text("message").ShouldContain(message);
            }
        }

        Directory.EnumerateFileSystemEntries(Path.Combine(host.Folder, "data", "files")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Files_are_listed_read_and_deleted()
    {
        await using var host = await PlatformHost.StartAsync();
        var first = await host.Client.UploadAsync(name: "../../etc/first.jsonl");
        var second = await host.Client.UploadAsync(name: "第二.jsonl");
        var list = await host.Client.GetJsonAsync("/v1/files?limit=1");
        list["data"]!.AsArray().Single()!.Text("id").ShouldBe(second);
        list["data"]![0]!.Text("filename").ShouldBe("第二.jsonl");
        list["has_more"]!.GetValue<bool>().ShouldBeTrue();
        (await host.Client.GetJsonAsync("/v1/files?after=" + second))["data"]![0]!.Text("filename").ShouldBe("first.jsonl");
        (await host.Client.GetStringAsync($"/v1/files/{first}/content", TestContext.Current.CancellationToken)).ShouldBe(PlatformCalls.TwoRows);
        using var deleted = await host.Client.DeleteAsync("/v1/files/" + first, TestContext.Current.CancellationToken);
        (await PlatformCalls.ReadAsync(deleted))["deleted"]!.GetValue<bool>().ShouldBeTrue();
        (await host.Client.GetJsonAsync("/v1/files/" + first))["error"]!.Text("message").ShouldContain("does not exist");
    }

    [Fact]
    public async Task Files_come_from_the_bos_folder_where_one_is_set_and_from_nowhere_else()
    {
        var bos = Directory.CreateTempSubdirectory("qianfan-bos-").FullName;
        Directory.CreateDirectory(Path.Combine(bos, "bucket"));
        await File.WriteAllTextAsync(Path.Combine(bos, "bucket", "rows.jsonl"), PlatformCalls.TwoRows, TestContext.Current.CancellationToken);
        await using var host = await PlatformHost.StartAsync(configure: options => options.BosDirectory = bos);
        var (dataset, _) = await CreateAsync(host.Client, PlatformCalls.TwoRows);
        foreach (var path in new[] { "bos:/../etc/passwd", "bos:/bucket/../../x", "/etc/passwd", "bos:/bucket/none.jsonl" })
            (await host.Client.V1Async("dataset/import", new { datasetId = dataset, files = new[] { path } })).Text("message").ShouldContain("does not exist");
        await ImportAsync(host.Client, dataset, "bos:/bucket/rows.jsonl");
        (await host.Client.ImportedAsync(dataset))["entityCount"]!.GetValue<int>().ShouldBe(2);
        Directory.Delete(bos, recursive: true);
    }

    private static StringContent Cut()
    {
        var content = new StringContent("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nhalf");
        content.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse("multipart/form-data; boundary=b");
        return content;
    }

    private static async Task<(string Dataset, string File)> CreateAsync(HttpClient client, string rows)
    {
        var file = await client.UploadAsync(rows);
        var created = await client.V1Async("dataset/create", new { name = "d", versionId = 1, projectType = 20, templateType = 2000, dataType = 4, storageType = "sysBos" });
        created.Result()["importStatus"]!.GetValue<int>().ShouldBe(-1);
        return (created.Result().Text("datasetId"), file);
    }

    private static async Task ImportAsync(HttpClient client, string dataset, string file) =>
        (await client.V1Async("dataset/import", new { datasetId = dataset, annotated = true, importFrom = 1, files = new[] { file } })).Result<bool>().ShouldBeTrue();
}
