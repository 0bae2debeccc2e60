using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Single rows are changed and deleted; the others keep their ids, and a released dataset its rows.</summary>
public sealed class DatasetEntityTests
{
    private static readonly byte[] s_rows = "{\"prompt\":\"a\",\"response\":\"b\"}\n{\"prompt\":\"c\",\"response\":\"d\"}\n{\"prompt\":\"e\",\"response\":\"f\"}\n"u8.ToArray();

    [Fact]
    public async Task Rows_are_deleted_and_annotated_by_their_ids()
    {
        await using var host = await PlatformHost.StartAsync();
        var (id, before) = await host.Client.ImportAsync(s_rows);
        (await host.Client.V1Async("entity/delete", new { datasetId = id, id = new[] { $"{id}-1", $"{id}-9", "other-2" } })).Result()["failedOnes"]!.AsArray().Select(failed => (string?)failed).ShouldBe([$"{id}-9", "other-2"], ignoreOrder: true);
        (await host.Client.V1Async("entity/delete", new { datasetId = id, id = new[] { $"{id}-1" } })).Result()["failedOnes"]!.AsArray().Count.ShouldBe(1);
        (await host.Client.V1Async("entity/annotate", new { datasetId = id, id = $"{id}-3", content = new[] { new { prompt = "é", response = new[] { new[] { "long" } } } } })).Result<bool>().ShouldBeTrue();

        var list = (await host.Client.V1Async("entity/list", new { datasetId = id, offset = 1, pageSize = 5 })).Result();
        list["total"]!.GetValue<int>().ShouldBe(2);
        list["items"]!.AsArray().ShouldHaveSingleItem()!.Text("id").ShouldBe($"{id}-3");
        (await host.Client.RowsAsync(id))[1].ShouldContain("é");
        var after = await host.Client.ImportedAsync(id);
        (after["entityCount"]!.GetValue<int>(), after["characterCount"]!.GetValue<int>()).ShouldBe((2, 7));
        after.Text("contentHash").ShouldNotBe(before.Text("contentHash"));
        (await host.Client.CountedAsync(id))["tokenStatistics"]![0]!["rowCount"]!.GetValue<int>().ShouldBe(2);
        Directory.GetFiles(Path.Combine(host.Folder, "data", "datasets", id)).Length.ShouldBe(1);
    }

    [Fact]
    public async Task Deleted_rows_are_neither_trained_on_nor_exported_and_imports_go_on_behind_them()
    {
        await using var host = await PlatformHost.StartAsync();
        var (id, _) = await host.Client.ImportAsync(s_rows);
        (await host.Client.V1Async("entity/delete", new { datasetId = id, id = new[] { $"{id}-2" } })).Result()["failedOnes"].ShouldBeNull();
        (await host.Client.V1Async("dataset/import", new { datasetId = id, files = new[] { await host.Client.UploadAsync("{\"prompt\":\"g\",\"response\":\"h\"}") } })).Result<bool>().ShouldBeTrue();
        (await host.Client.ImportedAsync(id))["entityCount"]!.GetValue<int>().ShouldBe(3);
        (await host.Client.V1Async("dataset/release", new { datasetId = id })).Result<bool>().ShouldBeTrue();
        var (_, task) = await host.Client.TaskAsync(dataset: id);
        await host.Client.AwaitTaskAsync(task, "Done");
        File.ReadAllLines(Path.Combine(host.Folder, "data", "tasks", task, "rows.jsonl")).Length.ShouldBe(3);
        (await host.Client.V1Async("entity/list", new { datasetId = id })).Result()["items"]!.AsArray().Select(item => item!.Text("id")).ShouldBe([$"{id}-1", $"{id}-3", $"{id}-4"]);
    }

    [Fact]
    public async Task A_bad_row_an_unknown_one_and_a_released_dataset_are_refused()
    {
        await using var host = await PlatformHost.StartAsync();
        var (id, _) = await host.Client.ImportAsync(s_rows);
        foreach (var (content, message) in new (object, string)[] { (Array.Empty<object>(), "content"), (new[] { new { prompt = "x" } }, "response"), (new[] { new { messages = 1 } }, "messages") })
            (await host.Client.V1Async("entity/annotate", new { datasetId = id, id = $"{id}-1", content })).Text("message").ShouldContain(message);
        foreach (var unknown in new[] { $"{id}-0", $"{id}-4", $"{id}-01", $"{id}--1", id, "", $"{id}-99999999999999999999" })
            (await host.Client.V1Async("entity/annotate", new { datasetId = id, id = unknown, content = new[] { new { prompt = "x", response = "y" } } })).Text("message").ShouldContain("does not exist", customMessage: unknown);
        (await host.Client.V1Async("entity/annotate", new { datasetId = id, id = $"{id}-1", labels = Array.Empty<object>() })).Text("message").ShouldContain("labels");
        (await host.Client.V1Async("dataset/release", new { datasetId = id })).Result<bool>().ShouldBeTrue();
        (await host.Client.V1Async("entity/delete", new { datasetId = id, id = new[] { $"{id}-1" } })).Text("message").ShouldContain("released");
        (await host.Client.RowsAsync(id)).Count.ShouldBe(3);
    }

    [Fact]
    public async Task Many_who_change_rows_at_once_lose_none_of_their_changes()
    {
        await using var host = await PlatformHost.StartAsync();
        var (id, _) = await host.Client.ImportAsync(s_rows);
        var answers = await Task.WhenAll(Enumerable.Range(1, 3).Select(number => host.Client.V1Async("entity/delete", new { datasetId = id, id = new[] { $"{id}-{number}" } })));
        answers.ShouldAllBe(answer => answer["success"]!.GetValue<bool>());
        var info = await host.Client.ImportedAsync(id);
        (info["entityCount"]!.GetValue<int>(), info["characterCount"]!.GetValue<int>()).ShouldBe((0, 0));
    }
}
