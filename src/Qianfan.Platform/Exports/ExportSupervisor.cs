using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;

namespace Qianfan.Platform.Exports;

/// <summary>Runs the exports that wait, one at a time, the oldest first. One that was cut off by the end of the platform starts again with the next.</summary>
internal sealed partial class ExportSupervisor(
    IDbContextFactory<PlatformDbContext> contexts, ExportRunner runner, IHostApplicationLifetime lifetime, IOptions<PlatformOptions> options, TimeProvider time, ILogger<ExportSupervisor> logger) : BackgroundService
{
    private static readonly TimeSpan s_pauseAfterFault = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private TaskCompletionSource _wake = NewWake();
    private Running? _running;

    /// <summary>Says that an export waits.</summary>
    public void Wake() => Interlocked.Exchange(ref _wake, NewWake()).TrySetResult();

    /// <summary>Ends an export that runs and waits until it touches no file any more; one that doesn't run is left alone. Its row has to be gone, or it runs again.</summary>
    public Task EndAsync(int exportId)
    {
        lock (_lock)
        {
            if (_running is not { } running || running.ExportId != exportId) return Task.CompletedTask;
            running.Cancel.Cancel();
            return running.Ended.Task;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Api) return;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await RequeueAsync(stopping.Token);
                await RunAllAsync(stopping.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception) when (exception is DbUpdateException or System.Data.Common.DbException or IOException or UnauthorizedAccessException)
            {
                // The database or the disk, or a worker of a platform that was killed still writes: what ran starts again.
                LogFault(logger, exception);
                await Task.Delay(s_pauseAfterFault, time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static TaskCompletionSource NewWake() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task RequeueAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Exports.Where(row => row.State == ExportState.Running)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.State, ExportState.Waiting).SetProperty(row => row.Progress, 0), cancellationToken);
    }

    private async Task RunAllAsync(CancellationToken stopping)
    {
        while (true)
        {
            var woken = _wake.Task;
            if (await ClaimAsync(stopping) is { } export) await RunAsync(export, stopping);
            else await woken.WaitAsync(stopping);
        }
    }

    private async Task<ExportRow?> ClaimAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        while (await context.Exports.AsNoTracking().Include(row => row.Model).ThenInclude(model => model.Set)
            .Where(row => row.State == ExportState.Waiting).OrderBy(row => row.Id).FirstOrDefaultAsync(cancellationToken) is { } export)
        {
            var claimed = await context.Exports.Where(row => row.Id == export.Id && row.State == ExportState.Waiting)
                .ExecuteUpdateAsync(set => set.SetProperty(row => row.State, ExportState.Running), cancellationToken);
            if (claimed == 1) return export;
        }

        return null;
    }

    private async Task RunAsync(ExportRow export, CancellationToken stopping)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var running = new Running(export.Id, cancel, NewWake());
        lock (_lock) _running = running;
        try
        {
            // A deletion that came between claiming and noting found nothing to end.
            if (await ExistsAsync(export.Id, cancel.Token)) await runner.RunAsync(export, cancel.Token);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            LogEnded(logger, export.PublicId);
        }
        finally
        {
            lock (_lock) _running = null;
            running.Ended.SetResult();
        }
    }

    private async Task<bool> ExistsAsync(int exportId, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Exports.AnyAsync(row => row.Id == exportId, cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "Export {Export} was deleted while it ran")]
    private static partial void LogEnded(ILogger logger, string export);

    [LoggerMessage(LogLevel.Error, "An export met a fault of the database or the disk")]
    private static partial void LogFault(ILogger logger, Exception exception);

    private sealed record Running(int ExportId, CancellationTokenSource Cancel, TaskCompletionSource Ended);
}
