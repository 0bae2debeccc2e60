using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Connections;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Executes one run from where it stands to its end, a person's stop, or the end of the process. Thread-safe; whoever calls sees to it that a run has one execution at a time in this process.</summary>
public sealed partial class RunExecutor(
    IDbContextFactory<PortalDbContext> contexts,
    RunEventStore store,
    RunOutcomes outcomes,
    RunSignals signals,
    PlatformClients clients,
    IHostApplicationLifetime lifetime,
    TimeProvider time,
    ILogger<RunExecutor> logger)
{
    /// <summary>Executes the run; returns when it ended in whatever way. Its status tells which.</summary>
    public async Task ExecuteAsync(Guid runId, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        if (ending.IsCancellationRequested || await BeginAsync(runId) is not { } run)
            return;
        try
        {
            await ExecuteAsync(run, ending.Token);
        }
        catch (ActionStoppedException)
        {
            // Its events have told, and the status with them.
        }
        catch (EventHandlerException e) when (e.InnerException is RunFencedException)
        {
            Fenced(logger, runId);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            Interrupted(logger, runId);
            await EndAsync(run, RunStatus.Interrupted, null);
        }
        catch (Exception e)
        {
            Failed(logger, e, runId);
            await EndAsync(run, RunStatus.Failed, e is EventHandlerException { InnerException: { } inner } ? inner.Message : e.Message);
        }
    }

    // Takes the run over: whoever executed it before can't write from now on.
    private async Task<Run?> BeginAsync(Guid runId)
    {
        Run? begun = null;
        try
        {
            await store.AppendAsync(
                new RunAppend
                {
                    RunId = runId,
                    Change = (_, run, _) =>
                    {
                        begun = null;
                        if (run.Status.IsEnded())
                            return ValueTask.CompletedTask;
                        run.Attempt++;
                        run.StartedAt ??= time.GetUtcNow();
                        if (run.Status is not RunStatus.Stopping)
                            run.Status = RunStatus.Running;
                        begun = run;
                        return ValueTask.CompletedTask;
                    },
                },
                CancellationToken.None);
        }
        catch (RunFencedException)
        {
            // Deleted meanwhile.
        }

        return begun;
    }

    private async Task ExecuteAsync(Run run, CancellationToken cancellationToken)
    {
        var config = RunConfig.Of(run);
        var client = await clients.ForAsync(run.ConnectionId, cancellationToken);
        var handler = new RunEventHandler(run, config, store, outcomes, time);
        var pipeline = run.PipelineState is { } state ? Pipeline.Loads(state, client, handler) : RunPipelines.Build(run, config, client, handler);
        handler.Pipeline = pipeline;
        if (run.Status is RunStatus.Stopping)
        {
            // Asked to stop while nobody executed it: what it left running on the platform is stopped, and nothing goes on.
            await pipeline.StopAsync(cancellationToken);
            await EndAsync(run, RunStatus.Stopped, null);
            return;
        }

        Task Stop() => pipeline.StopAsync(CancellationToken.None);
        handler.StopRequested = Stop;
        var execution = run.PipelineState is null
            ? pipeline.ExecAsync(RunPipelines.InputOf(run, config), cancellationToken)
            : pipeline.ResumeAsync(cancellationToken);
        // Only what is under way can be asked to stop. Who asked before it was is in the run's row.
        using var registration = signals.Register(run.Id, Stop);
        if (await IsStoppingAsync(run.Id))
            await Stop();
        await execution;
    }

    private async Task<bool> IsStoppingAsync(Guid runId)
    {
        await using var db = await contexts.CreateDbContextAsync(CancellationToken.None);
        return await db.Runs.AnyAsync(r => r.Id == runId && r.Status == RunStatus.Stopping, CancellationToken.None);
    }

    // For ends that no event of the pipeline tells of. The status that an event has set already stays.
    private async Task EndAsync(Run run, RunStatus status, string? error)
    {
        try
        {
            await store.AppendAsync(
                new RunAppend
                {
                    RunId = run.Id,
                    Attempt = run.Attempt,
                    Change = (_, row, _) =>
                    {
                        // A stop that somebody asked for is not forgotten by the end of the process.
                        if (row.Status.IsEnded() || (row.Status is RunStatus.Stopping && status is RunStatus.Interrupted))
                            return ValueTask.CompletedTask;
                        (row.Status, row.Error) = (status, error);
                        row.FinishedAt = status.IsEnded() ? time.GetUtcNow() : null;
                        return ValueTask.CompletedTask;
                    },
                },
                CancellationToken.None);
        }
        catch (RunFencedException)
        {
            Fenced(logger, run.Id);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId} is interrupted by the end of the process; it goes on at the next start")]
    private static partial void Interrupted(ILogger logger, Guid runId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId} was taken over by another execution, or deleted")]
    private static partial void Fenced(ILogger logger, Guid runId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {RunId} failed")]
    private static partial void Failed(ILogger logger, Exception exception, Guid runId);
}
