using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Qianfan.Engine;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Native;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Benchmarks.Engine;

/// <summary>Training steps, full and LoRA, beside those of PyTorch (Debian's <c>python3-torch</c> with BLIS) where it is found. Each measurement is a process of its own, so that memory is its own too.</summary>
internal static class TrainBenchmark
{
    /// <summary>The first argument of a process that takes one measurement of ours.</summary>
    public const string Child = "engine-train-once";

    private const int Rank = 8;

    private sealed record Work(string Name, ModelShape Shape, int Rows, int Length, int Rank, int Warmup, int Steps, bool Checkpointing = false, bool Bf16 = false);

    /// <summary>Processor time of all threads is what a busy machine changes least.</summary>
    private sealed record Result(double TokensPerSecond, double CpuMicroseconds, double PeakMegabytes);

    private static readonly Work[] s_works =
    [
        new("A full", BenchmarkModels.A, 8, 256, 0, 1, 4),
        new("A LoRA", BenchmarkModels.A, 8, 256, Rank, 1, 4),
        new("B full", BenchmarkModels.B, 2, 128, 0, 1, 3),
        new("B LoRA", BenchmarkModels.B, 2, 128, Rank, 1, 3),
        new("A full, bf16", BenchmarkModels.A, 8, 256, 0, 1, 4, Bf16: true),
        new("A LoRA, bf16", BenchmarkModels.A, 8, 256, Rank, 1, 4, Bf16: true),
        new("B full, bf16", BenchmarkModels.B, 2, 128, 0, 1, 3, Bf16: true),
        new("B LoRA, bf16", BenchmarkModels.B, 2, 128, Rank, 1, 3, Bf16: true),
        new("A full, activation checkpointing", BenchmarkModels.A, 8, 256, 0, 1, 4, Checkpointing: true),
        new("B LoRA, activation checkpointing", BenchmarkModels.B, 2, 128, Rank, 1, 3, Checkpointing: true),
    ];

    public static void Report(int rounds, int threads)
    {
        var peer = PyTorchPeer.Find(out var missing);
        if (peer is null)
        {
            Figures.Print("train.peer", ("peer", "PyTorch"), ("found", false), ("reason", missing));
        }

        foreach (var work in s_works)
        {
            var (ours, theirs) = (new List<Result>(), new List<Result>());
            for (var round = 0; round < rounds; round++)
            {
                ours.Add(Ours(work, threads));
                if (peer is not null && !work.Checkpointing)
                {
                    theirs.Add(Theirs(peer, work, threads));
                }
            }

            Print(work, threads, ours, theirs);
        }
    }

    private static void Print(Work work, int threads, List<Result> ours, List<Result> theirs)
    {
        var values = new List<(string, JsonNode?)>
        {
            ("work", work.Name), ("rows", work.Rows), ("length", work.Length), ("threads", threads), ("rounds", ours.Count),
            ("tokens_per_s", Math.Round(Figures.Median(ours.Select(r => r.TokensPerSecond)), 1)), ("cpu_us_per_token", Math.Round(Figures.Median(ours.Select(r => r.CpuMicroseconds)), 1)), ("peak_mb", Math.Round(Figures.Median(ours.Select(r => r.PeakMegabytes)))),
        };
        if (theirs.Count > 0)
        {
            var ratios = ours.Zip(theirs, (a, b) => a.TokensPerSecond / b.TokensPerSecond).ToList();
            values.AddRange(
            [
                ("pytorch_tokens_per_s", Math.Round(Figures.Median(theirs.Select(r => r.TokensPerSecond)), 1)), ("pytorch_peak_mb", Math.Round(Figures.Median(theirs.Select(r => r.PeakMegabytes)))),
                ("over_pytorch", Math.Round(Figures.Median(ratios), 2)), ("over_pytorch_least", Math.Round(ratios.Min(), 2)), ("over_pytorch_most", Math.Round(ratios.Max(), 2)),
                ("pytorch_cpu_us_per_token", Math.Round(Figures.Median(theirs.Select(r => r.CpuMicroseconds)), 1)), ("pytorch_cpu_over_ours", Math.Round(Figures.Median(ours.Zip(theirs, (a, b) => b.CpuMicroseconds / a.CpuMicroseconds)), 2)),
                ("peak_over_pytorch", Math.Round(Figures.Median(ours.Zip(theirs, (a, b) => a.PeakMegabytes / b.PeakMegabytes)), 2)),
                ("target", work.Rank == 0 ? "1.2 times at 0.8 times the peak" : "1.1 times"),
            ]);
        }

        Figures.Print("train.step", values);
    }

    private static Result Ours(Work work, int threads) => Run(new ProcessStartInfo(Environment.ProcessPath!, [Child, work.Name, threads.ToString(CultureInfo.InvariantCulture)]));

    private static Result Theirs(ProcessStartInfo peer, Work work, int threads)
    {
        var shape = work.Shape;
        int[] numbers = [shape.HiddenSize, shape.Layers, shape.Heads, shape.KeyValueHeads, shape.HeadSize, shape.IntermediateSize, shape.VocabularySize, work.Rows, work.Length, work.Rank, work.Warmup, work.Steps, threads];
        var start = new ProcessStartInfo(peer.FileName, [.. peer.ArgumentList, .. numbers.Select(number => number.ToString(CultureInfo.InvariantCulture))]);
        foreach (var (name, value) in peer.Environment)
        {
            start.Environment[name] = value;
        }

        // The same for both: threads of BLIS and of OpenMP, none of them spinning while others need the cores.
        start.Environment["OMP_NUM_THREADS"] = start.Environment["BLIS_NUM_THREADS"] = threads.ToString(CultureInfo.InvariantCulture);
        start.Environment["OMP_WAIT_POLICY"] = "PASSIVE";
        return Run(start);
    }

    private static Result Run(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var line = output.Split('\n').LastOrDefault(text => text.StartsWith('{')) ?? throw new InvalidOperationException($"{start.FileName} gave no result: {output}");
        var result = JsonNode.Parse(line)!;
        return new Result((double)result["tokensPerSecond"]!, (double)result["cpuMicroseconds"]!, (double)result["peakMegabytes"]!);
    }

    /// <summary>One measurement of ours: the loop that trains for the platform, on random tokens.</summary>
    public static int RunOnce(IReadOnlyList<string> args)
    {
        var work = s_works.Single(candidate => candidate.Name == args[1]);
        var threads = int.Parse(args[2], CultureInfo.InvariantCulture);
        TorchRuntime.Start(threads);
        var (shape, random) = (work.Shape, new SeededRandom(1));
        var adapters = work.Rank > 0 ? new LoraAdapters(shape, work.Rank, 16, dropout: 0, initial: null, seed: 1) : null;
        using var network = new LlamaNetwork(shape, Weights, adapters, work.Checkpointing, new Products(work.Bf16));
        // More steps show whether memory stays where it is.
        var steps = args.Count > 3 ? int.Parse(args[3], CultureInfo.InvariantCulture) : work.Steps;
        var total = work.Warmup + steps;
        int[] stream = [.. Enumerable.Range(0, (total * work.Rows * work.Length) + 1).Select(_ => random.Next(shape.VocabularySize))];
        var plan = new TrainingPlan(total, new LearningRateSchedule("constant", 1e-4, total, 0), WeightDecay: 0.01, MaxGradientNorm: 1, CheckpointSteps: int.MaxValue, ValidationSteps: int.MaxValue, LoggingSteps: 1, Seed: 1, Fingerprint: "benchmark");
        var folder = Directory.CreateTempSubdirectory("qianfan-train-").FullName;
        using var process = Process.GetCurrentProcess();
        var (watch, before) = (new Stopwatch(), TimeSpan.Zero);
        new TrainingLoop(network, new StreamBatches(stream, work.Length, work.Rows, 1), [], plan, new CheckpointStore(folder), Hear, TimeProvider.System).Run(CancellationToken.None);
        return 0;

        void Hear(WorkerMessage message)
        {
            if (message is not TrainingProgress progress)
            {
                return;
            }

            if (progress.Step == work.Warmup)
            {
                watch.Start();
                before = process.TotalProcessorTime;
            }

            if (progress.Step < total)
            {
                return;
            }

            var seconds = watch.Elapsed.TotalSeconds / steps;
            process.Refresh();
            var cpu = (process.TotalProcessorTime - before).TotalMicroseconds / (steps * work.Rows * work.Length);
            Console.WriteLine(new JsonObject { ["tokensPerSecond"] = work.Rows * work.Length / seconds, ["cpuMicroseconds"] = cpu, ["peakMegabytes"] = process.PeakWorkingSet64 / 1048576.0, ["loss"] = progress.Loss }.ToJsonString());
            Directory.Delete(folder, recursive: true);
            // A checkpoint of the last step is no part of the measure.
            Environment.Exit(0);
        }

        void Weights(string name, Span<float> into)
        {
            if (name.Contains("norm", StringComparison.Ordinal))
            {
                into.Fill(1);
                return;
            }

            foreach (ref var value in into)
            {
                value = (float)((random.NextDouble() - 0.5) * 0.07);
            }
        }
    }
}
