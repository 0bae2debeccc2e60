using System.Globalization;
using System.Runtime.InteropServices;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Training;

namespace Qianfan.Engine.Tests;

[Collection(TorchTests.Name)]
public sealed partial class GradientTests
{
    private static readonly Batch s_batch = Batch.Of([new EncodedRow([3, 40, 41, 9, 120], [0, 0, 1, 1, 0.5f]), new EncodedRow([3, 77, 5], [0, 0, 1])]);

    public static readonly TheoryData<string, bool> Gradients = [.. TinyModel.Kinds.SelectMany(kind => (TheoryDataRow<string, bool>[])[(kind.Data, false), (kind.Data, true)])];

    [Theory]
    [MemberData(nameof(Gradients))]
    public void Gradients_agree_with_finite_differences(string kind, bool lora)
    {
        using var network = Network(TinyModel.Shape(kind), lora);
        network.Learn(s_batch, s_batch.TotalWeight).ShouldBe(network.Loss(s_batch) / s_batch.TotalWeight, 1e-6);
        var random = new SeededRandom(1);
        foreach (var parameter in network.Trained)
        {
            var (name, tensor) = parameter;
            var analytic = Tensors.Values(parameter.Gradient!).ToArray();
            // A random direction sums over all of a tensor's entries.
            var direction = Enumerable.Range(0, analytic.Length).Select(_ => (float)random.NextNormal()).ToArray();
            var expected = analytic.Zip(direction, (a, b) => (double)a * b).Sum();
            var step = 2e-3 / Math.Sqrt(direction.Sum(value => (double)value * value));
            var before = Tensors.Values(tensor).ToArray();
            var difference = (LossAt(+step) - LossAt(-step)) / (2 * step);
            before.CopyTo(Tensors.Values(tensor));
            difference.ShouldBe(expected, 0.02 + 0.03 * Math.Abs(expected), name);

            double LossAt(double distance)
            {
                var values = Tensors.Values(tensor);
                for (var i = 0; i < values.Length; i++)
                    values[i] = (float)(before[i] + distance * direction[i]);
                return network.Loss(s_batch) / s_batch.TotalWeight;
            }
        }
    }

    [Theory]
    [InlineData("llama", false, 0)]
    [InlineData("mistral, window", true, 0.5)]
    [InlineData("qwen3, biases", false, 0)]
    [InlineData("qwen2", true, 0)]
    public void Activation_checkpointing_changes_no_gradient(string kind, bool lora, double dropout)
    {
        var shape = TinyModel.Shape(kind);
        using var kept = Network(shape, lora, dropout);
        using var anew = Network(shape, lora, dropout, checkpointing: true);
        anew.Learn(s_batch, 2, seed: 7).ShouldBe(kept.Learn(s_batch, 2, seed: 7));
        for (var i = 0; i < kept.Trained.Count; i++)
            Tensors.Values(anew.Trained[i].Gradient!).ToArray().ShouldBe(Tensors.Values(kept.Trained[i].Gradient!).ToArray(), kept.Trained[i].Name);
    }

    [Fact]
    public void Dropout_follows_from_the_seed_and_its_gradients_agree_with_finite_differences()
    {
        using var network = Network(TinyModel.Shape(), lora: true, dropout: 0.4);
        var loss = network.Learn(s_batch, 1, seed: 3);
        network.Learn(s_batch, 1, seed: 4).ShouldNotBe(loss);
        network.ClearGradients();
        network.Learn(s_batch, 1, seed: 3).ShouldBe(loss);
        var parameter = network.Trained[0];
        var analytic = Tensors.Values(parameter.Gradient!).ToArray();
        var direction = analytic.Select(value => value / Math.Sqrt(analytic.Sum(other => (double)other * other))).ToArray();
        var expected = analytic.Zip(direction, (a, b) => a * b).Sum();
        ((LossAt(5e-3) - LossAt(-5e-3)) / 0.01).ShouldBe(expected, 0.01 + 0.03 * Math.Abs(expected));

        double LossAt(double distance)
        {
            var before = Tensors.Values(parameter.Value).ToArray();
            for (var i = 0; i < before.Length; i++)
                Tensors.Values(parameter.Value)[i] += (float)(distance * direction[i]);
            var found = network.Learn(s_batch, 1, seed: 3);
            before.CopyTo(Tensors.Values(parameter.Value));
            return found;
        }
    }

    [Theory]
    [InlineData("FullFineTuning", false, false)]
    [InlineData("FullFineTuning", false, true)]
    [InlineData("FullFineTuning", true, true)]
    [InlineData("LoRA", false, false)]
    public void The_estimate_of_memory_is_near_the_peak(string scale, bool checkpointing, bool inParts)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux lets a process begin its peak anew.");
        var shape = TinyModel.Shape(vocabulary: 2000) with { HiddenSize = 256, IntermediateSize = 704, Layers = 8, Heads = 8, KeyValueHeads = 4, HeadSize = 32, ContextLength = 256 };
        var config = TinyModel.Config(scale) with { ActivationCheckpointing = checkpointing, GradientAccumulationSteps = inParts ? 100 : 1 };
        EncodedRow row = new([.. Enumerable.Range(0, 256)], [.. Enumerable.Repeat(1f, 256)]);
        var batch = Batch.Of([.. Enumerable.Repeat(row, 8)]);
        using var network = Network(shape, scale == "LoRA", checkpointing: checkpointing, weights: InitialWeights.Create(shape, 1));
        // Once for code and gradients; then what one pass takes.
        network.Learn(batch, batch.TotalWeight);
        if (!inParts)
            network.ClearGradients();
        GC.Collect();
        _ = MallocTrim(0);
        File.WriteAllText("/proc/self/clear_refs", "5");
        var before = Status("VmRSS:");
        network.Learn(batch, batch.TotalWeight);
        var taken = Status("VmHWM:") - before;
        var estimate = TrainingMemory.Estimate(shape, config, 2048, 256) - TrainingMemory.Estimate(shape, config, 0, 256);
        // Without tokens, all gradients count; those of the blocks were not there before.
        if (!inParts)
            estimate += network.Trained.Where(parameter => parameter.Name.Contains("layers", StringComparison.Ordinal)).Sum(parameter => parameter.Value.numel()) * sizeof(float);
        ((double)estimate / taken).ShouldBeInRange(0.6, 2, $"estimated {estimate >> 20} MB, taken {taken >> 20} MB");

        static long Status(string name) =>
            long.Parse(File.ReadLines("/proc/self/status").Single(line => line.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
    }

    /// <summary>Gives back what is free, so that it counts again when it is taken again.</summary>
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);

    private static LlamaNetwork Network(ModelShape shape, bool lora, double dropout = 0, bool checkpointing = false, Dictionary<string, float[]>? weights = null)
    {
        var network = new LlamaNetwork(shape, weights ?? TinyModel.Weights(shape), lora ? new LoraAdapters(shape, 2, 4, dropout, initial: null, seed: 3) : null, checkpointing);
        // With B at zero, A has no gradient.
        var noise = new SeededRandom(5);
        foreach (var (_, tensor) in network.Trained.Where(parameter => parameter.Name.Contains("lora_B", StringComparison.Ordinal)))
        {
            foreach (ref var value in Tensors.Values(tensor))
                value = (float)(0.2 * noise.NextNormal());
        }
        return network;
    }

    [Fact]
    public void Padding_changes_no_loss()
    {
        var shape = TinyModel.Shape();
        using var network = new LlamaNetwork(shape, TinyModel.Weights(shape));
        EncodedRow[] rows = [new([3, 40, 41, 9, 120], [0, 0, 1, 1, 1]), new([3, 77, 5], [0, 0, 1])];
        var together = TrainingLoop.MeanLoss(network, [Batch.Of(rows)], TestContext.Current.CancellationToken)!.Value;
        var apart = TrainingLoop.MeanLoss(network, [Batch.Of([rows[0]]), Batch.Of([rows[1]])], TestContext.Current.CancellationToken)!.Value;
        together.ShouldBe(apart, 1e-5);
    }

    [Fact]
    public void A_step_in_parts_has_the_gradient_of_the_whole()
    {
        var shape = TinyModel.Shape();
        using var network = new LlamaNetwork(shape, TinyModel.Weights(shape));
        EncodedRow[] rows = [new([3, 40, 41, 9, 120], [0, 0, 1, 1, 1]), new([3, 77, 5], [0, 0, 1]), new([8, 9, 10, 11], [0, 0.5f, 1, 1])];
        var parts = Batch.Parts(rows, mostTokens: 8);
        parts.Select(part => part.Rows).ShouldBe([1, 2]);
        var whole = Gradient([Batch.Of(rows)]);
        var pieces = Gradient(parts);
        for (var i = 0; i < whole.Length; i++)
            pieces[i].ShouldBe(whole[i], 1e-5f);

        float[] Gradient(IReadOnlyList<Batch> batches)
        {
            network.ClearGradients();
            foreach (var batch in batches)
                network.Learn(batch, batches.Sum(part => part.TotalWeight));
            return network.Trained.SelectMany(parameter => Tensors.Values(parameter.Gradient!).ToArray()).ToArray();
        }
    }

    [Fact]
    public void The_optimizer_does_what_AdamW_says_and_clips()
    {
        float[] start = [.. Enumerable.Range(0, 19).Select(i => i * 0.1f - 1)];
        using var weight = Tensors.Create(start, [19, 1]);
        using var gradient = Tensors.Create(19, 1);
        var optimizer = new FusedAdamW([new Parameter("w", weight) { Gradient = gradient }], weightDecay: 0.1, maxNorm: 1, threads: 2);
        var w = start.Select(value => (double)value).ToArray();
        double[] m = new double[19], v = new double[19];
        for (var step = 1; step <= 3; step++)
        {
            var g = w.Select(value => 2 * value).ToArray();
            g.Select(value => (float)value).ToArray().CopyTo(Tensors.Values(gradient));
            var norm = Math.Sqrt(g.Sum(value => value * value));
            optimizer.Step(step, 0.01).ShouldBe(norm, 1e-4);
            for (var i = 0; i < w.Length; i++)
            {
                g[i] /= norm;
                m[i] = 0.9 * m[i] + 0.1 * g[i];
                v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i];
                w[i] -= 0.01 * (m[i] / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(v[i] / (1 - Math.Pow(0.95, step))) + 1e-8) + 0.1 * w[i]);
            }
            for (var i = 0; i < w.Length; i++)
                Tensors.Values(weight)[i].ShouldBe((float)w[i], 1e-5f);
        }
    }

    [Fact]
    public void A_gradient_that_is_no_number_changes_nothing()
    {
        using var weight = Tensors.Create([1f, 2f], [2]);
        using var gradient = Tensors.Create([1f, float.NaN], [2]);
        var optimizer = new FusedAdamW([new Parameter("w", weight) { Gradient = gradient }], 0.1, 1, 1);
        optimizer.Step(1, 0.1).ShouldBe(double.NaN);
        Tensors.Values(weight).ToArray().ShouldBe([1f, 2f]);
    }

    [Fact]
    public void Schedules_grow_over_the_warm_up_and_end_at_zero()
    {
        var cosine = new LearningRateSchedule("cosine", 1, 100, 0.1);
        cosine.At(0).ShouldBe(0.1);
        cosine.At(9).ShouldBe(1);
        cosine.At(55).ShouldBe(0.5, 1e-9);
        cosine.At(100).ShouldBe(0, 1e-9);
        new LearningRateSchedule("linear", 2, 100, 0).At(50).ShouldBe(1);
        new LearningRateSchedule("constant", 2, 100, 0).At(99).ShouldBe(2);
        Should.Throw<EngineException>(() => new LearningRateSchedule("stairs", 1, 1, 0)).Message.ShouldContain("stairs");
    }
}
