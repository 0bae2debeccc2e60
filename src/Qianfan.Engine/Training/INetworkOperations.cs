using Qianfan.Engine.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>What a network does between its matrix products, forwards and backwards, and the step along its gradients.</summary>
internal interface INetworkOperations
{
    /// <summary>Where the tensors are.</summary>
    Device Device { get; }

    /// <summary>RMSNorm of each row.</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <returns>The normed rows, and what each was multiplied with.</returns>
    (Tensor Normed, Tensor Scales) Norm(Tensor x, Tensor weight, double epsilon);

    /// <summary>The gradient of what went into a <see cref="Norm"/>, added to <paramref name="into"/>; and that of its weight, if there is one.</summary>
    void NormBackward(Tensor gradient, Tensor x, Tensor scales, Tensor weight, Tensor into, Tensor? weightGradient, bool first);

    /// <summary>silu(gate) * up.</summary>
    /// <param name="gateUp">[rows, more than 2 x size]: gate, then up, then what is of no interest here.</param>
    /// <param name="size">Columns of each.</param>
    Tensor SwiGlu(Tensor gateUp, int size);

    /// <summary>Puts the gradients of gate and up in their places.</summary>
    /// <returns>silu(gate) * up once more.</returns>
    Tensor SwiGluBackward(Tensor gradient, Tensor gateUp, int size);

    /// <summary>Turns pairs of each head's numbers by the angles of its position, in place.</summary>
    /// <param name="heads">[rows, heads, length, size].</param>
    /// <param name="table">Angles.</param>
    /// <param name="places">Each token's position, rows x length of them; null counts from 0 in each row.</param>
    /// <param name="back">Turns a gradient back.</param>
    void Rotate(Tensor heads, RotaryTable table, long[]? places, bool back);

    /// <summary>Weighted cross-entropy of each row of scores, whose place its gradient takes.</summary>
    /// <param name="scores">[rows, vocabulary].</param>
    /// <param name="targets">The right token of each row.</param>
    /// <param name="weights">How much each row counts.</param>
    /// <param name="totalWeight">Divides the gradient, not the loss.</param>
    /// <param name="learn">Whether the gradient is wanted.</param>
    /// <returns>The sum over the rows.</returns>
    double CrossEntropy(Tensor scores, ReadOnlyMemory<long> targets, ReadOnlyMemory<float> weights, double totalWeight, bool learn);

    /// <summary>Adds each token's gradient to its row of a table.</summary>
    void AddRows(Tensor table, long[] tokens, Tensor gradient);

    /// <summary>The sum of each of the first columns of a matrix.</summary>
    void SumColumns(Tensor gradient, Tensor into, bool first);

    /// <summary>An optimizer of parameters that are on the device.</summary>
    AdamW Optimizer(IReadOnlyList<Parameter> parameters, double weightDecay, double maxNorm);
}
