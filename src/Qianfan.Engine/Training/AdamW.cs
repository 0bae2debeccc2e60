using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>AdamW with clipping of the gradient's norm. Owns its moments.</summary>
internal abstract class AdamW : IDisposable
{
    protected const double FirstDecay = 0.9, SecondDecay = 0.95, Epsilon = 1e-8;

    /// <param name="parameters">Contiguous 32-bit tensors.</param>
    /// <param name="weightDecay">Decoupled; matrices only, since a norm's scale has no reason to shrink.</param>
    /// <param name="maxNorm">Gradients of a larger norm are scaled down to it.</param>
    protected AdamW(IReadOnlyList<Parameter> parameters, double weightDecay, double maxNorm)
    {
        (Parameters, WeightDecay, MaxNorm) = (parameters, weightDecay, maxNorm);
        First = [.. parameters.Select(parameter => Moment("first.", parameter))];
        Second = [.. parameters.Select(parameter => Moment("second.", parameter))];
    }

    protected IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>A moment of each parameter, flat.</summary>
    protected IReadOnlyList<Parameter> First { get; }

    /// <inheritdoc cref="First"/>
    protected IReadOnlyList<Parameter> Second { get; }

    protected double WeightDecay { get; }

    protected double MaxNorm { get; }

    /// <summary>The moments of each parameter, for a checkpoint.</summary>
    public IReadOnlyList<Parameter> Moments => [.. First.Zip(Second, (first, second) => (Parameter[])[first, second]).SelectMany(pair => pair)];

    /// <summary>Takes one step along the gradients.</summary>
    /// <param name="step">1 for the first step.</param>
    /// <param name="learningRate">Of this step.</param>
    /// <returns>The gradient's norm before clipping. If it is not finite, nothing was changed.</returns>
    public double Step(int step, double learningRate)
    {
        var norm = Norm();
        if (double.IsFinite(norm))
            Update(norm > MaxNorm ? MaxNorm / norm : 1, learningRate / (1 - Math.Pow(FirstDecay, step)), 1 / (1 - Math.Pow(SecondDecay, step)), learningRate * WeightDecay);
        return norm;
    }

    public void Dispose()
    {
        foreach (var moment in First.Concat(Second))
            moment.Value.Dispose();
    }

    /// <summary>Of the whole gradient.</summary>
    protected abstract double Norm();

    /// <param name="scale">Of the gradients.</param>
    /// <param name="firstCorrection">The learning rate, times what makes up for the first moments' beginning at 0.</param>
    /// <param name="secondCorrection">What makes up for the second moments' beginning at 0.</param>
    /// <param name="decay">What matrices lose.</param>
    protected abstract void Update(double scale, double firstCorrection, double secondCorrection, double decay);

    private static Parameter Moment(string kind, Parameter parameter) =>
        new(kind + parameter.Name, zeros([parameter.Value.numel()], ScalarType.Float32, parameter.Value.device).DetachFromDisposeScope());
}
