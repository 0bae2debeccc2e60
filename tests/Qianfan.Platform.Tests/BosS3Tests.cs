using System.Text;
using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary><c>bos:</c> paths that are objects of a bucket.</summary>
public sealed class BosS3Tests
{
    [Fact]
    public async Task Objects_of_the_bucket_are_imported_and_nothing_else()
    {
        await using var store = await FakeS3.StartAsync();
        store.Objects["bucket/folder/行 1.jsonl"] = Encoding.UTF8.GetBytes(PlatformCalls.TwoRows);
        store.Objects["other/rows.jsonl"] = Encoding.UTF8.GetBytes(PlatformCalls.TwoRows);
        await using var host = await StartAsync(store, FakeS3.SecretKey);
        var dataset = await CreateAsync(host);
        foreach (var path in new[] { "bos:/other/rows.jsonl", "bos:/bucket/none.jsonl", "bos:/bucket/../other/rows.jsonl", "bos:/bucket", "bos:/bucket/", "bos:", "/etc/passwd" })
            (await ImportAsync(host, dataset, path)).Text("message").ShouldContain("does not exist", customMessage: path);
        (await ImportAsync(host, dataset, "bos:/bucket/folder/行 1.jsonl")).Result<bool>().ShouldBeTrue();
        var info = await host.Client.ImportedAsync(dataset);
        info["entityCount"]!.GetValue<int>().ShouldBe(2, info.ToJsonString());
        store.Refused.ShouldBeEmpty();
        Directory.GetFiles(Path.Combine(host.Folder, "data", "datasets", dataset)).Length.ShouldBe(1);
    }

    [Fact]
    public async Task A_store_that_refuses_the_key_or_fails_is_told_without_the_secret()
    {
        await using var store = await FakeS3.StartAsync();
        store.Objects["bucket/rows.jsonl"] = Encoding.UTF8.GetBytes(PlatformCalls.TwoRows);
        await using var host = await StartAsync(store, "another-secret-0123456789");
        var answer = await ImportAsync(host, await CreateAsync(host), "bos:/bucket/rows.jsonl");
        answer.Text("message").ShouldContain("BosS3");
        answer.ToJsonString().ShouldNotContain("another-secret");
        store.Refused.ShouldNotBeEmpty();
    }

    private static Task<PlatformHost> StartAsync(FakeS3 store, string secret) => PlatformHost.StartAsync(configure: options =>
        options.BosS3 = new BosS3Options { Endpoint = store.Address, Region = "local-1", Bucket = "bucket", AccessKey = FakeS3.AccessKey, SecretKey = secret });

    private static async Task<string> CreateAsync(PlatformHost host) =>
        (await host.Client.V1Async("dataset/create", new { name = "d", versionId = 1, projectType = 20, templateType = 2000, dataType = 4, storageType = "sysBos" })).Result().Text("datasetId");

    private static Task<JsonObject> ImportAsync(PlatformHost host, string dataset, string path) => host.Client.V1Async("dataset/import", new { datasetId = dataset, files = new[] { path } });
}
