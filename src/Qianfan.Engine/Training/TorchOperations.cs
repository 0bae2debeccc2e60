using Qianfan.Engine.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>The same in libtorch's own operations, which work on any device.</summary>
/// <param name="device">Where the tensors are.</param>
internal sealed class TorchOperations(Device device) : INetworkOperations
{
    public Device Device => device;

    public (Tensor Normed, Tensor Scales) Norm(Tensor x, Tensor weight, double epsilon)
    {
        using var scope = NewDisposeScope();
        var scales = x.square().mean([1], keepdim: true).add_(epsilon).rsqrt_();
        return ((x * scales).mul_(weight).MoveToOuterDisposeScope(), scales.MoveToOuterDisposeScope());
    }

    public void NormBackward(Tensor gradient, Tensor x, Tensor scales, Tensor weight, Tensor into, Tensor? weightGradient, bool first)
    {
        using var scope = NewDisposeScope();
        var scaled = gradient * weight;
        var along = (scaled * x).mean([1], keepdim: true).mul_(scales).mul_(scales).mul_(scales);
        into.add_(scaled.mul_(scales)).sub_(along * x);
        if (weightGradient is not null)
            Put((gradient * x).mul_(scales).sum([0]), weightGradient, first);
    }

    public Tensor SwiGlu(Tensor gateUp, int size)
    {
        using var scope = NewDisposeScope();
        var gate = gateUp.narrow(1, 0, size);
        return gate.sigmoid().mul_(gate).mul_(gateUp.narrow(1, size, size)).MoveToOuterDisposeScope();
    }

    public Tensor SwiGluBackward(Tensor gradient, Tensor gateUp, int size)
    {
        using var scope = NewDisposeScope();
        Tensor gate = gateUp.narrow(1, 0, size), up = gateUp.narrow(1, size, size);
        var sigmoid = gate.sigmoid();
        var silu = gate * sigmoid;
        var product = silu * up;
        gate.copy_(gradient * up * (sigmoid + silu * (1 - sigmoid)));
        up.copy_(gradient * silu);
        return product.MoveToOuterDisposeScope();
    }

    public void Rotate(Tensor heads, RotaryTable table, long[]? places, bool back)
    {
        using var scope = NewDisposeScope();
        var length = (int)heads.shape[2];
        table.Reserve((int)(places?.Max() + 1 ?? length));
        // Rows alike share angles.
        var positions = places?.Length ?? length;
        float[] cosines = new float[positions * table.Half], sines = new float[cosines.Length];
        for (var i = 0; i < positions; i++)
        {
            var position = (int)(places?[i] ?? i);
            table.Cosine(position).CopyTo(cosines.AsSpan(i * table.Half));
            table.Sine(position).CopyTo(sines.AsSpan(i * table.Half));
        }
        Tensor cosine = Angles(cosines), sine = Angles(sines);
        if (back)
            sine.neg_();
        Tensor left = heads.narrow(3, 0, table.Half), right = heads.narrow(3, table.Half, table.Half);
        var turned = left * cosine - right * sine;
        right.copy_(right * cosine + left * sine);
        left.copy_(turned);

        Tensor Angles(float[] values) => tensor(values, [positions / length, 1, length, table.Half], device: device);
    }

    public double CrossEntropy(Tensor scores, ReadOnlyMemory<long> targets, ReadOnlyMemory<float> weights, double totalWeight, bool learn)
    {
        using var scope = NewDisposeScope();
        var (right, weight) = (tensor(targets.ToArray(), device: device).unsqueeze(1), tensor(weights.ToArray(), device: device).unsqueeze(1));
        scores.sub_(scores.amax([1], keepdim: true));
        var chosen = scores.gather(1, right);
        var sum = scores.exp_().sum(1, keepdim: true);
        var loss = (sum.log() - chosen).mul_(weight).sum(ScalarType.Float64).item<double>();
        if (learn)
        {
            weight.div_(totalWeight);
            scores.mul_(weight / sum).scatter_add_(1, right, weight.neg());
        }
        return loss;
    }

    public void AddRows(Tensor table, long[] tokens, Tensor gradient)
    {
        using var rows = tensor(tokens, device: device);
        table.index_add_(0, rows, gradient, 1);
    }

    public void SumColumns(Tensor gradient, Tensor into, bool first)
    {
        using var scope = NewDisposeScope();
        Put(gradient.narrow(1, 0, into.numel()).sum([0]), into, first);
    }

    public AdamW Optimizer(IReadOnlyList<Parameter> parameters, double weightDecay, double maxNorm) => new TorchAdamW(parameters, weightDecay, maxNorm);

    private static void Put(Tensor sum, Tensor into, bool first)
    {
        if (first)
            into.copy_(sum);
        else
            into.add_(sum);
    }
}
