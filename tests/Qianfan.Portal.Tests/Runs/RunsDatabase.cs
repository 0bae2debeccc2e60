using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Runs;

/// <summary>A real SQLite database in a folder of its own, with two teams, and the store and feed on it.</summary>
public sealed class RunsDatabase : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("runs-").FullName;

    private RunsDatabase()
    {
        Contexts = new PortalDbContextFactory(Options.Create(new PortalOptions { DataDirectory = _folder }));
        Feed = new RunEventFeed(new RunEventReader(Contexts), Lifetime, TimeProvider.System);
        Store = new RunEventStore(Contexts, Feed, TimeProvider.System, NullLogger<RunEventStore>.Instance);
    }

    public PortalDbContextFactory Contexts { get; }
    internal TestLifetime Lifetime { get; } = new();
    public RunEventFeed Feed { get; }
    public RunEventStore Store { get; }
    internal SecretProtector Secrets { get; } = new(new Microsoft.AspNetCore.DataProtection.EphemeralDataProtectionProvider());
    public Tenant Ours { get; private set; } = null!;
    public Tenant Theirs { get; private set; } = null!;

    public static async Task<RunsDatabase> CreateAsync()
    {
        var database = new RunsDatabase();
        await using (var db = database.Contexts.CreateDbContext())
            await db.Database.MigrateAsync();
        database.Ours = await database.AddTenantAsync("ours");
        database.Theirs = await database.AddTenantAsync("theirs");
        return database;
    }

    public async Task<Run> AddRunAsync(RunStatus status = RunStatus.Running, Tenant? tenant = null, string name = "a run")
    {
        tenant ??= Ours;
        await using var db = Contexts.CreateDbContext();
        var run = new Run
        {
            ProjectId = tenant.ProjectId,
            ConnectionId = tenant.ConnectionId,
            DatasetId = tenant.DatasetId,
            Name = name,
            Status = status,
            Attempt = 1,
            BaseModel = "qianfan-tiny",
            CreatedAt = TimeProvider.System.GetUtcNow(),
            ConfigJson = new RunConfig { Name = name, BaseModel = "qianfan-tiny", DatasetPlatformId = "ds-1" }.ToJson(),
        };
        db.Runs.Add(run);
        await db.SaveChangesAsync();
        return run;
    }

    public async Task<Run> LoadAsync(Guid runId)
    {
        await using var db = Contexts.CreateDbContext();
        return await db.Runs.AsNoTracking().SingleAsync(r => r.Id == runId);
    }

    public async Task<List<RunEvent>> EventsAsync(Guid runId)
    {
        await using var db = Contexts.CreateDbContext();
        return await db.RunEvents.AsNoTracking().Where(e => e.RunId == runId).OrderBy(e => e.Sequence).ToListAsync();
    }

    public static RunEventDraft Metric(int step) => new(RunEventKind.Metric, RunActions.TrainAction, null, step, $$"""{"step":{{step}},"loss":1.5}""");

    public Task<long> AppendMetricsAsync(Guid runId, int from, int count) =>
        Store.AppendAsync(new RunAppend { RunId = runId, Attempt = 1, Events = [.. Enumerable.Range(from, count).Select(Metric)] }, CancellationToken.None);

    public ValueTask DisposeAsync()
    {
        Store.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task<Tenant> AddTenantAsync(string name)
    {
        await using var db = Contexts.CreateDbContext();
        var now = TimeProvider.System.GetUtcNow();
        var user = new PortalUser { Id = Guid.CreateVersion7(), UserName = $"{name}@example.org", Email = $"{name}@example.org", CreatedAt = now };
        var viewer = new PortalUser { Id = Guid.CreateVersion7(), UserName = $"viewer-{name}@example.org", Email = $"viewer-{name}@example.org", CreatedAt = now };
        var team = new Team { Name = name, CreatedAt = now };
        team.Memberships.Add(new Membership { UserId = user.Id, Role = TeamRole.Member, JoinedAt = now });
        team.Memberships.Add(new Membership { UserId = viewer.Id, Role = TeamRole.Viewer, JoinedAt = now });
        var project = new Project { Team = team, Name = "project", CreatedAt = now };
        var connection = new Connection { Project = project, Name = "Embedded", AccessKey = $"ak-{name}", ProtectedSecretKey = Secrets.Protect("sk"), CreatedAt = now };
        var dataset = new Dataset { Project = project, Connection = connection, Name = "rows", PlatformId = "ds-1", FileName = "rows.jsonl", Format = "OpenAiMessages", GoodRows = 200, ContentHash = "00", CreatedAt = now };
        db.AddRange(user, viewer, team, project, connection, dataset);
        await db.SaveChangesAsync();
        return new Tenant(
            new Actor(ActorKind.User, user.Id, user.UserName!),
            new Actor(ActorKind.User, viewer.Id, viewer.UserName!),
            project.Id,
            connection.Id,
            dataset.Id);
    }
}

/// <summary>A team with a project.</summary>
public sealed record Tenant(Actor Member, Actor Viewer, Guid ProjectId, Guid ConnectionId, Guid DatasetId);

/// <summary>An application that a test stops.</summary>
internal sealed class TestLifetime : IHostApplicationLifetime
{
    private readonly CancellationTokenSource _stopping = new();

    public CancellationToken ApplicationStarted => CancellationToken.None;
    public CancellationToken ApplicationStopping => _stopping.Token;
    public CancellationToken ApplicationStopped => CancellationToken.None;

    public void StopApplication() => _stopping.Cancel();
}
