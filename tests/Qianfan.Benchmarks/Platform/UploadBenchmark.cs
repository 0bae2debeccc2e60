using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Qianfan.Benchmarks.Sdk;

namespace Qianfan.Benchmarks.Platform;

/// <summary>A large JSONL file on its way into a dataset: uploaded, read, checked and converted; beside a server that only writes the body to the disk.</summary>
internal static class UploadBenchmark
{
    public static async Task ReportAsync(int rounds, int megabytes)
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-benchmark-").FullName;
        try
        {
            var path = Path.Combine(folder, "rows.jsonl");
            var rows = await ValidationBenchmark.WriteAsync(path, megabytes * 1_000_000L);
            var size = new FileInfo(path).Length / 1e6;
            await using var server = await BenchmarkServer.StartAsync(folder);
            using var client = new HttpClient { BaseAddress = server.Address, Timeout = Timeout.InfiniteTimeSpan };
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", BenchmarkServer.Key);
            var (whole, upload, import, bare, cpu) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
            var (idle, peak, barePeak) = (0L, 0L, 0L);
            // The first round warms up, with a file of a few rows.
            var small = Path.Combine(folder, "small.jsonl");
            var smallRows = await ValidationBenchmark.WriteAsync(small, 2_000_000);
            for (var round = 0; round <= rounds; round++)
            {
                var (file, expected) = round == 0 ? (small, smallRows) : (path, rows);
                var (bareSeconds, bareMemory) = await WatchAsync(server, () => BareAsync(client, file));
                var before = server.Look().Cpu;
                var (uploadSeconds, importSeconds) = (0.0, 0.0);
                var (seconds, memory) = await WatchAsync(server, async () => (uploadSeconds, importSeconds) = await ImportAsync(client, file, expected));
                if (round == 0)
                {
                    idle = server.Look().WorkingSet;
                    continue;
                }

                cpu.Add(size / (server.Look().Cpu - before).TotalSeconds);
                whole.Add(size / seconds);
                upload.Add(size / uploadSeconds);
                import.Add(size / importSeconds);
                bare.Add(size / bareSeconds);
                (peak, barePeak) = (Math.Max(peak, memory), Math.Max(barePeak, bareMemory));
            }

            Figures.Print(
                "upload",
                ("mb_per_second", Math.Round(Figures.Median(whole))),
                ("upload_mb_per_second", Math.Round(Figures.Median(upload))),
                ("import_mb_per_second", Math.Round(Figures.Median(import))),
                ("mb_per_server_cpu_second", Math.Round(Figures.Median(cpu))),
                ("bare_upload_mb_per_second", Math.Round(Figures.Median(bare))),
                ("file_mb", Math.Round(size)),
                ("rows", rows + 1),
                ("idle_working_set_mb", Math.Round(idle / 1e6)),
                ("above_idle_mb", Math.Round((peak - idle) / 1e6)),
                ("bare_above_idle_mb", Math.Round((barePeak - idle) / 1e6)),
                ("target", "100 MB/s or more with validation, under 150 MB above idle"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task BareAsync(HttpClient client, string path)
    {
        await using var file = Open(path);
        using var response = await client.PostAsync(BenchmarkServer.BareUpload, new StreamContent(file, 128 * 1024));
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Upload and import, until the rows are there.</summary>
    private static async Task<(double Upload, double Import)> ImportAsync(HttpClient client, string path, long rows)
    {
        var started = Stopwatch.GetTimestamp();
        await using var file = Open(path);
        using var form = new MultipartFormDataContent { { new StringContent("fine-tune"), "purpose" }, { new StreamContent(file, 128 * 1024), "file", "rows.jsonl" } };
        using var response = await client.PostAsync("/v1/files", form);
        var fileId = (await ReadAsync(response))["id"]!.GetValue<string>();
        var upload = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var created = await PostAsync(client, "dataset/create", new { name = "rows", versionId = 1, projectType = 20, templateType = 2000, dataType = 4, storageType = "sysBos" });
        var datasetId = created["result"]!["datasetId"]!.GetValue<string>();
        await PostAsync(client, "dataset/import", new { datasetId, files = new[] { fileId } });
        JsonNode info;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        do
        {
            await timer.WaitForNextTickAsync();
            info = (await PostAsync(client, "dataset/info", new { datasetId }))["result"]!["versionInfo"]!;
        }
        while (info["importStatus"]!.GetValue<int>() == 1);
        var whole = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (info["entityCount"]!.GetValue<long>() != rows || info["refusedEntityCount"]!.GetValue<long>() != 1)
        {
            throw new InvalidOperationException(info.ToJsonString());
        }

        await PostAsync(client, "dataset/delete", new { datasetId });
        using var deleted = await client.DeleteAsync("/v1/files/" + fileId);
        deleted.EnsureSuccessStatusCode();
        return (upload, whole - upload);
    }

    private static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);

    private static async Task<JsonNode> PostAsync(HttpClient client, string path, object body)
    {
        using var response = await client.PostAsJsonAsync("/wenxinworkshop/" + path, body);
        return await ReadAsync(response);
    }

    private static async Task<JsonNode> ReadAsync(HttpResponseMessage response) =>
        JsonNode.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()) ?? throw new InvalidOperationException("The answer is null.");

    private static async Task<(double Seconds, long Peak)> WatchAsync(BenchmarkServer server, Func<Task> action)
    {
        using var done = new CancellationTokenSource();
        var watching = PeakAsync(server, done.Token);
        var started = Stopwatch.GetTimestamp();
        await action();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        await done.CancelAsync();
        return (seconds, await watching);
    }

    private static async Task<long> PeakAsync(BenchmarkServer server, CancellationToken cancellationToken)
    {
        var peak = 0L;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        try
        {
            do
            {
                peak = Math.Max(peak, server.Look().WorkingSet);
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException)
        {
            // What was watched is over.
        }

        return peak;
    }
}
