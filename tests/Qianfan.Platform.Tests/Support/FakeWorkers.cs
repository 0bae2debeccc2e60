using System.Collections.Concurrent;
using System.Threading.Channels;
using Qianfan.Platform.Workers;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests.Support;

/// <summary>Starts in-memory workers that keep to the protocol: training writes checkpoints and an output, serving echoes.</summary>
internal sealed class FakeWorkers : IWorkerLauncher
{
    private readonly ConcurrentQueue<FakeWorker> _started = new();
    private readonly Channel<FakeTrainer> _trainers = Channel.CreateUnbounded<FakeTrainer>();
    private readonly Channel<FakeServer> _servers = Channel.CreateUnbounded<FakeServer>();
    private readonly Channel<FakeExporter> _exporters = Channel.CreateUnbounded<FakeExporter>();

    /// <summary>Steps of a whole training.</summary>
    public int TotalSteps { get; set; } = 6;

    /// <summary>Whether a training worker runs on by itself; otherwise the test lets it take each step.</summary>
    public bool TrainsAlone { get; set; } = true;

    /// <summary>Whether an export worker writes at once; otherwise the test lets it end.</summary>
    public bool ExportsAlone { get; set; } = true;

    /// <summary>Why exports fail; null when they don't.</summary>
    public ExportFailed? ExportFault { get; set; }

    /// <summary>Whether a serving worker sends text by itself; otherwise the test lets it send each piece.</summary>
    public bool AnswersAlone { get; set; } = true;

    /// <summary>Whether workers say hello; one that doesn't is still loading.</summary>
    public bool SaysHello { get; set; } = true;

    /// <summary>Models that can't be loaded.</summary>
    public ConcurrentDictionary<string, string> BrokenModels { get; } = new();

    /// <summary>Models that are being loaded until the test lets them be.</summary>
    public ConcurrentDictionary<string, TaskCompletionSource> SlowModels { get; } = new();

    /// <summary>What serving workers say that they decode together.</summary>
    public int? Slots { get; set; }

    /// <summary>Why tokens can't be counted; null when they can.</summary>
    public string? CountFault { get; set; }

    /// <summary>What starting a worker throws.</summary>
    public WorkerException? LaunchFault { get; set; }

    public IReadOnlyCollection<FakeWorker> Started => _started;

    public IWorker Launch(WorkerMode mode, IReadOnlyList<string>? arguments = null)
    {
        if (LaunchFault is { } fault) throw fault;
        FakeWorker worker;
        if (mode == WorkerMode.Count)
        {
            // Counting is nobody's business but the tests' of counting.
            worker = new FakeCounter(this);
            worker.Start();
            return worker;
        }

        if (mode == WorkerMode.Train)
        {
            var trainer = new FakeTrainer(this);
            _trainers.Writer.TryWrite(trainer);
            worker = trainer;
        }
        else if (mode == WorkerMode.Export)
        {
            var exporter = new FakeExporter(this, arguments!);
            _exporters.Writer.TryWrite(exporter);
            worker = exporter;
        }
        else
        {
            var server = new FakeServer(this);
            _servers.Writer.TryWrite(server);
            worker = server;
        }

        _started.Enqueue(worker);
        worker.Start();
        return worker;
    }

    /// <summary>The next training worker that is started.</summary>
    public ValueTask<FakeTrainer> NextTrainerAsync() => _trainers.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>The next export worker that is started.</summary>
    public ValueTask<FakeExporter> NextExporterAsync() => _exporters.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>The next serving worker that is started.</summary>
    public ValueTask<FakeServer> NextServerAsync() => _servers.Reader.ReadAsync(TestContext.Current.CancellationToken);
}

/// <summary>What all fake workers do.</summary>
internal abstract class FakeWorker(FakeWorkers workers, string mode) : IWorker
{
    private readonly Channel<HostMessage> _input = Channel.CreateUnbounded<HostMessage>();
    private readonly Channel<WorkerMessage> _output = Channel.CreateUnbounded<WorkerMessage>();
    private readonly TaskCompletionSource<WorkerExit> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _killed = new();
    private Task _life = Task.CompletedTask;

    /// <summary>Everything that the platform has sent.</summary>
    public ConcurrentQueue<HostMessage> Received { get; } = new();

    public bool WasKilled { get; private set; }

    public Task<WorkerExit> Exited => _exit.Task;

    protected FakeWorkers Workers => workers;

    protected ChannelReader<HostMessage> Input => _input.Reader;

    protected CancellationToken Killed => _killed.Token;

    public void Start() => _life = Task.Run(LiveAsync);

    /// <summary>Ends without a last word, as a crash does.</summary>
    public void Die(int code = 137, string errors = "Aborted (core dumped)")
    {
        _exit.TrySetResult(new WorkerExit(code, errors));
        _output.Writer.TryComplete();
        _killed.Cancel();
    }

    /// <summary>Writes a line.</summary>
    public void Say(WorkerMessage message) => _output.Writer.TryWrite(message);

    public async ValueTask<WorkerMessage?> ReadAsync(CancellationToken cancellationToken)
    {
        while (await _output.Reader.WaitToReadAsync(cancellationToken))
        {
            if (_output.Reader.TryRead(out var message)) return message;
        }

        return null;
    }

    public bool TryRead(out WorkerMessage? message) => _output.Reader.TryRead(out message);

    public ValueTask SendAsync(HostMessage message, CancellationToken cancellationToken)
    {
        Received.Enqueue(message);
        _input.Writer.TryWrite(message);
        return ValueTask.CompletedTask;
    }

    public Task<WorkerExit> WaitAsync(CancellationToken cancellationToken) => _exit.Task.WaitAsync(cancellationToken);

    public void Kill()
    {
        WasKilled = true;
        Die();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_exit.Task.IsCompleted) Kill();
        await _life;
    }

    protected abstract Task RunAsync();

    private async Task LiveAsync()
    {
        if (workers.SaysHello) Say(new WorkerHello(WorkerLine.ProtocolVersion, "test", Environment.ProcessId, mode) { Slots = mode == "serve" ? workers.Slots : null });
        try
        {
            await RunAsync();
            _exit.TrySetResult(new WorkerExit(0, ""));
        }
        catch (OperationCanceledException) when (Killed.IsCancellationRequested)
        {
            _exit.TrySetResult(new WorkerExit(137, ""));
        }

        _output.Writer.TryComplete();
    }
}

/// <summary>Trains by counting steps; checkpoints lie in the task folder, so that a successor goes on from there.</summary>
internal sealed class FakeTrainer(FakeWorkers workers) : FakeWorker(workers, "train")
{
    private readonly Channel<bool> _steps = Channel.CreateUnbounded<bool>();

    /// <summary>Whether it ignores being told to stop.</summary>
    public bool Deaf { get; set; }

    public StartTraining Job => Received.OfType<StartTraining>().Single();

    /// <summary>Lets it take some steps.</summary>
    public void Step(int count = 1)
    {
        for (var i = 0; i < count; i++) _steps.Writer.TryWrite(true);
    }

    protected override async Task RunAsync()
    {
        var job = (StartTraining)await Input.ReadAsync(Killed);
        var checkpoint = Path.Combine(job.TaskDirectory, "checkpoints", "step.txt");
        var step = File.Exists(checkpoint) ? int.Parse(await File.ReadAllTextAsync(checkpoint), System.Globalization.CultureInfo.InvariantCulture) : 0;
        var rows = File.ReadLines(job.RowsFile).Count();
        Say(new TrainingStarted(step, Workers.TotalSteps, rows, 0, rows * 10, 0, 1000, 1000));
        while (step < Workers.TotalSteps)
        {
            if (await MustStopAsync())
            {
                await SaveAsync(checkpoint, step);
                Say(new TrainingStopped(step));
                return;
            }

            step++;
            Say(new TrainingProgress(step, Workers.TotalSteps, step / 2.0, 3.0 / step, 0.001, 1, 100, step * 10));
            if (step % 2 == 0 && job.ValidationRowsFile is not null) Say(new ValidationResult(step, 4.0 / step));
            if (step % 2 == 0) await SaveAsync(checkpoint, step);
        }

        var output = Directory.CreateDirectory(Path.Combine(job.TaskDirectory, "output")).FullName;
        await File.WriteAllTextAsync(Path.Combine(output, "config.json"), "{}");
        Say(new TrainingCompleted(step, 3.0 / step, 0.75, step * 10, 1, job.Config.ParameterScale == "LoRA" ? "adapter" : "model"));
    }

    private async Task<bool> MustStopAsync()
    {
        if (Workers.TrainsAlone) return Input.TryRead(out _) && !Deaf;
        while (true)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(Killed);
            var step = _steps.Reader.WaitToReadAsync(either.Token).AsTask();
            var stop = Input.WaitToReadAsync(either.Token).AsTask();
            var first = await Task.WhenAny(step, stop);
            await either.CancelAsync();
            await ((Task)Task.WhenAll(step, stop)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Killed.ThrowIfCancellationRequested();
            if (Input.TryRead(out _) && !Deaf) return true;
            if (first == step && _steps.Reader.TryRead(out _)) return false;
        }
    }

    private async Task SaveAsync(string path, int step)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, step.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Say(new CheckpointSaved(step, 3.0 / Math.Max(step, 1), null));
    }
}

/// <summary>Answers "{model}: {last message}", one character a step.</summary>
internal sealed class FakeServer(FakeWorkers workers) : FakeWorker(workers, "serve")
{
    private readonly Channel<bool> _pieces = Channel.CreateUnbounded<bool>();
    private readonly ConcurrentDictionary<string, string> _loaded = new();
    private readonly Lock _lock = new();
    private int _answering;

    /// <summary>Most answers that it ever gave at once.</summary>
    public int MostAnswering { get; private set; }

    /// <summary>Lets it send some pieces of text.</summary>
    public void SendPieces(int count = 1)
    {
        for (var i = 0; i < count; i++) _pieces.Writer.TryWrite(true);
    }

    /// <summary>Waits for messages of the platform.</summary>
    public async Task<IReadOnlyList<T>> ExpectAsync<T>(int count, Func<T, bool>? which = null) where T : HostMessage
    {
        while (true)
        {
            var messages = Received.OfType<T>().Where(which ?? (_ => true)).ToList();
            if (messages.Count >= count) return messages;
            await PlatformCalls.BreatheAsync();
        }
    }

    /// <summary>Waits for a message of the platform.</summary>
    public async Task<T> ExpectAsync<T>(Func<T, bool>? which = null) where T : HostMessage => (await ExpectAsync(1, which))[0];

    protected override async Task RunAsync()
    {
        var running = new List<Task>();
        await foreach (var message in Input.ReadAllAsync(Killed))
        {
            switch (message)
            {
                case LoadModel load:
                    running.Add(LoadAsync(load));
                    break;
                case UnloadModel unload:
                    _loaded.TryRemove(unload.ModelKey, out _);
                    break;
                case Generate generate when !_loaded.ContainsKey(generate.ModelKey):
                    Say(new RequestFailed(generate.RequestId, WorkerErrors.ModelNotFound, $"No model {generate.ModelKey} is loaded."));
                    break;
                case Generate generate:
                    running.Add(AnswerAsync(generate));
                    break;
                case Embed embed when Workers.AnswersAlone:
                    Say(new Embedded(embed.RequestId, [.. embed.Inputs.Select(text => (IReadOnlyList<float>)[1f, text.Length])], 3));
                    break;
                case Shutdown:
                    return;
            }
        }
    }

    private async Task LoadAsync(LoadModel load)
    {
        if (Workers.SlowModels.TryGetValue(load.ModelKey, out var patience)) await patience.Task.WaitAsync(Killed);
        if (Workers.BrokenModels.TryGetValue(load.ModelKey, out var reason))
        {
            Say(new RequestFailed(load.RequestId, WorkerErrors.InvalidModel, reason));
            return;
        }

        Directory.Exists(load.ModelDirectory).ShouldBeTrue();
        _loaded[load.ModelKey] = load.ModelDirectory;
        Say(new ModelLoaded(load.RequestId, load.ModelKey, 512, 1000));
    }

    private async Task AnswerAsync(Generate generate)
    {
        Count(1);
        var text = $"{generate.ModelKey}: {generate.Messages?[^1].Content ?? generate.Prompt}";
        for (var i = 0; i < text.Length; i++)
        {
            if (!Workers.AnswersAlone) await _pieces.Reader.ReadAsync(Killed).AsTask().ConfigureAwait(ConfigureAwaitOptions.None);
            var cancelled = Received.OfType<CancelRequest>().Any(cancel => cancel.RequestId == generate.RequestId);
            var unloaded = !_loaded.ContainsKey(generate.ModelKey);
            if (cancelled || unloaded || i == text.Length - 1) Count(-1);
            if (unloaded)
            {
                Say(new RequestFailed(generate.RequestId, WorkerErrors.ModelUnloaded, $"The model {generate.ModelKey} was unloaded."));
                return;
            }

            if (cancelled)
            {
                Say(new DecodeStep([new DecodedSlot(generate.RequestId, "", 5, i, "cancelled")]));
                return;
            }

            Say(new DecodeStep([new DecodedSlot(generate.RequestId, text[i].ToString(), 5, i + 1, i == text.Length - 1 ? "stop" : null) { Logprob = generate.Sampling.Logprobs is { } count ? Token(text[i..(i + 1)], count) : null }]));
        }
    }

    /// <summary>A token with alternatives, each half as likely as the one before.</summary>
    public static TokenLogprob Token(string text, int alternatives = 0) => new(text, -0.5)
    {
        Bytes = Bytes(text),
        Top = [.. Enumerable.Range(0, alternatives).Select(index => index == 0 ? new TokenLogprob(text, -0.5) { Bytes = Bytes(text) } : new TokenLogprob($"other {index}", -0.5 - index) { Bytes = Bytes($"other {index}") })],
    };

    private static int[] Bytes(string text) => [.. System.Text.Encoding.UTF8.GetBytes(text).Select(value => (int)value)];

    private void Count(int change)
    {
        lock (_lock)
        {
            _answering += change;
            MostAnswering = Math.Max(MostAnswering, _answering);
        }
    }
}

/// <summary>Writes an export in three steps: a folder of two files, or one file.</summary>
internal sealed class FakeExporter(FakeWorkers workers, IReadOnlyList<string> arguments) : FakeWorker(workers, "export")
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What its files hold.</summary>
    public const string Weights = "weights of a fake worker";

    /// <summary>The value of a word of its command line; null when it is not there.</summary>
    public string? Word(string name) => arguments.SkipWhile(word => word != name).Skip(1).FirstOrDefault();

    /// <summary>Lets it end.</summary>
    public void End() => _end.SetResult();

    protected override async Task RunAsync()
    {
        Directory.Exists(Word("--model")).ShouldBeTrue();
        Say(new ExportProgress(25, 100));
        var output = Word("--out")!;
        if (!Workers.ExportsAlone)
        {
            // Half of it lies there already.
            await File.WriteAllTextAsync(output + ".unfinished", "half");
            await _end.Task.WaitAsync(Killed);
            File.Delete(output + ".unfinished");
        }

        if (Workers.ExportFault is { } fault)
        {
            Say(fault);
            return;
        }

        var folder = !Word("--format")!.StartsWith("gguf", StringComparison.Ordinal);
        if (folder) Directory.CreateDirectory(output);
        string[] paths = folder ? [Path.Combine(output, "config.json"), Path.Combine(output, "model.safetensors")] : [output];
        var files = new List<ExportedFile>();
        foreach (var path in paths)
        {
            await File.WriteAllTextAsync(path, Weights);
            files.Add(new ExportedFile(path, Weights.Length, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Weights)))));
        }

        Say(new ExportProgress(100, 100));
        Say(new ExportCompleted(files));
    }
}

/// <summary>Counts each character of a text as a token.</summary>
internal sealed class FakeCounter(FakeWorkers workers) : FakeWorker(workers, "count")
{
    protected override async Task RunAsync()
    {
        var job = (CountTokens)await Input.ReadAsync(Killed);
        if (Workers.CountFault is { } fault)
        {
            Say(new RequestFailed(job.RequestId, WorkerErrors.InvalidModel, fault));
            return;
        }

        var lengths = File.ReadLines(job.RowsFile).Where(line => line.Length > 0).Select(WorkerLine.ReadRow).Select(row => row.Text?.Length ?? row.Messages.Sum(message => message.Content.Length)).Order().ToList();
        Say(new TokensCounted(job.RequestId, lengths.Count, lengths.Sum(), lengths[(lengths.Count - 1) / 2], lengths[^1], lengths[^1], lengths.Count(length => length > job.MaxLength)));
    }
}
