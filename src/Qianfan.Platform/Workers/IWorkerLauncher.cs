using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Workers;

/// <summary>What a worker is started for.</summary>
internal enum WorkerMode
{
    /// <summary>Trains one task and ends.</summary>
    Train,

    /// <summary>Answers requests for all models.</summary>
    Serve,

    /// <summary>Writes one model in another form and ends.</summary>
    Export,

    /// <summary>Counts the tokens of one rows file and ends.</summary>
    Count,
}

/// <summary>Starts workers. Tests put their own in its place.</summary>
internal interface IWorkerLauncher
{
    /// <summary>Starts a worker.</summary>
    /// <param name="mode">What for.</param>
    /// <param name="arguments">Further words of its command line.</param>
    /// <exception cref="WorkerException">It can't be started.</exception>
    IWorker Launch(WorkerMode mode, IReadOnlyList<string>? arguments = null);
}

/// <summary>A running worker. Disposing kills it if it has not ended.</summary>
internal interface IWorker : IAsyncDisposable
{
    /// <summary>The worker's next line; null when there is none left, which is when it has ended or closed its output.</summary>
    /// <exception cref="WorkerException">The worker wrote something that is no message.</exception>
    ValueTask<WorkerMessage?> ReadAsync(CancellationToken cancellationToken);

    /// <summary>A line that is there already, without waiting.</summary>
    bool TryRead(out WorkerMessage? message);

    /// <summary>Writes a line. Lines to a worker that has ended are dropped: its end is told by <see cref="ReadAsync"/>.</summary>
    ValueTask SendAsync(HostMessage message, CancellationToken cancellationToken);

    /// <summary>Waits until the worker has ended.</summary>
    Task<WorkerExit> WaitAsync(CancellationToken cancellationToken);

    /// <summary>Ends the worker and what it started, at once.</summary>
    void Kill();
}

/// <summary>How a worker ended.</summary>
/// <param name="Code">Its exit code; above 128 on Unix: killed by signal (code - 128).</param>
/// <param name="ErrorTail">The last lines of its standard error.</param>
internal sealed record WorkerExit(int Code, string ErrorTail)
{
    /// <summary>For people.</summary>
    public string Describe() =>
        (Code > 128 ? $"The worker was killed (signal {Code - 128})" : $"The worker ended with code {Code}")
        + (ErrorTail.Length == 0 ? "" : ": " + ErrorTail);
}

/// <summary>A worker can't be started or doesn't keep to the protocol. The message is for people.</summary>
internal sealed class WorkerException(string message, Exception? inner = null) : Exception(message, inner);
