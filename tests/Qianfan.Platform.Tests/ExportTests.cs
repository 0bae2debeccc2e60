using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Data;
using Qianfan.Platform.Exports;
using Qianfan.Platform.Tests.Support;
using Qianfan.Platform.Workers;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>Models in other forms, and what is told of where models come from.</summary>
public sealed class ExportTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_folder_is_one_zip_file_whose_checksum_is_told()
    {
        await using var host = await PlatformHost.StartAsync();
        var (_, version) = await host.Client.ModelAsync(name: "bikes & cars/新");
        var asked = await host.Client.ExportAsync(version);
        asked.Text("exportTaskId").ShouldStartWith("amemt-");
        asked.Text("format").ShouldBe("safetensors");
        var done = await host.Client.AwaitExportAsync(version, "safetensors", "Done");
        done["progress"]!.GetValue<int>().ShouldBe(100);
        done.Text("engineVersion").ShouldBe("test");

        using var response = await host.Client.GetAsync(new Uri(done.Text("downloadUrl")).AbsolutePath, Cancel);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/zip");
        response.Content.Headers.ContentDisposition!.FileNameStar.ShouldBe("bikes---cars-新-v1.zip");
        var bytes = await response.Content.ReadAsByteArrayAsync(Cancel);
        bytes.LongLength.ShouldBe(done["bytes"]!.GetValue<long>());
        var hash = SHA256.HashData(bytes);
        done.Text("sha256").ShouldBe(Convert.ToHexStringLower(hash));
        response.Headers.GetValues("Repr-Digest").Single().ShouldBe($"sha-256=:{Convert.ToBase64String(hash)}:");

        using var zip = new ZipArchive(new MemoryStream(bytes));
        zip.Entries.Select(entry => entry.FullName).ShouldBe(["bikes---cars-新-v1/config.json", "bikes---cars-新-v1/model.safetensors"]);
        foreach (var entry in zip.Entries)
        {
            entry.CompressedLength.ShouldBe(entry.Length);
            using var reader = new StreamReader(entry.Open());
            (await reader.ReadToEndAsync(Cancel)).ShouldBe(FakeExporter.Weights);
        }

        done["files"]!.AsArray().Select(file => file!.Text("name")).ShouldBe(["config.json", "model.safetensors"]);
        // Only what is given away stays on the disk.
        Directory.GetFileSystemEntries(Path.Combine(host.Folder, "data", "exports", done.Text("exportTaskId"))).Select(Path.GetFileName).ShouldBe(["content"]);
    }

    [Fact]
    public async Task The_worker_gets_the_adapter_on_its_base_model_and_a_whole_model_alone()
    {
        await using var host = await PlatformHost.StartAsync();
        var (_, adapter) = await host.Client.ModelAsync(name: "--bikes");
        var (_, whole) = await host.Client.ModelAsync("FullFineTuning", "whole");
        await host.Client.ExportAsync(adapter, "gguf-q4_0");
        var first = await host.Workers.NextExporterAsync();
        (await host.Client.AwaitExportAsync(adapter, "gguf-q4_0", "Done")).Text("fileName").ShouldBe("--bikes-v1-q4_0.gguf");
        first.Word("--model").ShouldEndWith(Path.Combine("models", "qianfan-tiny"));
        first.Word("--adapter").ShouldEndWith(adapter);
        first.Word("--format").ShouldBe("gguf-q4_0");
        first.Word("--name").ShouldBe("--bikes");

        await host.Client.ExportAsync(whole, "gguf-q4_0");
        var second = await host.Workers.NextExporterAsync();
        await host.Client.AwaitExportAsync(whole, "gguf-q4_0", "Done");
        second.Word("--model").ShouldEndWith(whole);
        second.Word("--adapter").ShouldBeNull();
        (await host.Client.V2Async("model", "CreateModelExportTask", new { modelId = whole, format = "adapter" })).Text("message").ShouldContain("not as adapter");
        (await host.Client.V2Async("model", "CreateModelExportTask", new { modelId = whole, format = "onnx" })).Text("message").ShouldContain("gguf-q8_0");
    }

    [Fact]
    public async Task A_download_is_taken_up_where_it_broke()
    {
        await using var host = await PlatformHost.StartAsync();
        var (_, version) = await host.Client.ModelAsync();
        await host.Client.ExportAsync(version, "gguf-f16");
        var path = new Uri((await host.Client.AwaitExportAsync(version, "gguf-f16", "Done")).Text("downloadUrl")).AbsolutePath;

        using var whole = await host.Client.GetAsync(path, Cancel);
        whole.Headers.AcceptRanges.ShouldBe(["bytes"]);
        using var rest = await AskAsync(new RangeHeaderValue(8, null), new RangeConditionHeaderValue(whole.Headers.ETag!));
        rest.StatusCode.ShouldBe(HttpStatusCode.PartialContent);
        rest.Content.Headers.ContentRange!.ToString().ShouldBe($"bytes 8-{FakeExporter.Weights.Length - 1}/{FakeExporter.Weights.Length}");
        (await rest.Content.ReadAsStringAsync(Cancel)).ShouldBe(FakeExporter.Weights[8..]);
        using var other = await AskAsync(new RangeHeaderValue(8, null), new RangeConditionHeaderValue("\"other\""));
        other.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var beyond = await AskAsync(new RangeHeaderValue(1000, null), null);
        beyond.StatusCode.ShouldBe(HttpStatusCode.RequestedRangeNotSatisfiable);

        async Task<HttpResponseMessage> AskAsync(RangeHeaderValue range, RangeConditionHeaderValue? condition)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Range = range, IfRange = condition } };
            return await host.Client.SendAsync(request, Cancel);
        }
    }

    [Fact]
    public async Task Exports_run_one_after_another_and_tell_how_far_they_are()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { ExportsAlone = false });
        var (_, version) = await host.Client.ModelAsync();
        var first = (await host.Client.ExportAsync(version)).Text("exportTaskId");
        var exporter = await host.Workers.NextExporterAsync();
        var second = (await host.Client.ExportAsync(version, "gguf-f16")).Text("exportTaskId");
        // Asked for again, it is the same.
        (await host.Client.ExportAsync(version)).Text("exportTaskId").ShouldBe(first);
        while ((await ListAsync(host.Client, version))[1]!["progress"]!.GetValue<int>() != 25) await PlatformCalls.BreatheAsync();
        var list = await ListAsync(host.Client, version);
        list.Select(export => (export!.Text("exportTaskId"), export!.Text("status"))).ShouldBe([(second, "Waiting"), (first, "Running")]);
        (await host.Client.V2Async("model", "DescribeModelExportTask", new { modelId = version })).Result().Text("exportTaskId").ShouldBe(second);
        using (var early = await host.Client.GetAsync($"/v2/model/exports/{first}/content", Cancel))
            (await PlatformCalls.ReadAsync(early)).Text("code").ShouldBe("OperationConflict");

        exporter.End();
        await host.Client.AwaitExportAsync(version, "safetensors", "Done");
        (await host.Workers.NextExporterAsync()).End();
        await host.Client.AwaitExportAsync(version, "gguf-f16", "Done");
        host.Workers.Started.OfType<FakeExporter>().Count().ShouldBe(2);
    }

    [Fact]
    public async Task Many_who_ask_at_once_get_one_export()
    {
        await using var host = await PlatformHost.StartAsync();
        var (_, version) = await host.Client.ModelAsync();
        var asked = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => host.Client.ExportAsync(version, "gguf-f32")));
        asked.Select(export => export.Text("exportTaskId")).Distinct().Count().ShouldBe(1);
        await host.Client.AwaitExportAsync(version, "gguf-f32", "Done");
        host.Workers.Started.OfType<FakeExporter>().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_refused_export_says_why_and_is_tried_again_when_asked()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { ExportFault = new ExportFailed(WorkerErrors.InvalidModel, "there is no such form") });
        var (_, version) = await host.Client.ModelAsync();
        var id = (await host.Client.ExportAsync(version)).Text("exportTaskId");
        (await host.Client.AwaitExportAsync(version, "safetensors", "Failed")).Text("message").ShouldBe("there is no such form");
        host.Workers.ExportFault = null;
        (await host.Client.ExportAsync(version)).Text("exportTaskId").ShouldBe(id);
        var done = await host.Client.AwaitExportAsync(version, "safetensors", "Done");
        done["message"].ShouldBeNull();
    }

    [Fact]
    public async Task A_full_disk_is_told_without_paths()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { ExportFault = new ExportFailed(WorkerErrors.Storage, "No space left on device : '/secret/place'") });
        var (_, version) = await host.Client.ModelAsync();
        await host.Client.ExportAsync(version);
        (await host.Client.AwaitExportAsync(version, "safetensors", "Failed")).Text("message").ShouldBe("The disk is full or can't be written");
    }

    [Fact]
    public async Task A_worker_that_dies_is_followed_by_another_as_often_as_set()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { ExportsAlone = false }, configure: options => options.TrainingRetries = 1);
        var (_, version) = await host.Client.ModelAsync();
        await host.Client.ExportAsync(version);
        (await host.Workers.NextExporterAsync()).Die();
        (await host.Workers.NextExporterAsync()).End();
        await host.Client.AwaitExportAsync(version, "safetensors", "Done");

        await host.Client.ExportAsync(version, "gguf-f16");
        (await host.Workers.NextExporterAsync()).Die();
        (await host.Workers.NextExporterAsync()).Die(137, "out of memory");
        var failed = await host.Client.AwaitExportAsync(version, "gguf-f16", "Failed");
        failed.Text("message").ShouldContain("signal 9");
        Directory.GetFileSystemEntries(Path.Combine(host.Folder, "data", "exports", failed.Text("exportTaskId"))).ShouldBeEmpty();
    }

    [Fact]
    public async Task Without_an_engine_an_export_fails_at_once()
    {
        await using var host = await PlatformHost.StartAsync();
        var (_, version) = await host.Client.ModelAsync();
        host.Workers.LaunchFault = new WorkerException("There is no engine");
        await host.Client.ExportAsync(version);
        (await host.Client.AwaitExportAsync(version, "safetensors", "Failed")).Text("message").ShouldBe("There is no engine");
    }

    [Fact]
    public async Task What_the_end_of_the_platform_cut_off_starts_again()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-platform-").FullName;
        string version, id;
        await using (var host = await PlatformHost.StartAsync(new FakeWorkers { ExportsAlone = false }, folder, keepsFolder: true))
        {
            (_, version) = await host.Client.ModelAsync();
            id = (await host.Client.ExportAsync(version)).Text("exportTaskId");
            var exporter = await host.Workers.NextExporterAsync();
            await host.StopAsync();
            (await exporter.Exited).Code.ShouldBe(137);
        }

        // As a crash leaves it: running, half written, and something whose row was never stored.
        var left = Path.Combine(folder, "data", "exports", id, "attempt");
        Directory.CreateDirectory(left);
        await File.WriteAllTextAsync(Path.Combine(left, "output.unfinished"), "half", Cancel);
        Directory.CreateDirectory(Path.Combine(folder, "data", "exports", "amemt-000000000000"));
        await using (var host = await PlatformHost.StartAsync(folder: folder))
        {
            var done = await host.Client.AwaitExportAsync(version, "safetensors", "Done");
            done.Text("exportTaskId").ShouldBe(id);
            Directory.GetFileSystemEntries(Path.Combine(folder, "data", "exports")).Select(Path.GetFileName).ShouldBe([id]);
            Directory.GetFileSystemEntries(Path.Combine(folder, "data", "exports", id)).Select(Path.GetFileName).ShouldBe(["content"]);
        }
    }

    [Theory]
    [InlineData("DeleteModelExportTask")]
    [InlineData("DeleteModel")]
    [InlineData("DeleteModelSet")]
    public async Task An_export_that_is_deleted_ends_and_is_gone(string action)
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { ExportsAlone = false });
        var (set, version) = await host.Client.ModelAsync();
        await host.Client.ExportAsync(version);
        (await host.Workers.NextExporterAsync()).End();
        await host.Client.AwaitExportAsync(version, "safetensors", "Done");
        var id = (await host.Client.ExportAsync(version, "gguf-f16")).Text("exportTaskId");
        var running = await host.Workers.NextExporterAsync();

        (await host.Client.V2Async("model", action, new { exportTaskId = id, modelId = version, modelSetId = set })).Result<bool>().ShouldBeTrue();

        running.WasKilled.ShouldBeTrue();
        using (var gone = await host.Client.GetAsync($"/v2/model/exports/{id}/content", Cancel)) gone.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        var left = action == "DeleteModelExportTask" ? 1 : 0;
        Directory.GetFileSystemEntries(Path.Combine(host.Folder, "data", "exports")).Length.ShouldBe(left);
        await using (var context = await host.Services.GetRequiredService<IDbContextFactory<PlatformDbContext>>().CreateDbContextAsync(Cancel))
            (await context.Exports.CountAsync(Cancel)).ShouldBe(left);

        // And the next one runs.
        var (_, other) = await host.Client.ModelAsync(name: "other");
        await host.Client.ExportAsync(other);
        (await host.Workers.NextExporterAsync()).End();
        await host.Client.AwaitExportAsync(other, "safetensors", "Done");
    }

    [Fact]
    public async Task A_read_only_key_downloads_and_asks_for_nothing_and_another_owner_finds_nothing()
    {
        await using var host = await PlatformHost.StartAsync();
        var (_, version) = await host.Client.ModelAsync();
        await host.Client.ExportAsync(version);
        var path = new Uri((await host.Client.AwaitExportAsync(version, "safetensors", "Done")).Text("downloadUrl")).AbsolutePath;
        using var reader = host.Reader();
        using (var response = await reader.GetAsync(path, Cancel)) response.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await ListAsync(reader, version)).Count.ShouldBe(1);
        (await reader.V2Async("model", "CreateModelExportTask", new { modelId = version, format = "gguf-f16" })).Text("code").ShouldBe("AccessDenied");
        using var other = host.OtherOwner();
        using (var response = await other.GetAsync(path, Cancel))
        {
            response.StatusCode.ShouldBe(HttpStatusCode.NotFound);
            (await PlatformCalls.ReadAsync(response)).Text("message").ShouldContain("does not exist");
        }

        (await other.V2Async("model", "CreateModelExportTask", new { modelId = version })).Text("message").ShouldContain("does not exist");
    }

    [Fact]
    public async Task A_version_tells_all_that_it_came_from_also_when_the_dataset_is_gone()
    {
        await using var host = await PlatformHost.StartAsync();
        var dataset = await host.Client.DatasetAsync();
        var info = (await host.Client.V1Async("dataset/info", new { datasetId = dataset })).Result();
        var (job, task) = await host.Client.TaskAsync("LoRA", new { epoch = 3 }, dataset);
        await host.Client.AwaitTaskAsync(task, "Done");
        (await host.Client.V2Async("dataset", "DeleteDatasetVersion", new { versionId = dataset })).Result<bool>().ShouldBeTrue();
        var (_, version) = await host.Client.PublishAsync(job, task);

        var described = (await host.Client.V2Async("model", "DescribeModel", new { modelId = version })).Result();
        var lineage = described["lineage"]!;
        var from = lineage["datasets"]!.AsArray().Single()!;
        (from.Text("versionId"), from.Text("datasetId"), from.Text("name"), from["version"]!.GetValue<int>(), from["rows"]!.GetValue<int>()).ShouldBe((dataset, info.Text("groupPK"), "rows", 1, 2));
        from.Text("contentHash").Length.ShouldBe(64);
        lineage.Text("rowsSha256").ShouldBe(from.Text("contentHash"));
        lineage.Text("baseModel").ShouldBe("qianfan-tiny");
        lineage.Text("engineVersion").ShouldBe("test");
        lineage["seed"]!.GetValue<long>().ShouldBe(42);
        lineage["config"]!["epochs"]!.GetValue<int>().ShouldBe(3);
        lineage["trainingLoss"]!.GetValue<double>().ShouldBe(0.5);
        lineage["validationLoss"]!.GetValue<double>().ShouldBe(0.75);
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(host.Folder, "data", "models", version, "manifest.json"), Cancel))!;
        JsonNode.DeepEquals(manifest["lineage"], lineage).ShouldBeTrue();
    }

    [Fact]
    public async Task What_something_refers_to_stays_and_the_referrer_is_named()
    {
        await using var host = await PlatformHost.StartAsync(new FakeWorkers { TrainsAlone = false, TotalSteps = 1 });
        var dataset = await host.Client.DatasetAsync();
        var (job, task) = await host.Client.TaskAsync(dataset: dataset);
        var trainer = await host.Workers.NextTrainerAsync();
        var refused = await host.Client.V1Async("dataset/delete", new { datasetId = dataset });
        refused["code"]!.GetValue<int>().ShouldBe(510302);
        refused.Text("message").ShouldContain(task);
        var group = (await host.Client.V1Async("dataset/info", new { datasetId = dataset })).Result().Text("groupPK");
        foreach (var (action, body) in new (string, object)[] { ("DeleteDatasetVersion", new { versionId = dataset }), ("DeleteDataset", new { datasetId = group }) })
        {
            var answer = await host.Client.V2Async("dataset", action, body);
            answer.Text("code").ShouldBe("OperationConflict");
            answer.Text("message").ShouldContain(task);
        }

        trainer.Step();
        await host.Client.AwaitTaskAsync(task, "Done");
        var (set, version) = await host.Client.PublishAsync(job, task);
        var service = (await host.Client.V2Async("service", "CreateService", new { modelSetId = set, modelId = version, name = "s", urlSuffix = "mine" })).Result().Text("serviceId");
        foreach (var (action, body) in new (string, object)[] { ("DeleteModel", new { modelId = version }), ("DeleteModelSet", new { modelSetId = set }) })
        {
            var answer = await host.Client.V2Async("model", action, body);
            answer.Text("code").ShouldBe("OperationConflict");
            answer.Text("message").ShouldContain(service);
        }

        (await host.Client.V2Async("dataset", "DeleteDataset", new { datasetId = group })).Result<bool>().ShouldBeTrue();
    }

    private static async Task<JsonArray> ListAsync(HttpClient client, string version) =>
        (await client.V2Async("model", "DescribeModelExportTasks", new { modelId = version })).Result()["exportTaskList"]!.AsArray();
}
