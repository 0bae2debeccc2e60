using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Workers;

/// <summary><c>Qianfan.Engine count</c>: counts the tokens of one rows file and ends. Takes no native library.</summary>
internal static class CountWorker
{
    /// <returns>Exit code: 0, or 1 after <see cref="RequestFailed"/>.</returns>
    public static async Task<int> RunAsync(WorkerChannel channel, CancellationToken cancellationToken)
    {
        if (await channel.ReadAsync(cancellationToken) is not CountTokens job)
            return 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var counting = Task.Run(() => TokenCount.Of(job, stop.Token), CancellationToken.None);
        // Nothing more is said but that it is over: by a message, or by a platform that is gone.
        var said = channel.ReadAsync(stop.Token);
        if (await Task.WhenAny(counting, said) == said)
            await stop.CancelAsync();
        try
        {
            channel.Send(await counting);
            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return 0;
        }
        catch (EngineException exception)
        {
            channel.Send(new RequestFailed(job.RequestId, exception.Code, exception.Message));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            channel.Send(new RequestFailed(job.RequestId, WorkerErrors.Storage, exception.Message));
        }
        return 1;
    }
}
