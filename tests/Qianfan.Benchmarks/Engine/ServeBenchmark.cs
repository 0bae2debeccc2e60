using System.Diagnostics;
using System.Numerics.Tensors;
using System.Text;
using System.Text.Json.Nodes;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Exports;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Benchmarks.Engine;

/// <summary>Prefill and decoding of one caller and of eight, in each number format and in llama.cpp (Q8_0) where it is found; how long models take to load, and the worker to be ready.</summary>
internal static class ServeBenchmark
{
    private const int PromptTokens = 128;
    private const int Callers = 8;

    public static void Report(int rounds, int threads)
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-serve-").FullName;
        try
        {
            if (!LlamaPeer.Found)
            {
                Figures.Print("serve.peer", ("peer", "llama.cpp"), ("found", false), ("reason", "npm ci was not run in tests/Qianfan.Engine.Tests/Golden"));
            }

            ReportShape("A", BenchmarkModels.A, Path.Combine(folder, "A"), rounds, threads, 64);
            ReportShape("B", BenchmarkModels.B, Path.Combine(folder, "B"), rounds, threads, 16);
            ReportLoad(Path.Combine(folder, "B"), rounds);
            ReportReady(rounds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void ReportShape(string name, ModelShape shape, string folder, int rounds, int threads, int steps)
    {
        BenchmarkModels.Write(folder, shape);
        var sizes = new Dictionary<string, long>();
        var runs = new List<(string Kind, int Callers, Func<(double Prefill, double PerStep)> Run)>();
        foreach (var kind in Enum.GetValues<WeightKind>())
        {
            var model = ServedModel.Load(folder, null, threads, kind: kind);
            // As in a worker, pages that one request leaves are there for the next.
            var pool = new PagePool(long.MaxValue);
            sizes[kind.ToString()] = model.MemoryBytes;
            foreach (var callers in (int[])[1, Callers])
            {
                runs.Add((kind.ToString(), callers, () => Ours(model, pool, callers, steps)));
            }
        }

        LlamaPeer? peer = null;
        if (LlamaPeer.Found)
        {
            var file = Path.Combine(folder, "model.gguf");
            if (ExportCommand.Run(["--model", folder, "--format", "gguf-q8_0", "--out", file], _ => { }) != 0)
            {
                throw new InvalidOperationException("The model can't be exported.");
            }

            peer = new LlamaPeer(file, threads, Callers);
            foreach (var callers in (int[])[1, Callers])
            {
                runs.Add(("llama.cpp", callers, () => Theirs(peer, callers, steps)));
            }
        }

        var results = runs.ToDictionary(run => (run.Kind, run.Callers), _ => new List<(double Prefill, double PerStep)>());
        // The first round only warms up.
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var (kind, callers, run) in runs)
            {
                var result = run();
                if (round > 0)
                {
                    results[(kind, callers)].Add(result);
                }
            }
        }

        peer?.Dispose();
        var stream = StreamBandwidth(threads, rounds);
        Figures.Print("serve.stream", ("threads", threads), ("read_gb_per_s", Math.Round(stream, 1)));
        foreach (var (kind, callers, _) in runs)
        {
            var own = results[(kind, callers)];
            var values = new List<(string, JsonNode?)>
            {
                ("shape", name), ("weights", kind), ("callers", callers), ("threads", threads),
                ("decode_tokens_per_s", Math.Round(callers / Figures.Median(own.Select(r => r.PerStep)), 1)),
                ("prefill_128_ms", Math.Round(Figures.Median(own.Select(r => r.Prefill)) * 1000 / callers, 1)),
            };
            // Each step of one caller reads all weights once.
            if (callers == 1 && sizes.TryGetValue(kind, out var bytes))
            {
                values.Add(("weights_read_over_stream", Math.Round(bytes / Figures.Median(own.Select(r => r.PerStep)) / 1e9 / stream, 2)));
            }

            if (peer is not null && kind != "llama.cpp")
            {
                var other = results[("llama.cpp", callers)];
                values.Add(("decode_over_llama_cpp", Math.Round(Figures.Median(own.Zip(other, (a, b) => b.PerStep / a.PerStep)), 2)));
                values.Add(("prefill_over_llama_cpp", Math.Round(Figures.Median(own.Zip(other, (a, b) => b.Prefill / a.Prefill)), 2)));
            }

            Figures.Print("serve.decode", values);
        }
    }

    /// <summary>How fast so many threads read memory, in GB a second: what no product of a matrix with one vector can go beyond.</summary>
    private static double StreamBandwidth(int threads, int rounds)
    {
        var memory = GC.AllocateUninitializedArray<float>(threads << 25);
        Array.Fill(memory, 1);
        var times = new List<double>();
        for (var round = 0; round <= rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            var sums = new float[threads];
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, thread => sums[thread] = TensorPrimitives.Sum<float>(memory.AsSpan(thread << 25, 1 << 25)));
            if (round > 0)
            {
                times.Add(watch.Elapsed.TotalSeconds);
            }

            // A sum that nobody looks at need not be made.
            if (sums.Sum() <= 0)
            {
                throw new InvalidOperationException("The memory was not read.");
            }
        }

        return memory.Length * (double)sizeof(float) / Figures.Median(times) / 1e9;
    }

    private static int[] Prompt(int caller) => [.. Enumerable.Range(0, PromptTokens).Select(i => ((i * 7) + caller) % 200)];

    private static (double Prefill, double PerStep) Ours(ServedModel model, PagePool pool, int callers, int steps)
    {
        var caches = Enumerable.Range(0, callers).Select(_ => new KeyValueCache(model.Shape, pool)).ToArray();
        var logits = new float[callers * model.Shape.VocabularySize];
        var size = model.Shape.HiddenSize;
        var watch = Stopwatch.StartNew();
        for (var caller = 0; caller < callers; caller++)
        {
            model.Decoder.Logits(model.Decoder.Forward([new(caches[caller], Prompt(caller))])[^size..], 1, logits);
        }

        var prefill = watch.Elapsed.TotalSeconds;
        watch.Restart();
        for (var step = 0; step < steps; step++)
        {
            model.Decoder.Logits(model.Decoder.Forward([.. caches.Select((cache, caller) => new Qianfan.Engine.Serving.Decoder.Segment(cache, [(step + caller) % 200]))]), callers, logits);
        }

        var decode = watch.Elapsed.TotalSeconds;
        foreach (var cache in caches)
        {
            cache.Release();
        }

        return (prefill, decode / steps);
    }

    private static (double Prefill, double PerStep) Theirs(LlamaPeer peer, int callers, int steps)
    {
        peer.Clear();
        var watch = Stopwatch.StartNew();
        peer.Decode([.. Enumerable.Range(0, callers).Select(Prompt)], 0);
        var prefill = watch.Elapsed.TotalSeconds;
        watch.Restart();
        for (var step = 0; step < steps; step++)
        {
            peer.Decode([.. Enumerable.Range(0, callers).Select(caller => new[] { (step + caller) % 200 })], PromptTokens + step);
        }

        return (prefill, watch.Elapsed.TotalSeconds / steps);
    }

    private static void ReportLoad(string folder, int rounds)
    {
        var (loads, copies) = (new List<double>(), new List<double>());
        var file = Path.Combine(folder, WeightFiles.SingleFile);
        for (var round = 0; round <= rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            ServedModel.Load(folder, null, 1);
            var load = watch.Elapsed.TotalSeconds;
            watch.Restart();
            File.Copy(file, file + ".copy", overwrite: true);
            if (round > 0)
            {
                loads.Add(load);
                copies.Add(watch.Elapsed.TotalSeconds);
            }
        }

        Figures.Print("serve.load", ("shape", "B"), ("weights", "Int8"), ("load_ms", Math.Round(Figures.Median(loads) * 1000)), ("copy_ms", Math.Round(Figures.Median(copies) * 1000)),
            ("over_copy", Math.Round(Figures.Median(loads.Zip(copies, (a, b) => a / b)), 1)), ("target", "within 3 times of copying"));
    }

    private static void ReportReady(int rounds)
    {
        var (times, memory) = (new List<double>(), new List<double>());
        for (var round = 0; round <= rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            using var process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "Qianfan.Engine.exe" : "Qianfan.Engine"), "serve")
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                StandardInputEncoding = new UTF8Encoding(false),
                StandardOutputEncoding = new UTF8Encoding(false),
            })!;
            process.StandardInput.WriteLine(WorkerLine.Write(new LoadModel("load", "m", Path.Combine(AppContext.BaseDirectory, "models", "qianfan-tiny"))));
            process.StandardInput.Flush();
            while (WorkerLine.ReadWorker(process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The worker ended.")) is not ModelLoaded)
            {
            }

            var time = watch.Elapsed.TotalSeconds;
            process.Refresh();
            if (round > 0)
            {
                times.Add(time);
                memory.Add(process.WorkingSet64 / 1e6);
            }

            process.StandardInput.Close();
            process.WaitForExit();
        }

        Figures.Print("serve.ready", ("model", "qianfan-tiny"), ("ready_ms", Math.Round(Figures.Median(times) * 1000)), ("memory_mb", Math.Round(Figures.Median(memory))), ("target", "under 1000 ms and 200 MB"));
    }
}
