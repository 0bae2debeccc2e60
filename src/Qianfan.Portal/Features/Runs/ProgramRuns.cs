using System.Data.Common;
using System.Net;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Hosting;
using Qianfan.Portal.Security;
using Qianfan.Sdk;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>
/// Gives each noted task of a program a run that follows it: at once when the platform says that it is in the queue, else with a sweep at start and twice a minute.
/// From there on it is a run like any other, but that nothing on the platform is ever touched. Thread-safe.
/// </summary>
public sealed partial class ProgramRuns(
    IDbContextFactory<PortalDbContext> contexts,
    RunEventStore store,
    RunEventFeed feed,
    PipelineScheduler scheduler,
    PlatformClients clients,
    Roles roles,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<ProgramRuns> logger) : IHostedLifecycleService
{
    /// <summary>How long a task that the platform doesn't know may still come: far more than lies between its note and its row.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(30);

    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private Task _working = Task.CompletedTask;

    /// <summary>Has the noted tasks looked at now.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    /// <summary>Looks at every noted task.</summary>
    /// <returns>How many runs were made or go on again.</returns>
    public async Task<int> SweepAsync(CancellationToken cancellationToken)
    {
        List<ProgramTask> noted;
        await using (var db = await contexts.CreateDbContextAsync(cancellationToken))
            noted = await db.ProgramTasks.AsNoTracking().OrderBy(t => t.AnnouncedAt).ToListAsync(cancellationToken);
        var count = 0;
        foreach (var task in noted)
        {
            try
            {
                count += await FollowAsync(task, cancellationToken) ? 1 : 0;
            }
            catch (Exception e) when (e is QianfanException or NotFoundException or DbUpdateException or Quartz.SchedulerException)
            {
                // One task must not keep the others from their runs. The next sweep tries again, if another node has not done it already.
                NotFollowed(logger, e, task.TaskId);
            }
        }

        return count;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>All services have started, the server with the platform among them.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        if (roles.Portal)
            _working = WorkAsync(lifetime.ApplicationStopping);
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => _working.WaitAsync(cancellationToken);

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        await using var timer = time.CreateTimer(_ => Wake(), null, TimeSpan.Zero, SweepInterval);
        try
        {
            while (await _wake.Reader.WaitToReadAsync(cancellationToken))
            {
                _wake.Reader.TryRead(out _);
                try
                {
                    await SweepAsync(cancellationToken);
                }
                catch (DbException e)
                {
                    // The next one comes in half a minute.
                    SweepFailed(logger, e);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The process ends.
        }
    }

    private async Task<bool> FollowAsync(ProgramTask noted, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var known = await db.Runs.AsNoTracking().SingleOrDefaultAsync(r => r.ConnectionId == noted.ConnectionId && r.TaskId == noted.TaskId, cancellationToken);
        if (known is not null)
            return await GoOnAsync(known, noted, cancellationToken);
        var client = await clients.ForAsync(noted.ConnectionId, cancellationToken);
        FineTuningTask task;
        try
        {
            task = await client.FineTuning.DescribeTaskAsync(noted.TaskId, cancellationToken);
        }
        catch (QianfanApiException e) when (e is { StatusCode: HttpStatusCode.NotFound } and not QianfanAuthenticationException)
        {
            // The platform is about to store it, or died before it did.
            if (time.GetUtcNow() - noted.AnnouncedAt > Patience)
                await db.ProgramTasks.Where(t => t.ConnectionId == noted.ConnectionId && t.TaskId == noted.TaskId).ExecuteDeleteAsync(cancellationToken);
            return false;
        }

        var projectId = await db.Connections.Where(c => c.Id == noted.ConnectionId).Select(c => c.ProjectId).SingleAsync(cancellationToken);
        var run = New(projectId, noted, task);
        db.Runs.Add(run);
        // Of two that come this far, the second finds nothing to delete any more, and makes no run.
        db.ProgramTasks.Remove(noted);
        await db.SaveChangesAsync(cancellationToken);
        Made(logger, run.Id, noted.TaskId);
        feed.PublishExistence(projectId, run.Id, exists: true);
        await scheduler.ScheduleAsync(run.Id, cancellationToken);
        return true;
    }

    // A program had a task go on whose run has ended, or is about to hear that it had: then it is looked at again when it has.
    private async Task<bool> GoOnAsync(Run run, ProgramTask noted, CancellationToken cancellationToken)
    {
        if (!run.Status.IsEnded())
            return false;
        await store.AppendAsync(
            new RunAppend
            {
                RunId = run.Id,
                Durable = true,
                Change = async (db, row, token) =>
                {
                    if (await db.ProgramTasks.FindAsync([noted.ConnectionId, noted.TaskId], token) is { } left)
                        db.ProgramTasks.Remove(left);
                    if (row.Status.CanResume())
                        (row.Status, row.Error, row.FinishedAt) = (RunStatus.Queued, null, null);
                },
            },
            cancellationToken);
        await scheduler.ScheduleAsync(run.Id, cancellationToken);
        return true;
    }

    private static Run New(Guid projectId, ProgramTask noted, FineTuningTask task)
    {
        var name = task.JobName is { Length: > 0 } given ? given[..Math.Min(given.Length, RunService.LongestName)] : task.TaskId;
        var config = new RunConfig
        {
            Name = name,
            BaseModel = task.Model ?? "",
            Train = new TrainConfig { PeftType = task.ParameterScale is { Length: > 0 } scale ? new PeftType(scale) : null },
            Deploy = false,
            JobPlatformId = task.JobId,
        };
        return new Run
        {
            ProjectId = projectId,
            ConnectionId = noted.ConnectionId,
            Kind = RunKind.Followed,
            Name = name,
            BaseModel = config.BaseModel,
            ConfigJson = config.ToJson(),
            TaskId = noted.TaskId,
            StartedByKey = noted.KeyName,
            CreatedAt = noted.AnnouncedAt,
        };
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId} follows task {TaskId}, which a program started")]
    private static partial void Made(ILogger logger, Guid runId, string taskId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Task {TaskId}, which a program started, has no run yet")]
    private static partial void NotFollowed(ILogger logger, Exception exception, string taskId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Tasks of programs could not be looked for")]
    private static partial void SweepFailed(ILogger logger, Exception exception);
}
