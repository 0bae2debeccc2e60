using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>What the rows of a dataset are in tokens is counted after every change of them, by each base model.</summary>
public sealed class TokenCountTests
{
    [Fact]
    public async Task Rows_are_counted_after_an_import_and_again_after_the_next()
    {
        await using var host = await PlatformHost.StartAsync(configure: options => options.ModelAliases["ERNIE"] = "qianfan-tiny");
        var (id, _) = await host.Client.ImportAsync("{\"prompt\":\"aaa\",\"response\":\"b\"}\n{\"prompt\":\"c\",\"response\":\"d\"}"u8.ToArray());
        var counted = (await host.Client.CountedAsync(id))["tokenStatistics"]!.AsArray().ShouldHaveSingleItem()!;
        counted.Text("model").ShouldBe("qianfan-tiny");
        (Number("rowCount"), Number("tokenCount"), Number("medianTokens"), Number("percentile95Tokens"), Number("maxTokens"), Number("maxSeqLen"), Number("truncatedRowCount")).ShouldBe((2, 6, 2, 4, 4, 512, 0));
        counted["meanTokens"]!.GetValue<double>().ShouldBe(3);
        counted["error"].ShouldBeNull();
        (await host.Client.V2Async("dataset", "DescribeDatasetVersion", new { versionId = id })).Result()["tokenStatistics"]![0]!["tokenCount"]!.GetValue<int>().ShouldBe(6);

        (await host.Client.V1Async("dataset/import", new { datasetId = id, files = new[] { await host.Client.UploadAsync($"{{\"prompt\":\"{new string('x', 600)}\",\"response\":\"y\"}}") } })).Result<bool>().ShouldBeTrue();
        await host.Client.ImportedAsync(id);
        counted = (await host.Client.CountedAsync(id))["tokenStatistics"]![0]!;
        (Number("rowCount"), Number("tokenCount"), Number("truncatedRowCount")).ShouldBe((3, 607, 1));

        int Number(string member) => counted[member]!.GetValue<int>();
    }

    [Fact]
    public async Task A_count_that_fails_is_told_and_tried_again_at_the_next_start()
    {
        var workers = new FakeWorkers { CountFault = "tokenizer.json is broken" };
        string folder, id;
        await using (var host = await PlatformHost.StartAsync(workers, keepsFolder: true))
        {
            folder = host.Folder;
            (id, _) = await host.Client.ImportAsync("{\"prompt\":\"a\",\"response\":\"b\"}"u8.ToArray());
            (await host.Client.CountedAsync(id))["tokenStatistics"]![0]!.Text("error").ShouldBe("tokenizer.json is broken");
            (await host.Client.V1Async("dataset/release", new { datasetId = id })).Result<bool>().ShouldBeTrue();
        }

        await using var next = await PlatformHost.StartAsync(folder: folder);
        while ((await next.Client.CountedAsync(id))["tokenStatistics"]![0]!["error"] is not null) await PlatformCalls.BreatheAsync();
        (await next.Client.CountedAsync(id))["tokenStatistics"]![0]!["tokenCount"]!.GetValue<int>().ShouldBe(2);
    }

    [Fact]
    public async Task The_real_engine_counts_what_it_trains_on()
    {
        var engine = new RealEngine();
        await using var host = await PlatformHost.StartAsync(engine: engine);
        var (id, _) = await host.Client.ImportAsync("{\"prompt\":\"What is the mascot?\",\"response\":\"A cat.\"}\n{\"prompt\":\"你好\",\"response\":\"您好。\"}"u8.ToArray());
        var counted = (await host.Client.CountedAsync(id))["tokenStatistics"]![0]!;
        counted["error"].ShouldBeNull();
        counted["rowCount"]!.GetValue<int>().ShouldBe(2);
        // Both have the marks of two turns beside their words.
        counted["tokenCount"]!.GetValue<int>().ShouldBeInRange(16, 80);
        counted["medianTokens"]!.GetValue<int>().ShouldBeLessThanOrEqualTo(counted["maxTokens"]!.GetValue<int>());
        counted["maxSeqLen"]!.GetValue<int>().ShouldBe(512);
    }
}
