using System.IO.Compression;
using System.Net;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>A dataset's rows leave the platform by a link that is good for an hour and for nothing else.</summary>
public sealed class DatasetExportTests
{
    private const string Rows = """
        {"conversations":[{"from":"system","value":"s"},{"from":"human","value":"a"},{"from":"gpt","value":"b","weight":0},{"from":"human","value":"c"},{"from":"gpt","value":"d"}]}
        {"instruction":"你好","output":"您好"}
        """;

    private const string Exported = """
        [{"system":"s","prompt":"a","response":[["b"]],"weight":0},{"prompt":"c","response":[["d"]]}]
        [{"prompt":"你好","response":[["您好"]]}]

        """;

    [Fact]
    public async Task V1_exports_and_whoever_has_the_link_fetches_a_zip_of_rows()
    {
        await using var host = await PlatformHost.StartAsync();
        var dataset = await host.Client.DatasetAsync(Rows);
        var before = (await host.Client.V1Async("dataset/info", new { datasetId = dataset })).Result()["versionInfo"]!;
        (before["exportStatus"]!.GetValue<int>(), before["exportRecordCount"]!.GetValue<int>()).ShouldBe((-1, 0));
        (await host.Client.V1Async("dataset/export", new { datasetId = dataset, exportFormat = 0, exportType = 1, exportTo = 0 })).Result<bool>().ShouldBeTrue();
        var after = (await host.Client.V1Async("dataset/info", new { datasetId = dataset })).Result()["versionInfo"]!;
        (after["exportStatus"]!.GetValue<int>(), after["exportRecordCount"]!.GetValue<int>()).ShouldBe((2, 1));
        var record = (await host.Client.V1Async("dataset/exportRecord", new { datasetId = dataset }))["result"]!.AsArray().ShouldHaveSingleItem()!;
        record["recordNum"]!.GetValue<int>().ShouldBe(2);
        (await FetchAsync(host, record.Text("downloadUrl"))).ShouldBe((HttpStatusCode.OK, Exported));
    }

    [Fact]
    public async Task V2_exports_by_a_task()
    {
        await using var host = await PlatformHost.StartAsync();
        var dataset = await host.Client.DatasetAsync(Rows);
        var task = (await host.Client.V2Async("dataset", "CreateExportTask", new { versionId = dataset })).Result().Text("taskId");
        var described = (await host.Client.V2Async("dataset", "DescribeExportTask", new { taskId = task })).Result();
        described.Text("runStatus").ShouldBe("Done");
        (await FetchAsync(host, described.Text("downloadUrl"))).ShouldBe((HttpStatusCode.OK, Exported));
        (await host.Client.V2Async("dataset", "CreateExportTask", new { versionId = dataset, storageType = "BOS" })).Text("code").ShouldBe("NotSupported");
    }

    [Fact]
    public async Task Generic_text_is_exported_too()
    {
        await using var host = await PlatformHost.StartAsync();
        var (dataset, _) = await host.Client.ImportAsync("one\ntwo\n"u8.ToArray(), templateType: 40100);
        var task = (await host.Client.V2Async("dataset", "CreateExportTask", new { versionId = dataset })).Result().Text("taskId");
        (await FetchAsync(host, (await host.Client.V2Async("dataset", "DescribeExportTask", new { taskId = task })).Result().Text("downloadUrl"))).Rows.ShouldBe("{\"text\":\"one\"}\n{\"text\":\"two\"}\n");
    }

    [Fact]
    public async Task A_link_that_was_changed_or_has_expired_gives_nothing_and_tells_no_secret()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var host = await PlatformHost.StartAsync(time: time);
        var (mine, theirs) = (await LinkAsync(host.Client), "");
        using (var other = host.OtherOwner()) theirs = await LinkAsync(other);
        mine.ShouldNotContain(PlatformHost.SecretKey);
        var (path, query) = (mine.Split('?')[0], mine.Split('?')[1]);
        foreach (var wrong in new[]
        {
            path, mine[..^1] + (mine[^1] == 'A' ? 'B' : 'A'), mine.Replace("expires=1", "expires=2", StringComparison.Ordinal), theirs.Split('?')[0] + "?" + query,
            mine.Replace("key=" + PlatformHost.AccessKey, "key=ALTAKother", StringComparison.Ordinal), mine.Replace("key=" + PlatformHost.AccessKey, "key=nobody", StringComparison.Ordinal),
        })
            (await FetchAsync(host, wrong)).Status.ShouldBe(HttpStatusCode.Forbidden, wrong);

        time.Advance(TimeSpan.FromMinutes(59));
        (await FetchAsync(host, mine)).Status.ShouldBe(HttpStatusCode.OK);
        time.Advance(TimeSpan.FromMinutes(2));
        (await FetchAsync(host, mine)).Status.ShouldBe(HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Rows_that_were_changed_are_not_given_under_an_older_export()
    {
        await using var host = await PlatformHost.StartAsync();
        var (dataset, _) = await host.Client.ImportAsync("one\n"u8.ToArray(), templateType: 40100);
        var task = (await host.Client.V2Async("dataset", "CreateExportTask", new { versionId = dataset })).Result().Text("taskId");
        var link = (await host.Client.V2Async("dataset", "DescribeExportTask", new { taskId = task })).Result().Text("downloadUrl");
        (await host.Client.V1Async("dataset/import", new { datasetId = dataset, files = new[] { await host.Client.UploadAsync("two\n") } })).Result<bool>().ShouldBeTrue();
        await host.Client.ImportedAsync(dataset);
        (await FetchAsync(host, link)).Status.ShouldBe(HttpStatusCode.Conflict);
        (await host.Client.V2Async("dataset", "DescribeExportTask", new { taskId = task })).Result().Text("runStatus").ShouldBe("Failed");
        (await host.Client.V1Async("dataset/exportRecord", new { datasetId = dataset }))["result"]![0]!.Text("downloadUrl").ShouldBeEmpty();
        (await host.Client.V1Async("dataset/delete", new { datasetId = dataset })).Result().ShouldNotBeNull();
        (await host.Client.V2Async("dataset", "DescribeExportTask", new { taskId = task })).Text("code").ShouldBe("ResourceNotFound");
    }

    private static async Task<string> LinkAsync(HttpClient client)
    {
        var task = (await client.V2Async("dataset", "CreateExportTask", new { versionId = await client.DatasetAsync() })).Result().Text("taskId");
        return (await client.V2Async("dataset", "DescribeExportTask", new { taskId = task })).Result().Text("downloadUrl");
    }

    /// <summary>What a link gives without a key.</summary>
    private static async Task<(HttpStatusCode Status, string Rows)> FetchAsync(PlatformHost host, string link)
    {
        link.ShouldStartWith("http://platform.test/v2/dataset/exports/");
        using var client = host.CreateClient(null);
        using var response = await client.GetAsync(new Uri(link).PathAndQuery, TestContext.Current.CancellationToken);
        if (response.StatusCode != HttpStatusCode.OK) return (response.StatusCode, "");
        using var zip = new ZipArchive(new MemoryStream(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)), ZipArchiveMode.Read);
        using var reader = new StreamReader(zip.Entries.ShouldHaveSingleItem().Open());
        return (response.StatusCode, (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).ReplaceLineEndings("\n"));
    }
}
