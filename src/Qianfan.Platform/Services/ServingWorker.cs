using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Http;
using Qianfan.Platform.Workers;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Services;

/// <summary>Keeps the serving worker running: one process for all models, started again, ever later, when it ends.</summary>
internal sealed partial class ServingWorker(
    IWorkerLauncher launcher, DecodingSlots slots, IHostApplicationLifetime lifetime, IOptions<PlatformOptions> options, TimeProvider time, ILogger<ServingWorker> logger) : BackgroundService
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_healthy = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private TaskCompletionSource<ServingSession> _session = NewSession();
    private volatile string? _trouble;
    private int _starts;

    /// <summary>The running worker; waits while it is being started.</summary>
    /// <exception cref="PlatformException">It does not start in time.</exception>
    public async Task<ServingSession> SessionAsync(CancellationToken cancellationToken)
    {
        Task<ServingSession> session;
        lock (_lock) session = _session.Task;
        try
        {
            return await session.WaitAsync(options.Value.ModelLoadTimeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new PlatformException(PlatformError.Unavailable, "The serving worker is not running: " + (_trouble ?? "it has not started yet"));
        }
    }

    /// <summary>The running worker, or null while there is none.</summary>
    public ServingSession? Current
    {
        get
        {
            Task<ServingSession> session;
            lock (_lock) session = _session.Task;
            return session.IsCompletedSuccessfully ? session.GetAwaiter().GetResult() : null;
        }
    }

    /// <summary>How often a worker took the place of one that ended.</summary>
    public int Restarts => Math.Max(0, Volatile.Read(ref _starts) - 1);

    /// <summary>Why the last one ended or did not start; null when that never happened.</summary>
    public string? Trouble => _trouble;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Api) return;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        var pause = s_firstPause;
        while (!stopping.IsCancellationRequested)
        {
            var started = time.GetTimestamp();
            try
            {
                await RunAsync(stopping.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (WorkerException exception)
            {
                _trouble = exception.Message;
                LogTrouble(logger, exception.Message);
            }

            pause = time.GetElapsedTime(started) > s_healthy ? s_firstPause : pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
            await Task.Delay(pause, time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static TaskCompletionSource<ServingSession> NewSession() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task RunAsync(CancellationToken stopping)
    {
        await using var worker = launcher.Launch(WorkerMode.Serve);
        var first = await worker.ReadAliveAsync("serving worker", time, stopping);
        if (first is not WorkerHello hello)
        {
            if (first is not null) worker.Kill();
            var exit = await worker.WaitAsync(stopping);
            throw new WorkerException(exit.Describe());
        }

        if (hello.Mismatch() is { } mismatch) throw new WorkerException(mismatch);
        var session = new ServingSession(worker, time);
        slots.SetCapacity(hello.Slots ?? int.MaxValue);
        Interlocked.Increment(ref _starts);
        var reason = "The serving worker ended; it is being started again";
        lock (_lock) _session.SetResult(session);
        try
        {
            while (await worker.ReadAliveAsync("serving worker", time, stopping) is { } message) session.Take(message);
            var exit = await worker.WaitAsync(stopping);
            throw new WorkerException(exit.Describe());
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            reason = "The platform is being shut down";
            await EndAsync(worker);
            throw;
        }
        finally
        {
            lock (_lock) _session = NewSession();
            session.End(reason);
        }
    }

    private async Task EndAsync(IWorker worker)
    {
        using var patience = new CancellationTokenSource(options.Value.WorkerStopTimeout, time);
        try
        {
            await worker.SendAsync(new Shutdown(), patience.Token);
            await worker.WaitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            worker.Kill();
        }
    }

    [LoggerMessage(LogLevel.Error, "Serving worker: {Reason}")]
    private static partial void LogTrouble(ILogger logger, string reason);
}
