using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Native;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>One fine-tuning from rows to weights. Used once.</summary>
internal sealed class TrainingJob
{
    private const string FullFineTuning = "FullFineTuning";
    public const string Lora = "LoRA";
    private readonly StartTraining _start;
    private readonly Action<WorkerMessage> _report;
    private readonly TimeProvider _time;
    private readonly long? _memory;
    private readonly INetworkOperations? _operations;

    private TrainingConfig Config => _start.Config;

    /// <param name="start">What to train.</param>
    /// <param name="report">Hears of every step.</param>
    /// <param name="time">Clock.</param>
    /// <param name="memory">Bytes that may be used; null for those that are free.</param>
    /// <param name="operations">Where and with what the network works besides its products; null for the GPU if there is one, or else the processor.</param>
    public TrainingJob(StartTraining start, Action<WorkerMessage> report, TimeProvider time, long? memory = null, INetworkOperations? operations = null) =>
        (_start, _report, _time, _memory, _operations) = (start, report, time, memory, operations);

    /// <returns><see cref="TrainingCompleted"/> or <see cref="TrainingStopped"/>.</returns>
    /// <exception cref="EngineException">What can't be trained, and why.</exception>
    public WorkerMessage Run(CancellationToken stop)
    {
        var started = _time.GetTimestamp();
        using var taskLock = TaskLock.Take(_start.TaskDirectory);
        Check();
        var from = Config.StartFromDirectory;
        var fromAdapter = from is not null && PeftAdapter.IsAt(from);
        var modelDirectory = from is not null && !fromAdapter ? from : _start.BaseModelDirectory;
        var shape = ModelShape.Read(modelDirectory);
        var encoder = RowEncoder.Read(modelDirectory);
        var limit = Math.Min(Config.MaxSequenceLength, shape.ContextLength);
        var rows = _start.ValidationRowsFile is { } validationFile
            ? TrainingRows.Read(_start.RowsFile, validationFile, encoder, limit, Config.Seed)
            : TrainingRows.Read(_start.RowsFile, encoder, limit, Config.ValidationPercent, Config.Seed);
        if (rows.Useless > 0)
            _report(new TrainingLog("warning", rows.AreTexts ? $"{rows.Useless} rows are empty and are left out." : $"{rows.Useless} rows have no answer to learn within the sequence length and are left out."));

        var threads = Threads();
        if (TorchRuntime.Start(threads) is { } mended)
            _report(new TrainingLog("info", $"The native library was mended for this system's C++ runtime: {mended}"));
        var store = new CheckpointStore(Path.Combine(_start.TaskDirectory, "checkpoints"));
        var fingerprint = Fingerprint(rows, modelDirectory);
        // Texts share sequences in any case, and fill them.
        var longest = rows.AreTexts ? (int)Math.Min(limit, Math.Max(Tokens(rows.Train), Tokens(rows.Validation))) : rows.Train.Concat(rows.Validation).Max(row => row.Tokens.Count);
        var newest = store.Newest(fingerprint);
        var operations = _operations ?? (TorchRuntime.Gpu() is { } gpu ? new TorchOperations(gpu) : new ProcessorOperations(threads));
        var onGpu = operations.Device.type != TorchSharp.DeviceType.CPU;
        // Nobody here says what a GPU has free: libtorch does, when that is not enough.
        var passTokens = TrainingMemory.PassTokens(shape, rows.AreTexts ? Config with { Packing = true } : Config, longest, _memory ?? (onGpu ? long.MaxValue : MemoryBudget.Available()), newest?.PassTokens);
        var precision = newest?.Precision ?? TrainingPrecision.Choose(Config.Precision, shape, onGpu, TrainingPrecision.ProcessorGains);
        _report(new TrainingLog("info", $"Training on {(onGpu ? "the GPU" : "the processor")}, matrix products in {precision}."));
        if (precision == TrainingPrecision.Bf16 && !onGpu && !TrainingPrecision.ProcessorGains)
            _report(new TrainingLog("warning", "This processor has no instruction for products in bf16: they take many times longer than in 32 bits."));
        using var network = Network(modelDirectory, shape, fromAdapter ? PeftAdapter.Read(from!, shape) : null, new Products(precision == TrainingPrecision.Bf16), operations);
        var (batches, validation) = Batches(rows, encoder, limit, passTokens);
        var total = checked(batches.StepsPerEpoch * Config.Epochs);
        var plan = new TrainingPlan(total, new LearningRateSchedule(Config.Scheduler, Config.LearningRate, total, Config.WarmupRatio), Config.WeightDecay, Config.MaxGradientNorm,
            Config.CheckpointSteps, ValidationSteps: Math.Max(1, total / 20), Math.Max(1, Config.LoggingSteps), Config.Seed, fingerprint, Config.EarlyStopPatience, Config.KeepBest, passTokens, precision);
        using var loop = new TrainingLoop(network, batches, validation, plan, store, _report, _time);
        _report(new TrainingStarted(loop.State.Step, total, rows.Train.Count, rows.Validation.Count, Tokens(rows.Train), rows.Truncated,
            shape.ParameterCount, network.Trained.Sum(parameter => parameter.Value.numel())));
        loop.RepeatRecent();
        if (!loop.Run(stop))
            return new TrainingStopped(loop.State.Step);
        if (Config.KeepBest)
            loop.TakeBest();
        // An adapter is of use only on the base model; one that began elsewhere leaves merged.
        var kind = Config.ParameterScale == Lora && (from is null || fromAdapter) ? "adapter" : "model";
        new TrainingOutput(_start, shape, network, loop.State, rows).Write(kind, modelDirectory);
        return new TrainingCompleted(loop.State.Step, loop.State.MeanEpochLoss, Config.KeepBest ? loop.State.BestValidationLoss : loop.State.ValidationLoss, loop.State.Tokens,
            _time.GetElapsedTime(started).TotalSeconds, kind, Config.KeepBest ? loop.State.BestStep : null, loop.StoppedEarly);
    }

    private static long Tokens(IReadOnlyList<EncodedRow> rows) => rows.Sum(row => (long)row.Tokens.Count);

    private (IBatchSource Train, IReadOnlyList<Batch> Validation) Batches(TrainingRows rows, RowEncoder encoder, int limit, int passTokens)
    {
        var batchSize = Config.BatchSize * Config.GradientAccumulationSteps;
        if (rows.Conversations is not { } conversations)
        {
            var held = rows.Validation.Count == 0 ? null : new TextSequences(rows.Validation, limit);
            return (new TextBatches(rows.Train, limit, batchSize, Config.Seed, passTokens), held?.Parts(Enumerable.Range(0, held.Count), passTokens) ?? []);
        }
        var varied = Config.PromptDropout > 0 ? new VariedPrompts(conversations, encoder.Template, Config.PromptDropout, limit, Config.Seed) : null;
        return (new RowBatches(rows.Train, batchSize, Config.Seed, passTokens, Config.Packing, varied), Batch.Parts(rows.Validation.OrderBy(row => row.Tokens.Count), passTokens, Config.Packing));
    }

    private LlamaNetwork Network(string directory, ModelShape shape, PeftAdapter? adapter, Products products, INetworkOperations operations)
    {
        using var files = WeightFiles.Open(directory);
        files.Check(shape);
        var sizes = shape.Weights().ToDictionary(weight => weight.Name, weight => weight.Shape, StringComparer.Ordinal);
        return Config.ParameterScale == Lora
            ? new LlamaNetwork(shape, Read, Adapters(shape, adapter), Config.ActivationCheckpointing, products, operations)
            : new LlamaNetwork(shape, Read, adapters: null, Config.ActivationCheckpointing, products, operations);

        void Read(string name, Span<float> into)
        {
            files.Read(name, sizes[name], into);
            if (Config.ParameterScale != Lora)
                adapter?.MergeInto(name, into);
        }
    }

    private LoraAdapters Adapters(ModelShape shape, PeftAdapter? initial)
    {
        if (initial is not null && (initial.Rank != Config.LoraRank || initial.Alpha != Config.LoraAlpha ||
            !initial.Values.Keys.Where(name => name.EndsWith(".lora_A.weight", StringComparison.Ordinal)).ToHashSet().SetEquals(shape.Adapted(Config.LoraTargetModules).Select(linear => WeightNames.LoraA(linear.Name)))))
        {
            throw new EngineException(WorkerErrors.InvalidArgument,
                $"The adapter to start from has rank {initial.Rank} and alpha {initial.Alpha}; training goes on only with the same rank and alpha, on the same layers.");
        }
        return new LoraAdapters(shape, Config.LoraRank, Config.LoraAlpha, Config.LoraDropout, initial?.Values, Config.Seed, Config.LoraTargetModules);
    }

    private string Fingerprint(TrainingRows rows, string modelDirectory)
    {
        // How often it reports and saves does not change the course, nor what it keeps in memory; what auto is, the state remembers.
        var precision = Config.Precision == TrainingPrecision.Auto ? null : Config.Precision;
        var course = WorkerLine.Write(new StartTraining("", "", rows.Hash, Config with { LoggingSteps = 1, CheckpointSteps = 0, ActivationCheckpointing = false, Precision = precision, StartFromDirectory = null }) { ValidationRowsFile = rows.ValidationHash });
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(course));
        foreach (var file in new[] { modelDirectory, Config.StartFromDirectory ?? modelDirectory }.Distinct().SelectMany(directory => Directory.EnumerateFiles(directory, "*.safetensors")).Order(StringComparer.Ordinal))
        {
            using var stream = File.OpenRead(file);
            hash.AppendData(SHA256.HashData(stream));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static int Threads() =>
        int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), NumberStyles.None, CultureInfo.InvariantCulture, out var threads) && threads > 0
            ? threads
            : Environment.ProcessorCount;

    private void Check()
    {
        var config = Config;
        Require(config.ParameterScale is FullFineTuning or Lora, $"The parameter scale {config.ParameterScale} is not supported; use {FullFineTuning} or {Lora}.");
        Require(config.Epochs is >= 1 and <= 10_000, "Epochs must be from 1 to 10000.");
        Require(config.BatchSize is >= 1 and <= 1024, "The batch size must be from 1 to 1024.");
        Require(config.LearningRate is > 0 and <= 1, "The learning rate must be above 0 and at most 1.");
        Require(config.MaxSequenceLength >= 8, "The sequence length must be at least 8.");
        Require(config.WarmupRatio is >= 0 and <= 1, "The warm-up ratio must be from 0 to 1.");
        Require(config.WeightDecay is >= 0 and <= 1, "The weight decay must be from 0 to 1.");
        Require(config.MaxGradientNorm > 0, "The gradient norm must be above 0.");
        Require(config.ValidationPercent is >= 0 and <= 50, "The validation percent must be from 0 to 50.");
        Require(config.GradientAccumulationSteps is >= 1 and <= 1024, "The steps of gradient accumulation must be from 1 to 1024.");
        Require(config.PromptDropout is >= 0 and <= 0.9, "The prompt dropout must be from 0 to 0.9.");
        Require(config.EarlyStopPatience >= 0, "The patience of early stopping must not be negative.");
        Require(config.ValidationPercent > 0 || _start.ValidationRowsFile is not null || config.EarlyStopPatience == 0 && !config.KeepBest, "Early stopping and keeping the best weights need rows for validation.");
        TrainingPrecision.Check(config.Precision);
        Require(config.CheckpointSteps >= 0, "The steps between checkpoints must not be negative.");
        if (config.ParameterScale != Lora)
            return;
        Require(config.LoraRank is >= 1 and <= 1024, "The LoRA rank must be from 1 to 1024.");
        Require(config.LoraAlpha is > 0 and <= 100_000, "LoRA alpha must be above 0.");
        Require(config.LoraTargetModules is null || config.LoraTargetModules.Count > 0 && config.LoraTargetModules.All(PeftAdapter.Modules.Contains),
            $"The LoRA target modules must be one or more of {string.Join(", ", PeftAdapter.Modules)}.");
        Require(config.LoraDropout is >= 0 and < 1, "The LoRA dropout must be from 0 to below 1.");

        static void Require(bool holds, string message)
        {
            if (!holds)
                throw new EngineException(WorkerErrors.InvalidArgument, message);
        }
    }
}
