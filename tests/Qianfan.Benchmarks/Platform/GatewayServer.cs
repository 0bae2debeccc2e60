using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Qianfan.Platform;
using Qianfan.Platform.Workers;

namespace Qianfan.Benchmarks.Platform;

/// <summary>The platform with a stub worker process, and beside it a bare endpoint that reads a chat body and answers the same text. A process of its own; its first line is its address.</summary>
internal static class GatewayServer
{
    public const string Key = "bce-v3/ALTAKbench/benchmark-secret-0123456789";

    public static async Task<int> RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-bench-").FullName;
        try
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            builder.Services.AddSingleton<IWorkerLauncher, StubLauncher>();
            WriteBaseModel(folder);
            builder.Services.AddQianfanPlatform(options =>
            {
                options.DataDirectory = Path.Combine(folder, "data");
                options.EngineDirectory = Path.Combine(folder, "engine");
                options.PublicUrl = "http://localhost";
                options.Trainer = false;
                // Limits that are never reached, so that what they cost is measured too.
                options.Keys.Add(new ConfiguredKey
                {
                    AccessKey = "ALTAKbench", SecretKey = "benchmark-secret-0123456789", OwnerId = "bench", RequestsPerMinute = 100_000_000, TokensPerMinute = 1_000_000_000,
                });
            });
            await using var app = builder.Build();
            app.MapPost("/bare", async (HttpContext context) =>
            {
                var body = await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
                return Results.Json(new { model = (string?)body!["model"], choices = new[] { new { index = 0, message = new { role = "assistant", content = "Hello from the stub." }, finish_reason = "stop" } } });
            });
            app.MapQianfanPlatform();
            await app.StartAsync();
            await Console.Out.WriteLineAsync(app.Urls.Single());
            // The end of its input is the end of the measurement.
            await Console.In.ReadToEndAsync();
            await app.StopAsync();
            return 0;
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>This program once more, in another mode.</summary>
    public static ProcessStartInfo Self(string mode)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(GatewayServer).Assembly.Location);
        start.ArgumentList.Add("platform");
        start.ArgumentList.Add(mode);
        return start;
    }

    private static void WriteBaseModel(string folder)
    {
        var model = Directory.CreateDirectory(Path.Combine(folder, "engine", "models", "qianfan-tiny")).FullName;
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
            var start = Self("stub-worker");
            start.RedirectStandardError = true;
            start.StandardErrorEncoding = Encoding.UTF8;
            return WorkerProcess.Start(start, background: false, NullLogger.Instance);
        }
    }
}
