using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Training;
using TorchSharp;

namespace Qianfan.Engine.Tests;

[Collection(TorchTests.Name)]
public sealed class GradientTests
{
    [Theory]
    [InlineData("llama", false)]
    [InlineData("llama", true)]
    [InlineData("mistral, window", false)]
    [InlineData("qwen2", true)]
    [InlineData("qwen3, biases", false)]
    public void Gradients_agree_with_finite_differences(string kind, bool lora)
    {
        var shape = TinyModel.Shape(kind);
        LoraAdapters? adapters = null;
        if (lora)
        {
            adapters = new LoraAdapters(shape, 2, 4, dropout: 0, initial: null, seed: 3);
            // With B at zero, A has no gradient.
            var noise = new SeededRandom(5);
            foreach (var (name, tensor) in adapters.Trained.Where(pair => pair.Key.Contains("lora_B", StringComparison.Ordinal)))
            {
                foreach (ref var value in Tensors.Values(tensor))
                    value = (float)(0.2 * noise.NextNormal());
            }
        }
        using var network = new LlamaNetwork(shape, TinyModel.Weights(shape), adapters);
        var batch = Batch.Of([new EncodedRow([3, 40, 41, 9, 120], [0, 0, 1, 1, 0.5f]), new EncodedRow([3, 77, 5], [0, 0, 1])]);
        using (var scope = torch.NewDisposeScope())
            network.Loss(batch, batch.TotalWeight, training: true).Share.backward();
        var random = new SeededRandom(1);
        foreach (var (name, tensor) in network.Trained)
        {
            using var gradient = tensor.grad!;
            var analytic = Tensors.Values(gradient).ToArray();
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
                using var scope = torch.NewDisposeScope();
                using var gradients = torch.no_grad();
                return network.Loss(batch, batch.TotalWeight, training: false).Value;
            }
        }
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
            using var scope = torch.NewDisposeScope();
            foreach (var batch in batches)
                network.Loss(batch, batches.Sum(part => part.TotalWeight), training: true).Share.backward();
            var weight = network.Trained[0].Value;
            var gradient = Tensors.Values(weight.grad!).ToArray();
            weight.grad = null;
            return gradient;
        }
    }

    [Fact]
    public void The_optimizer_does_what_AdamW_says_and_clips()
    {
        float[] start = [.. Enumerable.Range(0, 19).Select(i => i * 0.1f - 1)];
        using var weight = Tensors.Create(start, [19, 1], trained: true);
        var optimizer = new FusedAdamW([KeyValuePair.Create("w", weight)], weightDecay: 0.1, maxNorm: 1, threads: 2);
        var w = start.Select(value => (double)value).ToArray();
        double[] m = new double[19], v = new double[19];
        for (var step = 1; step <= 3; step++)
        {
            using (var scope = torch.NewDisposeScope())
                weight.square().sum().backward();
            var g = w.Select(value => 2 * value).ToArray();
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
        using var weight = Tensors.Create([1f, 2f], [2], trained: true);
        var optimizer = new FusedAdamW([KeyValuePair.Create("w", weight)], 0.1, 1, 1);
        using (var scope = torch.NewDisposeScope())
            (weight * float.NaN).sum().backward();
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
