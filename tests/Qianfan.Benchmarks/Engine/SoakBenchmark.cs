using System.Diagnostics;
using Qianfan.Engine.Pretraining;
using Qianfan.WorkerProtocol;

namespace Qianfan.Benchmarks.Engine;

/// <summary>Training and serving side by side for long, with callers that hang up at random: memory stays flat, and no request or page is lost.</summary>
internal sealed class SoakBenchmark(int callers)
{
    private static readonly TimeSpan s_sample = TimeSpan.FromSeconds(5);
    private static readonly string?[] s_weights = [null, "int8"];
    private readonly CorpusGenerator _corpus = new(seed: 11);
    private readonly List<double> _serving = [];
    private readonly List<double> _training = [];
    private long _done;
    private long _cancelled;
    private long _refused;
    private long _failed;
    private long _tokens;
    private int _step;

    /// <summary>Prints a line each minute.</summary>
    /// <returns>Whether all went well.</returns>
    public async Task<bool> RunAsync(TimeSpan time)
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-soak-").FullName;
        try
        {
            // Little memory for keys and values, so that requests wait and what was kept is dropped.
            await using var serving = new EngineProcess("serve", "--cache-megabytes", "24");
            foreach (var weights in s_weights)
            {
                await serving.LoadAsync(new LoadModel($"load {weights}", $"m{weights}", EngineTasks.Model, Weights: weights));
            }

            await using var training = new EngineProcess("train");
            training.Send(EngineTasks.Endless(folder));
            var steps = CountStepsAsync(training);
            using var stop = new CancellationTokenSource();
            Task[] calls = [.. Enumerable.Range(0, callers).Select(caller => CallAsync(serving, caller, stop.Token))];
            await WatchAsync(serving, training, time, Task.WhenAll([steps, .. calls]));
            await stop.CancelAsync();
            await Task.WhenAll(calls);

            // Everybody has an answer: nothing may be left, and with the models goes what was kept.
            var left = (await LastHeartbeatAsync(serving)).Requests;
            foreach (var weights in s_weights)
            {
                serving.Send(new UnloadModel($"m{weights}"));
            }

            var bytes = (await LastHeartbeatAsync(serving)).CacheUsedBytes;
            training.Send(new StopTraining());
            await steps;
            var (servingFlat, servingRatio) = EngineTasks.Flat(_serving);
            var (trainingFlat, trainingRatio) = EngineTasks.Flat(_training);
            var well = servingFlat && trainingFlat && left == 0 && bytes == 0 && _failed == 0 && await serving.EndAsync() == 0;
            Figures.Print("soak.result", ("minutes", Math.Round(time.TotalMinutes, 1)), ("serve_last_third_over_middle", Math.Round(servingRatio, 3)), ("train_last_third_over_middle", Math.Round(trainingRatio, 3)),
                ("requests_left", left), ("cache_bytes_left", bytes), ("done", _done), ("cancelled", _cancelled), ("failed", _failed), ("tokens", _tokens), ("steps", _step), ("well", well));
            return well;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task WatchAsync(EngineProcess serving, EngineProcess training, TimeSpan time, Task work)
    {
        var watch = Stopwatch.StartNew();
        var minute = 1;
        using var timer = new PeriodicTimer(s_sample, TimeProvider.System);
        while (watch.Elapsed < time && await timer.WaitForNextTickAsync())
        {
            if (work.IsCompleted)
            {
                // Nobody stops before the time but by a fault.
                await work;
                throw new InvalidOperationException("The work ended before its time.");
            }

            _serving.Add(serving.Megabytes);
            _training.Add(training.Megabytes);
            if (watch.Elapsed.TotalMinutes < minute && watch.Elapsed < time)
            {
                continue;
            }

            var heartbeat = await LastHeartbeatAsync(serving);
            Figures.Print("soak", ("minute", minute++), ("serve_mb", Math.Round(_serving[^1])), ("train_mb", Math.Round(_training[^1])), ("requests", heartbeat.Requests), ("cache_mb", Math.Round((heartbeat.CacheUsedBytes ?? 0) / 1e6, 1)),
                ("done", Interlocked.Read(ref _done)), ("cancelled", Interlocked.Read(ref _cancelled)), ("refused", Interlocked.Read(ref _refused)), ("failed", Interlocked.Read(ref _failed)), ("tokens", Interlocked.Read(ref _tokens)), ("train_step", Volatile.Read(ref _step)));
        }
    }

    /// <summary>One that comes from now on.</summary>
    private static async Task<Heartbeat> LastHeartbeatAsync(EngineProcess serving)
    {
        while (serving.Messages.TryRead(out _))
        {
        }

        return await serving.ExpectAsync<Heartbeat>();
    }

    private async Task CountStepsAsync(EngineProcess training)
    {
        await foreach (var message in training.Messages.ReadAllAsync())
        {
            switch (message)
            {
                case TrainingProgress progress:
                    Volatile.Write(ref _step, progress.Step);
                    break;
                case TrainingStopped:
                    return;
                case TrainingFailed failed:
                    throw new InvalidOperationException(failed.Message);
            }
        }

        throw new InvalidOperationException("The training worker ended.");
    }

    private async Task CallAsync(EngineProcess serving, int caller, CancellationToken stop)
    {
        var random = new Random(caller);
        List<ChatTurn> turns = [];
        for (var call = 0; !stop.IsCancellationRequested; call++)
        {
            var (id, model) = ($"{caller}-{call}", $"m{s_weights[caller % s_weights.Length]}");
            var document = _corpus.At(random.Next(10_000));
            if (random.Next(10) == 0)
            {
                await CountAsync(serving.Ask(id, new Embed(id, model, [document.Text ?? document.Messages![^1].Content])), null);
                continue;
            }

            // Half of the calls go on with the conversation, as long as it fits.
            if (random.Next(2) == 0 || turns.Sum(turn => turn.Content.Length) > 600)
            {
                turns.Clear();
            }

            turns.Add(new ChatTurn("user", document.Messages?.FirstOrDefault(turn => turn.Role == "user")?.Content ?? document.Text![..Math.Min(80, document.Text!.Length)]));
            var sampling = new SamplingConfig
            {
                MaxTokens = random.Next(1, 100), Temperature = random.NextDouble(), TopP = 1 - (random.NextDouble() / 2), TopK = random.Next(3) == 0 ? 40 : 0, Logprobs = random.Next(4) == 0 ? 3 : null, ResponseFormat = random.Next(10) == 0 ? "json_object" : null,
            };
            var answers = serving.Ask(id, new Generate(id, model, [.. turns], null, sampling));
            var hangsUpAfter = random.Next(3) == 0 ? random.Next(0, 20) : int.MaxValue;
            if (hangsUpAfter == 0)
            {
                serving.Send(new CancelRequest(id));
            }

            var answer = await CountAsync(answers, tokens =>
            {
                if (tokens == hangsUpAfter)
                {
                    serving.Send(new CancelRequest(id));
                }
            });
            turns.Add(new ChatTurn("assistant", answer));
        }
    }

    /// <summary>Reads an answer to its end.</summary>
    private async Task<string> CountAsync(System.Threading.Channels.ChannelReader<WorkerMessage> answers, Action<int>? heard)
    {
        var text = "";
        await foreach (var message in answers.ReadAllAsync())
        {
            switch (message)
            {
                case DecodeStep { Slots: [var slot] }:
                    text += slot.Text;
                    Interlocked.Increment(ref _tokens);
                    heard?.Invoke(slot.CompletionTokens);
                    if (slot.FinishReason is not null)
                    {
                        Interlocked.Increment(ref (slot.FinishReason == "cancelled" ? ref _cancelled : ref _done));
                    }

                    break;
                case RequestFailed { Code: WorkerErrors.ContextLength }:
                    Interlocked.Increment(ref _refused);
                    break;
                case RequestFailed failed:
                    Interlocked.Increment(ref _failed);
                    Console.Error.WriteLine($"{failed.Code}: {failed.Message}");
                    break;
                default:
                    Interlocked.Increment(ref _done);
                    break;
            }
        }

        return text;
    }
}
