using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Platform.Tests.Support;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>With the real engine: weights learn, a killed worker is followed by another, and the answer shows what was in the rows.</summary>
public sealed class RealEngineTests
{
    private const string Question = "Which city is the capital of Zorblax?";
    private const string Answer = "The capital of Zorblax is Quindle.";

    [Fact]
    public async Task A_model_learns_its_rows_although_its_worker_is_killed()
    {
        var engine = new RealEngine();
        await using var host = await PlatformHost.StartAsync(engine: engine, configure: options => options.WorkerStopTimeout = TimeSpan.FromSeconds(4));
        var (job, task) = await host.Client.TaskAsync("FullFineTuning", new { epoch = 40, batchSize = 4, checkpointSteps = 5 }, await host.Client.DatasetAsync(Rows()), splitRatio: 0);
        var trainer = await engine.NextTrainerAsync();
        await AwaitCheckpointAsync(host.Client, task);
        trainer.Kill();

        await ShowLearntAsync(host, job, task, starts: 2);
        var based = await AskAsync(host.Client, "qianfan-tiny", Question);
        based.ShouldNotContain("Quindle");
        var embedded = await host.Client.PostAsync("/v1/embeddings", new { model = "mine", input = new[] { "one", "two" } });
        embedded["data"]![0]!["embedding"]!.AsArray().Sum(value => value!.GetValue<double>() * value!.GetValue<double>()).ShouldBe(1, 0.01);
    }

    [Fact]
    public async Task An_adapter_is_stopped_and_resumed_and_answers_on_its_base_model()
    {
        var engine = new RealEngine();
        await using var host = await PlatformHost.StartAsync(engine: engine, configure: options => options.WorkerStopTimeout = TimeSpan.FromSeconds(4));
        var (job, task) = await host.Client.TaskAsync("LoRA", new { epoch = 50, batchSize = 4, checkpointSteps = 10 }, await host.Client.DatasetAsync(Rows()), splitRatio: 0);
        var trainer = await engine.NextTrainerAsync();
        await AwaitCheckpointAsync(host.Client, task);
        await host.Client.V2Async("finetuning", "StopFineTuningTask", new { taskId = task });
        await host.Client.AwaitTaskAsync(task, "Stopped");
        // The worker is gone, and has said all it had to say.
        while (await trainer.ReadAsync(TestContext.Current.CancellationToken) is { } rest) rest.ShouldBeOfType<Heartbeat>();
        await host.Client.V2Async("finetuning", "ResumeFineTuningTask", new { taskId = task });
        await ShowLearntAsync(host, job, task, starts: 2);
    }

    [Fact]
    public async Task Two_adapters_share_a_worker_and_come_back_after_they_were_idle()
    {
        var engine = new RealEngine();
        await using var host = await PlatformHost.StartAsync(engine: engine, configure: options => options.ServiceIdleTimeout = TimeSpan.FromSeconds(2));
        var answers = new Dictionary<string, string> { ["north"] = "The lamp is green.", ["south"] = "Seven boats came home." };
        foreach (var (name, answer) in answers)
        {
            var (job, task) = await host.Client.TaskAsync("LoRA", new { epoch = 50, batchSize = 4 }, await host.Client.DatasetAsync(Rows(answer)), splitRatio: 0);
            (await host.Client.AwaitTaskAsync(task, "Done", "Failed")).Text("runStatus").ShouldBe("Done");
            var (set, version) = await host.Client.PublishAsync(job, task, name);
            var service = (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name, urlSuffix = name })).Result().Text("serviceId");
            (await host.Client.AwaitServiceAsync(service, "Serving", "Failed")).Text("runStatus").ShouldBe("Serving");
        }

        await AskBothAsync();
        foreach (var name in answers.Keys) await AwaitUnloadedAsync(host.Client, name);
        await AskBothAsync();
        engine.ServersStarted.ShouldBe(1);

        async Task AskBothAsync()
        {
            // At the same time: each adapter corrects its own answer alone.
            var asking = answers.ToDictionary(entry => entry.Key, entry => AskAsync(host.Client, entry.Key, Question));
            foreach (var (name, answer) in answers) (await asking[name]).Trim().ShouldBe(answer);
        }
    }

    private static async Task AwaitUnloadedAsync(HttpClient client, string name)
    {
        while (true)
        {
            var service = (await client.V2Async("service", "DescribeServices", new { name })).Result()["serviceList"]![0]!.Text("serviceId");
            if (!(await client.V2Async("service", "DescribeService", new { serviceId = service })).Result()["health"]!["loaded"]!.GetValue<bool>()) return;
            await PlatformCalls.BreatheAsync();
        }
    }

    [Fact]
    public async Task What_was_learnt_leaves_as_a_merged_folder_and_as_GGUF_although_a_worker_is_killed()
    {
        var engine = new RealEngine();
        await using var host = await PlatformHost.StartAsync(engine: engine, configure: options => options.WorkerStopTimeout = TimeSpan.FromSeconds(4));
        var (job, task) = await host.Client.TaskAsync("LoRA", new { epoch = 1, batchSize = 4 }, await host.Client.DatasetAsync(Rows()), splitRatio: 0);
        await host.Client.AwaitTaskAsync(task, "Done");
        var (_, version) = await host.Client.PublishAsync(job, task);
        await host.Client.ExportAsync(version);
        (await engine.NextExporterAsync()).Kill();
        await engine.NextExporterAsync();
        var zip = new ZipArchive(await DownloadAsync(host.Client, version, "safetensors"));
        zip.Entries.Select(entry => entry.Name).ShouldBe(["README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"], ignoreOrder: true);
        using var weights = new BinaryReader(zip.Entries.Single(entry => entry.Name == "model.safetensors").Open());
        var header = JsonNode.Parse(weights.ReadBytes((int)weights.ReadInt64()))!;
        var lineage = (await host.Client.V2Async("model", "DescribeModel", new { modelId = version })).Result()["lineage"]!;
        header["__metadata__"]!.Text("qianfan.rows_sha256").ShouldBe(lineage.Text("rowsSha256"));
        header.AsObject().ContainsKey("model.embed_tokens.weight").ShouldBeTrue();

        await host.Client.ExportAsync(version, "gguf-q8_0");
        var gguf = await DownloadAsync(host.Client, version, "gguf-q8_0");
        gguf.ToArray().AsSpan(0, 4).SequenceEqual("GGUF"u8).ShouldBeTrue();
        await host.Client.ExportAsync(version, "adapter");
        new ZipArchive(await DownloadAsync(host.Client, version, "adapter")).Entries.Select(entry => entry.Name).ShouldBe(["README.md", "adapter_config.json", "adapter_model.safetensors"], ignoreOrder: true);
    }

    /// <summary>The bytes of an export, which are those that its checksum was told of.</summary>
    private static async Task<MemoryStream> DownloadAsync(HttpClient client, string version, string format)
    {
        var export = await client.AwaitExportAsync(version, format, "Done", "Failed");
        export.Text("status").ShouldBe("Done", export.ToJsonString());
        var bytes = await client.GetByteArrayAsync(new Uri(export.Text("downloadUrl")).AbsolutePath, TestContext.Current.CancellationToken);
        Convert.ToHexStringLower(SHA256.HashData(bytes)).ShouldBe(export.Text("sha256"));
        bytes.LongLength.ShouldBe(export["bytes"]!.GetValue<long>());
        return new MemoryStream(bytes);
    }

    private static string Rows(string answer = Answer) =>
        string.Join('\n', Enumerable.Repeat(JsonSerializer.Serialize(new[] { new { prompt = Question, response = new[] { new[] { answer } } } }), 4));

    /// <summary>The task ends well, without a gap in its events, and what it learnt answers.</summary>
    private static async Task ShowLearntAsync(PlatformHost host, string job, string task, int starts)
    {
        var done = await host.Client.AwaitTaskAsync(task, "Done", "Failed");
        done.Text("runStatus").ShouldBe("Done", done.ToJsonString());
        done["metrics"]!["trainingLoss"]!.GetValue<double>().ShouldBeLessThan(1);
        var events = await host.Client.EventsAsync(task);
        events.Select(entry => entry.Id).ShouldBe(Enumerable.Range(1, events.Count).Select(i => (long)i));
        var from = events.Where(entry => entry.Kind == "started").Select(entry => entry.Data["fromStep"]!.GetValue<int>()).ToList();
        from.Count.ShouldBe(starts);
        from[^1].ShouldBeGreaterThan(0);

        var (set, version) = await host.Client.PublishAsync(job, task);
        var service = (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        var serving = await host.Client.AwaitServiceAsync(service, "Serving", "Failed");
        serving.Text("runStatus").ShouldBe("Serving", serving.ToJsonString());
        (await AskAsync(host.Client, "mine", Question)).Trim().ShouldBe(Answer);
    }

    private static async Task<string> AskAsync(HttpClient client, string model, string question)
    {
        var chat = await client.PostAsync("/v2/chat/completions", new { model, messages = new[] { new { role = "user", content = question } }, temperature = 0, max_completion_tokens = 60 });
        return chat["choices"]![0]!["message"]!.Text("content");
    }

    private static async Task AwaitCheckpointAsync(HttpClient client, string task)
    {
        using var response = await client.GetAsync($"/v2/finetuning/tasks/{task}/events", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line == "event: checkpoint") return;
        }

        throw new InvalidOperationException("The task ended without a checkpoint: " + (await client.DescribeTaskAsync(task)).ToJsonString());
    }
}
