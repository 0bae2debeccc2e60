using System.Globalization;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Native;
using Qianfan.Engine.Training;

namespace Qianfan.Engine.Tests;

[Collection(TorchTests.Name)]
public sealed class GradientTests
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

    /// <summary>Differences of losses would show the rounding only: gradients in bf16 are compared with exact ones, to a tenth of their length.</summary>
    [Theory]
    [MemberData(nameof(Gradients))]
    public void Gradients_in_bf16_are_near_exact_ones(string kind, bool lora)
    {
        using var exact = Network(TinyModel.Shape(kind), lora);
        using var rounded = Network(TinyModel.Shape(kind), lora, products: new Products(rounded: true));
        rounded.Learn(s_batch, 2).ShouldBe(exact.Learn(s_batch, 2), 0.02);
        double length = 0, apart = 0;
        foreach (var (a, b) in exact.Trained.Zip(rounded.Trained, (a, b) => (Tensors.Values(a.Gradient!).ToArray(), Tensors.Values(b.Gradient!).ToArray())))
        {
            a.ShouldNotBe(b);
            length += a.Sum(value => (double)value * value);
            apart += a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Sum();
        }
        Math.Sqrt(apart / length).ShouldBeLessThan(0.1);
    }

    [Theory]
    [MemberData(nameof(Gradients))]
    public void Operations_of_libtorch_have_the_losses_and_gradients_of_the_processors_own(string kind, bool lora)
    {
        var shape = TinyModel.Shape(kind);
        EncodedRow[] rows = [new([3, 40, 41, 9, 120], [0, 0, 1, 1, 0.5f]), new([3, 77, 5], [0, 0, 1]), new([8, 9, 10, 11], [0, 0.5f, 1, 1])];
        foreach (var batch in new[] { Batch.Of(rows), Batch.Parts(rows, 1000, packing: true).Single() })
        {
            using var own = Network(shape, lora, dropout: 0.3);
            using var other = Network(shape, lora, dropout: 0.3, operations: new TorchOperations(TorchSharp.torch.CPU));
            other.Loss(batch).ShouldBe(own.Loss(batch), 1e-4);
            // The second adds to the gradients of the first.
            for (var seed = 0; seed < 2; seed++)
                other.Learn(batch, 2, seed).ShouldBe(own.Learn(batch, 2, seed), 1e-5);
            foreach (var (a, b) in own.Trained.Zip(other.Trained))
            {
                var expected = Tensors.Values(a.Gradient!).ToArray();
                var most = expected.Max(Math.Abs);
                Tensors.Values(b.Gradient!).ToArray().Zip(expected, (x, y) => Math.Abs(x - y)).Max().ShouldBeLessThan(1e-5f + 1e-4f * most, a.Name);
            }
        }
    }

    /// <summary>Tensors of the meta device have no values, but mixing them with those of the processor is an error, as on a GPU. Attention is not known to it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_lies_around_attention_keeps_to_its_device(bool lora)
    {
        using var none = TorchSharp.torch.no_grad();
        using var scope = TorchSharp.torch.NewDisposeScope();
        var (shape, operations) = (TinyModel.Shape(), new TorchOperations(new TorchSharp.torch.Device(TorchSharp.DeviceType.META)));
        EncodedRow[] rows = [new([3, 40, 41, 9, 120], [0, 0, 1, 1, 1]), new([3, 77, 5], [0, 0, 1])];
        using var pass = new Pass(Batch.Parts(rows, 1000, packing: true).Single(), Training: true, First: true, Seed: 1, operations.Device);
        pass.Mask(window: 3, times: 2)!.device_type.ShouldBe(TorchSharp.DeviceType.META);

        var (gate, up) = (WeightNames.Gate(0), WeightNames.Up(0));
        var adapters = lora ? new LoraAdapters(shape, 2, 4, 0.3, initial: null, seed: 3) : null;
        using var linear = new StackedLinear([(gate, shape.IntermediateSize), (up, shape.IntermediateSize)], shape.HiddenSize, (_, values) => values.Clear(), biased: true, adapters, 1, new Products(rounded: true), operations);
        using var norm = Parameter.Read(WeightNames.Norm, (_, values) => values.Clear(), operations.Device, shape.HiddenSize).Value;
        var x = norm.new_zeros(pass.Tokens, shape.HiddenSize);
        var (normed, scales) = operations.Norm(x, norm, 1e-5);
        var (y, low) = linear.Forward(normed, pass);
        operations.SwiGluBackward(operations.SwiGlu(y, shape.IntermediateSize), y, shape.IntermediateSize);
        var given = linear.BackwardInput(linear.Widen(y.narrow(1, 0, 2 * shape.IntermediateSize)), low, pass);
        linear.BackwardWeights(y, normed, pass);
        operations.NormBackward(given, x, scales, norm, x.clone(), norm.clone(), first: false);
        operations.Rotate(norm.new_zeros(1, shape.Heads, pass.Tokens, shape.HeadSize), new RotaryTable(shape), pass.Batch.Places, back: true);
        operations.AddRows(norm.new_zeros(shape.VocabularySize, shape.HiddenSize), pass.Batch.Tokens, x);
        (lora ? linear.Corrections : linear.Weights).ShouldAllBe(parameter => parameter.Gradient!.device_type == TorchSharp.DeviceType.META);
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
        NativeHeap.Trim();
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

    private static LlamaNetwork Network(ModelShape shape, bool lora, double dropout = 0, bool checkpointing = false, Dictionary<string, float[]>? weights = null, Products? products = null, INetworkOperations? operations = null)
    {
        var network = new LlamaNetwork(shape, weights ?? TinyModel.Weights(shape), lora ? new LoraAdapters(shape, 2, 4, dropout, initial: null, seed: 3) : null, checkpointing, products, operations);
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_optimizer_does_what_AdamW_says_and_clips(bool fused)
    {
        float[] start = [.. Enumerable.Range(0, 19).Select(i => i * 0.1f - 1)];
        using var weight = Tensors.Create(start, [19, 1]);
        using var gradient = Tensors.Create(19, 1);
        using var optimizer = Operations(fused).Optimizer([new Parameter("w", weight) { Gradient = gradient }], weightDecay: 0.1, maxNorm: 1);
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

    private static INetworkOperations Operations(bool own) => own ? new ProcessorOperations(2) : new TorchOperations(TorchSharp.torch.CPU);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_gradient_that_is_no_number_changes_nothing(bool fused)
    {
        using var weight = Tensors.Create([1f, 2f], [2]);
        using var gradient = Tensors.Create([1f, float.NaN], [2]);
        using var optimizer = Operations(fused).Optimizer([new Parameter("w", weight) { Gradient = gradient }], 0.1, 1);
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
