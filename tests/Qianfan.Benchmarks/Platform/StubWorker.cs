using System.Text;
using System.Threading.Channels;
using Qianfan.WorkerProtocol;

namespace Qianfan.Benchmarks.Platform;

/// <summary>
/// A worker process that answers at once, or at a fixed pace, and computes nothing: what is measured is the platform before it.
/// Answers of up to <see cref="AtOnce"/> tokens come in one line; longer ones go on at 100 tokens a second, all in the same lines, as the engine writes them.
/// </summary>
internal static class StubWorker
{
    public const string Mode = "stub-worker";
    public const string Answer = "Hello from the stub.";
    public const int AtOnce = 16;
    public const int TokensPerSecond = 100;

    public static async Task<int> RunAsync()
    {
        using var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        await using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false), 1 << 16) { NewLine = "\n" };
        var lines = Channel.CreateUnbounded<WorkerMessage>();
        lines.Writer.TryWrite(new WorkerHello(WorkerLine.ProtocolVersion, "stub", Environment.ProcessId, "serve"));
        var paced = new Dictionary<string, (int Done, int Wanted)>();
        using var ended = new CancellationTokenSource();
        var writing = WriteAsync();
        var ticking = TickAsync();
        while (await input.ReadLineAsync() is { } line)
        {
            switch (WorkerLine.ReadHost(line))
            {
                case LoadModel load:
                    lines.Writer.TryWrite(new ModelLoaded(load.RequestId, load.ModelKey, 4096, 1));
                    break;
                case Generate { Sampling.MaxTokens: <= AtOnce } generate:
                    lines.Writer.TryWrite(new DecodeStep([new DecodedSlot(generate.RequestId, Answer, 12, 5, "stop")]));
                    break;
                case Generate generate:
                    lock (paced) paced[generate.RequestId] = (0, generate.Sampling.MaxTokens);
                    break;
                case CancelRequest cancel:
                    lock (paced) paced.Remove(cancel.RequestId);
                    break;
            }
        }

        await ended.CancelAsync();
        await ticking;
        lines.Writer.Complete();
        await writing;
        return 0;

        async Task WriteAsync()
        {
            while (await lines.Reader.WaitToReadAsync())
            {
                while (lines.Reader.TryRead(out var message)) await output.WriteLineAsync(WorkerLine.Write(message));
                await output.FlushAsync();
            }
        }

        // A late tick is made up for: the pace is kept, as a decoder that is not held up keeps it.
        async Task TickAsync()
        {
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / TokensPerSecond));
            try
            {
                while (await timer.WaitForNextTickAsync(ended.Token))
                {
                    List<DecodedSlot> slots = [];
                    lock (paced)
                    {
                        foreach (var (id, (done, wanted)) in paced)
                        {
                            slots.Add(new DecodedSlot(id, $"{done} ", 12, done + 1, done + 1 == wanted ? "length" : null));
                            if (done + 1 == wanted) paced.Remove(id);
                            else paced[id] = (done + 1, wanted);
                        }
                    }

                    if (slots.Count > 0) lines.Writer.TryWrite(new DecodeStep(slots));
                }
            }
            catch (OperationCanceledException)
            {
                // The platform is gone.
            }
        }
    }
}
