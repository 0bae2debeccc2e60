using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>AdamW in libtorch's own operations, for parameters on any device.</summary>
internal sealed class TorchAdamW(IReadOnlyList<Parameter> parameters, double weightDecay, double maxNorm) : AdamW(parameters, weightDecay, maxNorm)
{
    protected override double Norm()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var norms = Parameters.Where(parameter => parameter.Gradient is not null).Select(parameter => parameter.Gradient!.norm()).ToList();
        // One value comes from the device, not one for each parameter.
        return norms.Count == 0 ? 0 : stack(norms).to(ScalarType.Float64).norm().item<double>();
    }

    protected override void Update(double scale, double firstCorrection, double secondCorrection, double decay)
    {
        using var none = no_grad();
        for (var i = 0; i < Parameters.Count; i++)
        {
            if (Parameters[i].Gradient is not { } gradient)
                continue;
            using var scope = NewDisposeScope();
            var (weight, g, first, second) = (Parameters[i].Value.view(-1), gradient.view(-1) * scale, First[i].Value, Second[i].Value);
            first.mul_(FirstDecay).add_(g, alpha: 1 - FirstDecay);
            second.mul_(SecondDecay).addcmul_(g, g, 1 - SecondDecay);
            if (Parameters[i].Value.dim() > 1)
                weight.mul_(1 - decay);
            weight.addcdiv_(first, (second * secondCorrection).sqrt_().add_(Epsilon), -firstCorrection);
        }
    }
}
