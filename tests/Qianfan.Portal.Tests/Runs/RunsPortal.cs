using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Hosting;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Portal.Tests.Runs;

/// <summary>A portal whose built-in platform is a scripted one. Several can follow each other on one folder.</summary>
internal sealed class RunsPortal : IAsyncDisposable
{
    private readonly PortalFactory _factory;

    private RunsPortal(ScriptedPlatform platform, PortalFactory factory) => (Platform, _factory) = (platform, factory);

    public ScriptedPlatform Platform { get; }
    public PortalFactory Factory => _factory;
    public Actor Owner { get; private set; } = null!;
    public RunService Runs => _factory.Get<RunService>();
    public PipelineScheduler Scheduler => _factory.Get<PipelineScheduler>();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<RunsPortal> StartAsync(ScriptedPlatform platform, string folder, int maxParallelRuns = 50)
    {
        var factory = new PortalFactory
        {
            Folder = folder,
            ConfigureServices = services => services.AddHttpClient(PlatformHosting.EmbeddedClient).ConfigurePrimaryHttpMessageHandler(() => platform),
        };
        factory.Settings["Portal:MaxParallelRuns"] = maxParallelRuns.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var portal = new RunsPortal(platform, factory);
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        portal.Owner = await factory.ActorAsync();
        TestContext.Current.TestOutputHelper?.WriteLine($"The portal took {System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s to start.");
        return portal;
    }

    public async Task<Guid> AddDatasetAsync(int goodRows = 200, Guid? projectId = null, string name = "rows")
    {
        await using var db = _factory.Db();
        var project = projectId ?? _factory.ProjectId;
        var dataset = new Dataset
        {
            ProjectId = project,
            ConnectionId = await db.Connections.Where(c => c.ProjectId == project).Select(c => c.Id).FirstAsync(Cancel),
            Name = name,
            PlatformId = "ds-1",
            FileName = "rows.jsonl",
            Format = "OpenAiMessages",
            GoodRows = goodRows,
            ContentHash = "00",
            CreatedAt = TimeProvider.System.GetUtcNow(),
        };
        db.Datasets.Add(dataset);
        await db.SaveChangesAsync(Cancel);
        return dataset.Id;
    }

    public static RunConfig Config(Guid datasetId, string name = "my run") => new() { Name = name, DatasetId = datasetId, BaseModel = "qianfan-tiny", ModelName = "my model", ServiceName = "my service" };

    public async Task<Guid> StartRunAsync(string name = "my run")
    {
        await using var db = _factory.Db();
        var dataset = await db.Datasets.Where(d => d.ProjectId == _factory.ProjectId).Select(d => (Guid?)d.Id).FirstOrDefaultAsync(Cancel) ?? await AddDatasetAsync();
        return await Runs.StartAsync(Owner, _factory.ProjectId, Config(dataset, name), Cancel);
    }

    public async Task<Run> LoadAsync(Guid runId)
    {
        await using var db = _factory.Db();
        return await db.Runs.AsNoTracking().SingleAsync(r => r.Id == runId, Cancel);
    }

    public async Task<List<RunEvent>> EventsAsync(Guid runId)
    {
        await using var db = _factory.Db();
        return await db.RunEvents.AsNoTracking().Where(e => e.RunId == runId).OrderBy(e => e.Sequence).ToListAsync(Cancel);
    }

    /// <summary>Listens until the run has told of something.</summary>
    public async Task UntilAsync(Guid runId, Func<RunEventMessage, bool> told, long after = 0)
    {
        // Far more than any of it takes: what never comes ends the test with what the run has told.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        List<RunEventMessage> heard = [];
        try
        {
            await foreach (var events in _factory.Get<RunEventFeed>().ReadAsync(runId, after, patience.Token))
            {
                heard.AddRange(events);
                if (events.Any(told))
                    return;
            }
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            // Told below.
        }

        throw new InvalidOperationException("The run did not tell it, but: " + string.Join('\n', heard.TakeLast(20)));
    }

    public Task UntilAsync(Guid runId, RunStatus status, long after = 0) =>
        UntilAsync(runId, e => e is { Kind: RunEventKind.Status, ActionClass: null } && JsonNode.Parse(e.Data)!["status"]!.GetValue<string>() == status.ToString(), after);

    /// <summary>Checks what must hold for every run at any time: no gap and no duplicate, neither in its own numbers nor in the platform's.</summary>
    public async Task ShouldHaveNoGapAsync(Guid runId)
    {
        var events = await EventsAsync(runId);
        events.Select(e => e.Sequence).ShouldBe(Enumerable.Range(1, events.Count).Select(n => (long)n));
        var told = events.Select(e => JsonNode.Parse(e.DataJson)!["taskSequence"]?.GetValue<int>()).OfType<int>().ToList();
        told.ShouldBe(Enumerable.Range(1, told.Count));
        (await LoadAsync(runId)).LastSequence.ShouldBe(events.Count);
    }

    public async ValueTask DisposeAsync()
    {
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        await _factory.DisposeAsync();
        TestContext.Current.TestOutputHelper?.WriteLine($"The portal took {System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds:F1} s to end.");
    }
}

/// <summary>A folder that is gone with the test.</summary>
internal sealed class TestFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("runs-portal-").FullName;

    /// <summary>The folder as it lies on the disk in this moment: what a process that is killed now leaves behind.</summary>
    public TestFolder AsIfKilledNow()
    {
        var copy = new TestFolder();
        // SQLite takes its log away with the last connection, which a test beside this one may close: these stay until all is copied.
        using var pinned = new DatabasePins(Path);
        foreach (var file in Directory.EnumerateFiles(Path).Where(f => !f.EndsWith(".sock", StringComparison.Ordinal) && !f.EndsWith("-shm", StringComparison.Ordinal) && !f.EndsWith(".lock", StringComparison.Ordinal)))
            File.Copy(file, System.IO.Path.Combine(copy.Path, System.IO.Path.GetFileName(file)));
        return copy;
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(Path, recursive: true);
    }
}

/// <summary>Keeps the databases of a folder, and their logs, where they are: a reader in each.</summary>
internal sealed class DatabasePins : IDisposable
{
    private readonly List<SqliteConnection> _readers = [];

    public DatabasePins(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*.db"))
        {
            var reader = new SqliteConnection($"Data Source={file};Pooling=False");
            _readers.Add(reader);
            reader.Open();
            using var begin = reader.CreateCommand();
            begin.CommandText = "BEGIN; SELECT count(*) FROM sqlite_master;";
            begin.ExecuteScalar();
        }
    }

    public void Dispose() => _readers.ForEach(reader => reader.Dispose());
}
