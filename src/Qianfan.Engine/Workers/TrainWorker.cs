using System.Runtime.InteropServices;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Workers;

/// <summary><c>Qianfan.Engine train</c>: trains one task and ends.</summary>
internal static class TrainWorker
{
    /// <returns>The process's exit code: 0 when training is done or stopped as told, 1 when it failed.</returns>
    public static async Task<int> RunAsync(WorkerChannel channel, TextWriter log, TimeProvider time, CancellationToken cancellationToken)
    {
        StartTraining? start = null;
        while (start is null)
        {
            switch (await channel.ReadAsync(cancellationToken))
            {
                case StartTraining message:
                    start = message;
                    break;
                case null or Shutdown or StopTraining:
                    return 0;
                case var other:
                    log.WriteLine($"A training worker has no use for {other.GetType().Name}.");
                    break;
            }
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var training = Task.Factory.StartNew(() => Train(start, channel, log, time, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var listening = ListenAsync();
        await Task.WhenAny(training, listening);
        return await training;

        async Task ListenAsync()
        {
            while (await channel.ReadAsync(CancellationToken.None) is { } message)
            {
                if (message is StopTraining or Shutdown)
                    break;
                log.WriteLine($"A training worker that trains has no use for {message.GetType().Name}.");
            }
            // Told to, or the parent is gone: nobody would hear of further steps.
            await stop.CancelAsync();
        }
    }

    private static int Train(StartTraining start, WorkerChannel channel, TextWriter log, TimeProvider time, CancellationToken stop)
    {
        try
        {
            channel.Send(new TrainingJob(start, channel.Send, time).Run(stop));
            return 0;
        }
        catch (EngineException exception)
        {
            channel.Send(new TrainingFailed(exception.Code, exception.Message));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            log.WriteLine(exception);
            channel.Send(new TrainingFailed(WorkerErrors.Storage, exception.Message));
        }
        catch (Exception exception) when (exception is ExternalException or InvalidOperationException or ArgumentException or OutOfMemoryException or ArithmeticException)
        {
            log.WriteLine(exception);
            channel.Send(new TrainingFailed(WorkerErrors.Internal, exception.Message));
        }
        return 1;
    }
}
