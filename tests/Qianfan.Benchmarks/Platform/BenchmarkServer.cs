using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Qianfan.Platform;

namespace Qianfan.Benchmarks.Platform;

/// <summary>The platform behind real Kestrel in a child process, with a bare endpoint beside it. The child ends when its input does.</summary>
internal sealed class BenchmarkServer : IAsyncDisposable
{
    public const string FolderVariable = "QIANFAN_BENCHMARK_FOLDER";
    public const string AccessKey = "ALTAKbenchmark";
    public const string SecretKey = "benchmark-secret-0123456789";

    private readonly Process _process;

    private BenchmarkServer(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    public static async Task<BenchmarkServer> StartAsync(string folder)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["platform"]) { RedirectStandardInput = true, RedirectStandardOutput = true, Environment = { [FolderVariable] = folder } };
        var process = Process.Start(start) ?? throw new InvalidOperationException("The server did not start.");
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (Uri.TryCreate(line, UriKind.Absolute, out var address))
            {
                return new BenchmarkServer(process, address);
            }
        }

        throw new InvalidOperationException("The server ended before it listened.");
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

    /// <summary>The child's side.</summary>
    public static async Task RunAsync(string folder)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddQianfanPlatform(options =>
        {
            options.DataDirectory = Path.Combine(folder, "data");
            options.EngineDirectory = Path.Combine(folder, "engine");
            options.PublicUrl = "http://127.0.0.1";
            options.MaxFileBytes = 64L << 30;
            options.Keys.Add(new ConfiguredKey { AccessKey = AccessKey, SecretKey = SecretKey });
        });
        var app = builder.Build();
        app.MapQianfanPlatform();
        app.MapPost("/bare", (HttpContext context) => WriteAsync(context, Path.Combine(folder, "bare")));
        await app.StartAsync();
        Console.WriteLine(app.Urls.Single());
        await Console.In.ReadToEndAsync();
        await app.StopAsync();
    }

    /// <summary>The body, on the disk: what no upload can do without.</summary>
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
}
