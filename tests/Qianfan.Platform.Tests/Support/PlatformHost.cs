using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qianfan.Platform.Workers;

namespace Qianfan.Platform.Tests.Support;

/// <summary>A platform behind real Kestrel, with real SQLite in a folder of its own and fake workers.</summary>
internal sealed class PlatformHost : IAsyncDisposable
{
    public const string AccessKey = "ALTAKtest";
    public const string SecretKey = "secret/with-slash-0123456789";

    private readonly WebApplication _app;
    private readonly bool _keepsFolder;

    private PlatformHost(WebApplication app, string folder, FakeWorkers workers, bool keepsFolder)
    {
        (_app, Folder, Workers, _keepsFolder) = (app, folder, workers, keepsFolder);
        Client = CreateClient($"bce-v3/{AccessKey}/{SecretKey}");
    }

    public string Folder { get; }

    public FakeWorkers Workers { get; }

    /// <summary>Calls with the key of owner "one".</summary>
    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public Uri Address => new(_app.Urls.Single());

    public static async Task<PlatformHost> StartAsync(
        FakeWorkers? workers = null, string? folder = null, bool keepsFolder = false, Action<PlatformOptions>? configure = null, TimeProvider? time = null, RealEngine? engine = null, Action<IServiceCollection>? services = null)
    {
        workers ??= new FakeWorkers();
        folder ??= Directory.CreateTempSubdirectory("qianfan-platform-").FullName;
        if (engine is null) WriteBaseModel(folder);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Logging.AddProvider(new TestLogs(TestContext.Current.TestOutputHelper));
        if (time is not null) builder.Services.AddSingleton(time);
        if (engine is null) builder.Services.AddSingleton<IWorkerLauncher>(workers);
        else builder.Services.AddSingleton<IWorkerLauncher>(engine.Create);
        builder.Services.AddQianfanPlatform(options =>
        {
            options.DataDirectory = Path.Combine(folder, "data");
            options.PublicUrl = "http://platform.test";
            options.MaxFileBytes = 1 << 20;
            options.MaxRequestBytes = 64 << 10;
            options.EngineDirectory = engine?.Directory ?? Path.Combine(folder, "engine");
            options.WorkerStopTimeout = TimeSpan.FromSeconds(1);
            options.Keys.Add(new ConfiguredKey { AccessKey = AccessKey, SecretKey = SecretKey, OwnerId = "one" });
            options.Keys.Add(new ConfiguredKey { AccessKey = "ALTAKother", SecretKey = "other-secret-0123456789", OwnerId = "two" });
            options.Keys.Add(new ConfiguredKey { AccessKey = "ALTAKreader", SecretKey = "reader-secret-0123456789", OwnerId = "one", ReadOnly = true });
            options.Keys.Add(new ConfiguredKey { AccessKey = "ALTAKcaller", SecretKey = "caller-secret-0123456789", OwnerId = "one", Scopes = KeyScopes.Inference });
            configure?.Invoke(options);
        });
        services?.Invoke(builder.Services);
        var app = builder.Build();
        app.MapQianfanPlatform();
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new PlatformHost(app, folder, workers, keepsFolder);
    }

    /// <summary>A client with another bearer value, or none.</summary>
    public HttpClient CreateClient(string? bearer)
    {
        var client = new HttpClient { BaseAddress = Address };
        if (bearer is not null) client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        return client;
    }

    public HttpClient OtherOwner() => CreateClient("bce-v3/ALTAKother/other-secret-0123456789");

    /// <summary>A program of owner "one" that may call models, and nothing else.</summary>
    public HttpClient Caller() => CreateClient("bce-v3/ALTAKcaller/caller-secret-0123456789");

    public HttpClient Reader() => CreateClient("bce-v3/ALTAKreader/reader-secret-0123456789");

    /// <summary>Ends the host as a termination signal does.</summary>
    public Task StopAsync() => _app.StopAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        if (_keepsFolder) return;
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>The body of an upload.</summary>
    public static MultipartFormDataContent Upload(string text, string name = "rows.jsonl") => new()
    {
        { new StringContent("fine-tune"), "purpose" },
        { new ByteArrayContent(Encoding.UTF8.GetBytes(text)), "file", name },
    };

    private static void WriteBaseModel(string folder)
    {
        var model = Directory.CreateDirectory(Path.Combine(folder, "engine", "models", "qianfan-tiny")).FullName;
        File.WriteAllText(Path.Combine(model, "qianfan.json"), """
            {
              "displayName": "Qianfan Tiny", "description": "For tests", "contextLength": 512, "defaultParameterScale": "FullFineTuning",
              "parameterScales": {
                "FullFineTuning": { "epoch": { "default": 20, "min": 1, "max": 200 }, "learningRate": { "default": 0.001, "min": 0.000001, "max": 0.01 }, "maxSeqLen": { "default": 512, "choices": [128, 256, 512] } },
                "LoRA": { "epoch": { "default": 30, "min": 1, "max": 200 }, "loraRank": { "default": 16, "choices": [8, 16] } }
              }
            }
            """);
    }

    /// <summary>What the platform logs stands in the output of a test that fails.</summary>
    private sealed class TestLogs(ITestOutputHelper? output) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => new Logger(categoryName, output);

        public void Dispose()
        {
        }

        private sealed class Logger(string category, ITestOutputHelper? output) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                if (IsEnabled(logLevel)) output?.WriteLine($"{logLevel} {category}: {formatter(state, exception)} {exception}");
            }
        }
    }
}
