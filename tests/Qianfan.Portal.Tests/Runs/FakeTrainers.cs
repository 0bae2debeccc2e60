using System.Threading.Channels;
using Qianfan.Platform.Workers;
using Qianfan.WorkerProtocol;

namespace Qianfan.Portal.Tests.Runs;

/// <summary>Training workers in memory: each takes a step whenever the test says so, all tasks together.</summary>
internal sealed class FakeTrainers : IWorkerLauncher
{
    public const int TotalSteps = 4;

    private readonly SemaphoreSlim _steps = new(0);

    /// <summary>Lets the task that trains take some steps.</summary>
    public void Step(int count) => _steps.Release(count);

    public IWorker Launch(WorkerMode mode, IReadOnlyList<string>? arguments = null) => mode is WorkerMode.Train ? new Trainer(_steps) : throw new WorkerException("There is nothing to serve here.");

    private sealed class Trainer : IWorker
    {
        private readonly Channel<HostMessage> _input = Channel.CreateUnbounded<HostMessage>();
        private readonly Channel<WorkerMessage> _output = Channel.CreateUnbounded<WorkerMessage>();
        private readonly CancellationTokenSource _killed = new();
        private readonly Task _life;

        public Trainer(SemaphoreSlim steps) => _life = LiveAsync(steps);

        public async ValueTask<WorkerMessage?> ReadAsync(CancellationToken cancellationToken) =>
            await _output.Reader.WaitToReadAsync(cancellationToken) && _output.Reader.TryRead(out var message) ? message : null;

        public bool TryRead(out WorkerMessage? message) => _output.Reader.TryRead(out message);

        public ValueTask SendAsync(HostMessage message, CancellationToken cancellationToken) => _input.Writer.WriteAsync(message, cancellationToken);

        public async Task<WorkerExit> WaitAsync(CancellationToken cancellationToken)
        {
            await _life.WaitAsync(cancellationToken);
            return new WorkerExit(_killed.IsCancellationRequested ? 137 : 0, "");
        }

        public void Kill() => _killed.Cancel();

        public async ValueTask DisposeAsync()
        {
            Kill();
            await _life;
        }

        private async Task LiveAsync(SemaphoreSlim steps)
        {
            try
            {
                Say(new WorkerHello(WorkerLine.ProtocolVersion, "test", Environment.ProcessId, "train"));
                await RunAsync((StartTraining)await _input.Reader.ReadAsync(_killed.Token), steps);
            }
            catch (OperationCanceledException) when (_killed.IsCancellationRequested)
            {
                // It ends without a last word.
            }
            finally
            {
                _output.Writer.Complete();
            }
        }

        private async Task RunAsync(StartTraining job, SemaphoreSlim steps)
        {
            Say(new TrainingStarted(0, TotalSteps, 2, 0, 20, 0, 1000, 1000));
            var told = _input.Reader.WaitToReadAsync(_killed.Token).AsTask();
            for (var step = 1; step <= TotalSteps; step++)
            {
                using var waiting = CancellationTokenSource.CreateLinkedTokenSource(_killed.Token);
                var next = steps.WaitAsync(waiting.Token);
                if (await Task.WhenAny(next, told) != next)
                {
                    await waiting.CancelAsync();
                    await next.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    await told;
                    Say(new TrainingStopped(step - 1));
                    return;
                }

                await next;
                Say(new TrainingProgress(step, TotalSteps, step / 2.0, 3.0 / step, 0.001, 1, 100, step * 10));
            }

            var output = Directory.CreateDirectory(Path.Combine(job.TaskDirectory, "output")).FullName;
            await File.WriteAllTextAsync(Path.Combine(output, "config.json"), "{}");
            Say(new TrainingCompleted(TotalSteps, 3.0 / TotalSteps, 0.75, TotalSteps * 10, 1, "model"));
        }

        private void Say(WorkerMessage message) => _output.Writer.TryWrite(message);
    }
}
