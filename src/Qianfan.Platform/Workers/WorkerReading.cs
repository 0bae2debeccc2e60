using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Workers;

/// <summary>What whoever reads a worker's lines has to do, whatever the worker is for.</summary>
internal static class WorkerReading
{
    /// <summary>A worker that says nothing for so long is taken for dead: heartbeats come every few seconds.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(60);

    /// <summary>The worker's next line, or null when it has ended; a worker that has fallen silent is ended.</summary>
    /// <param name="worker">The worker.</param>
    /// <param name="name">What a message calls it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="WorkerException">It was silent, or wrote what is no message.</exception>
    public static async ValueTask<WorkerMessage?> ReadAliveAsync(this IWorker worker, string name, TimeProvider time, CancellationToken cancellationToken)
    {
        using var silence = new CancellationTokenSource(Silence, time);
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        try
        {
            return await worker.ReadAsync(wait.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            worker.Kill();
            throw new WorkerException(Silent(name));
        }
    }

    /// <summary>Why a worker that was silent was ended.</summary>
    public static string Silent(string name) => $"The {name} gave no sign of life for {Silence.TotalSeconds:0} seconds and was ended";

    /// <summary>What is wrong with a worker of another protocol; null when it speaks ours.</summary>
    public static string? Mismatch(this WorkerHello hello) => hello.Protocol == WorkerLine.ProtocolVersion
        ? null
        : $"The engine speaks protocol {hello.Protocol}, the platform {WorkerLine.ProtocolVersion}: build both from the same source.";
}
