using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using Qianfan.Portal.Data;
using Qianfan.Portal.Hosting;
using Quartz;
using Quartz.Extensibility;

namespace Qianfan.Portal.Features.Runs;

/// <summary>
/// The scheduler <c>pipelines</c>: it has a store of its own, survives crashes with it, and fires the jobs of runs. Starts when the process serves requests, since runs call its platform.
/// A sweep at start, and then twice a minute, schedules runs that need a job and have none.
/// </summary>
public sealed partial class PipelineScheduler(
    IOptions<PortalOptions> options,
    Roles roles,
    IDbContextFactory<PortalDbContext> contexts,
    IServiceScopeFactory scopes,
    ILoggerFactory loggers,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<PipelineScheduler> logger) : IHostedLifecycleService, IAsyncDisposable
{
    public const string Name = "pipelines";

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();

    private StandaloneSchedulerFactory? _factory;
    private IScheduler? _scheduler;
    private Task _sweeping = Task.CompletedTask;
    private Task? _stop;

    /// <summary>Has a run's job fired as soon as there is room. A job that is under way is fired once more when it ends.</summary>
    public async Task ScheduleAsync(Guid runId, CancellationToken cancellationToken)
    {
        // A process without the role leaves it to the sweep of one that has it.
        if (_scheduler is not { } scheduler)
            return;
        var trigger = TriggerBuilder.Create().WithIdentity(Guid.NewGuid().ToString("N"), runId.ToString("N")).ForJob(RunPipelineJob.KeyOf(runId)).StartNow().Build();
        await scheduler.ScheduleJob(RunPipelineJob.DetailOf(runId), [trigger], new ScheduleJobOptions { Replace = true }, cancellationToken);
    }

    /// <summary>Schedules every run that needs a job and has none.</summary>
    /// <returns>How many there were.</returns>
    public async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        if (_scheduler is not { } scheduler)
            return 0;
        List<Guid> open;
        await using (var db = await contexts.CreateDbContextAsync(cancellationToken))
            open = await db.Runs.Where(r => RunStatuses.Open.Contains(r.Status)).OrderBy(r => r.CreatedAt).Select(r => r.Id).ToListAsync(cancellationToken);
        var count = 0;
        foreach (var runId in open)
        {
            if (await scheduler.Exists(RunPipelineJob.KeyOf(runId), cancellationToken))
                continue;
            await ScheduleAsync(runId, cancellationToken);
            Swept(logger, runId);
            count++;
        }

        return count;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>All services have started, the server among them.</summary>
    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        if (!roles.Portal)
            return;
        _factory = QuartzSchedulerBuilder.Create(Configure).Build();
        _scheduler = await _factory.GetScheduler(cancellationToken);
        await SweepAsync(cancellationToken);
        await _scheduler.Start(cancellationToken);
        _sweeping = SweepAgainAsync(lifetime.ApplicationStopping);
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>By now the executions have been told; they write that they are interrupted. A host may be told twice to stop: both wait for the same end.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
            return (_stop ??= ShutDownAsync(cancellationToken)).WaitAsync(cancellationToken);
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_factory is not null)
            await _factory.DisposeAsync();
    }

    private async Task ShutDownAsync(CancellationToken cancellationToken)
    {
        if (_scheduler is not { } scheduler)
            return;
        await _sweeping;
        await scheduler.Shutdown(waitForJobsToComplete: true, cancellationToken);
    }

    private async Task SweepAgainAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(SweepInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                try
                {
                    await SweepAsync(cancellationToken);
                }
                catch (Exception e) when (e is SchedulerException or System.Data.Common.DbException)
                {
                    // The next one comes in half a minute.
                    SweepFailed(logger, e);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The process ends.
        }
    }

    private void Configure(IQuartzBuilder quartz)
    {
        quartz.Services.AddSingleton(loggers);
        quartz.ConfigureScheduler(scheduler => scheduler.InstanceName = Name);
        quartz.UseDefaultThreadPool(options.Value.MaxParallelRuns);
        quartz.UseJobFactory(new ScopedJobFactory(scopes));
        quartz.UsePersistentStore(store =>
        {
            store.UseSystemTextJsonSerializer();
            store.ProvisionSchema();
            if (options.Value.Database.Provider is DatabaseProvider.PostgreSql)
            {
                store.UsePostgres(NpgsqlFactory.Instance, options.Value.Database.ConnectionString);
                store.UseClustering();
            }
            else
            {
                store.UseSqlite(SqliteFactory.Instance, $"Data Source={Path.Combine(options.Value.DataDirectory, "quartz-pipelines.db")}");
            }
        });
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId} had no job; it has one now")]
    private static partial void Swept(ILogger logger, Guid runId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Runs without a job could not be looked for")]
    private static partial void SweepFailed(ILogger logger, Exception exception);
}
