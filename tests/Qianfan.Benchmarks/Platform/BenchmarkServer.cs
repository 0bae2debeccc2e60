using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qianfan.Platform;
using Qianfan.Platform.Workers;

namespace Qianfan.Benchmarks.Platform;

/// <summary>What the server's process has used since its start.</summary>
internal sealed record ServerRuntime(int Gen0, double PauseMilliseconds, double AllocatedMegabytes, double CpuMilliseconds)
{
    public static ServerRuntime Now() => new(
        GC.CollectionCount(0), GC.GetTotalPauseDuration().TotalMilliseconds, GC.GetTotalAllocatedBytes() / 1e6, Environment.CpuUsage.TotalTime.TotalMilliseconds);

    public ServerRuntime Since(ServerRuntime before) => new(
        Gen0 - before.Gen0, PauseMilliseconds - before.PauseMilliseconds, AllocatedMegabytes - before.AllocatedMegabytes, CpuMilliseconds - before.CpuMilliseconds);
}

/// <summary>The platform behind real Kestrel in a child process, with a stub of a worker in another, and bare endpoints beside it. The child ends when its input does.</summary>
internal sealed class BenchmarkServer : IAsyncDisposable
{
    public const string Mode = "server";
    public const string Model = "qianfan-tiny";

    /// <summary>What a client sends as its bearer token.</summary>
    public const string Key = $"bce-v3/{AccessKey}/{SecretKey}";

    /// <summary>Writes the body to the disk: what no upload can do without.</summary>
    public const string BareUpload = "/bare/upload";

    /// <summary>Reads a chat body and answers the text that the stub answers.</summary>
    public const string BareChat = "/bare/chat";

    /// <summary>What the server's runtime has collected so far.</summary>
    public const string Runtime = "/bare/runtime";

    private const string AccessKey = "ALTAKbenchmark";
    private const string SecretKey = "benchmark-secret-0123456789";
    private const string FolderVariable = "QIANFAN_BENCHMARK_FOLDER";

    private readonly Process _process;

    private BenchmarkServer(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    public static async Task<BenchmarkServer> StartAsync(string folder)
    {
        var start = Self(Mode);
        start.Environment[FolderVariable] = folder;
        var process = Process.Start(start) ?? throw new InvalidOperationException("The server did not start.");
        var address = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server ended before it listened.");
        return new BenchmarkServer(process, new Uri(address));
    }

    /// <summary>Processor time and memory of the server.</summary>
    public (TimeSpan Cpu, long WorkingSet) Look()
    {
        _process.Refresh();
        return (_process.TotalProcessorTime, _process.WorkingSet64);
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>The child's side. Its first line is its address.</summary>
    public static async Task RunAsync()
    {
        var folder = Environment.GetEnvironmentVariable(FolderVariable) ?? throw new InvalidOperationException("Started by the benchmarks, not by people.");
        WriteBaseModel(folder);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IWorkerLauncher, StubLauncher>();
        builder.Services.AddQianfanPlatform(options =>
        {
            options.DataDirectory = Path.Combine(folder, "data");
            options.EngineDirectory = Path.Combine(folder, "engine");
            options.PublicUrl = "http://127.0.0.1";
            options.Trainer = false;
            options.MaxFileBytes = 64L << 30;
            // Limits that are never reached, so that what they cost is measured too.
            options.Keys.Add(new ConfiguredKey { AccessKey = AccessKey, SecretKey = SecretKey, RequestsPerMinute = 100_000_000, TokensPerMinute = 1_000_000_000 });
        });
        await using var app = builder.Build();
        app.MapQianfanPlatform();
        app.MapPost(BareUpload, (HttpContext context) => WriteAsync(context, Path.Combine(folder, "bare")));
        app.MapPost(BareChat, async (HttpContext context) =>
        {
            var body = await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
            return Results.Json(new { model = (string?)body!["model"], choices = new[] { new { index = 0, message = new { role = "assistant", content = StubWorker.Answer }, finish_reason = "stop" } } });
        });
        app.MapGet(Runtime, () => Results.Json(ServerRuntime.Now()));
        await app.StartAsync();
        await Console.Out.WriteLineAsync(app.Urls.Single());
        await Console.In.ReadToEndAsync();
        await app.StopAsync();
    }

    /// <summary>This program once more, in another mode.</summary>
    private static ProcessStartInfo Self(string mode)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(BenchmarkServer).Assembly.Location);
        start.ArgumentList.Add("platform");
        start.ArgumentList.Add(mode);
        return start;
    }

    private static async Task WriteAsync(HttpContext context, string path)
    {
        context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = null;
        await using (var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 128 * 1024, FileOptions.Asynchronous))
        {
            await context.Request.Body.CopyToAsync(file, 128 * 1024, context.RequestAborted);
            file.Flush(flushToDisk: true);
        }

        File.Delete(path);
    }

    private static void WriteBaseModel(string folder)
    {
        var model = Directory.CreateDirectory(Path.Combine(folder, "engine", "models", Model)).FullName;
        File.WriteAllText(Path.Combine(model, "qianfan.json"), """
            {
              "displayName": "Qianfan Tiny", "description": "For benchmarks", "contextLength": 4096, "defaultParameterScale": "FullFineTuning",
              "parameterScales": { "FullFineTuning": { "epoch": { "default": 20, "min": 1, "max": 200 }, "learningRate": { "default": 0.001, "min": 0.000001, "max": 0.01 }, "maxSeqLen": { "default": 512, "choices": [128, 256, 512] } } }
            }
            """);
    }

    private sealed class StubLauncher : IWorkerLauncher
    {
        public IWorker Launch(WorkerMode mode, IReadOnlyList<string>? arguments = null)
        {
            if (mode != WorkerMode.Serve) throw new WorkerException("This stub only serves.");
            var start = Self(StubWorker.Mode);
            start.RedirectStandardError = true;
            start.StandardErrorEncoding = Encoding.UTF8;
            return WorkerProcess.Start(start, background: false, NullLogger.Instance);
        }
    }
}
