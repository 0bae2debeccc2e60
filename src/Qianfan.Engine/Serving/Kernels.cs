using System.Numerics.Tensors;

namespace Qianfan.Engine.Serving;

/// <summary>What the decoder does to rows, besides multiplying them with weights.</summary>
internal static class Kernels
{
    /// <summary>Scales a row to a root mean square of 1, and by the weights.</summary>
    public static void Norm(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<float> y, float epsilon)
    {
        var scale = 1 / MathF.Sqrt(TensorPrimitives.SumOfSquares(x) / x.Length + epsilon);
        TensorPrimitives.Multiply(x, scale, y);
        TensorPrimitives.Multiply(y, weights, y);
    }

    /// <summary>Turns scores into probabilities, in place. The largest is taken off first: TensorPrimitives does not, and overflows where scores pass 88.</summary>
    public static void SoftMax(Span<float> scores)
    {
        TensorPrimitives.Subtract(scores, TensorPrimitives.Max(scores), scores);
        TensorPrimitives.SoftMax(scores, scores);
    }

    /// <summary>Turns each pair (i, i + half) of a head by its angle.</summary>
    public static void Rotate(Span<float> head, ReadOnlySpan<float> cosine, ReadOnlySpan<float> sine)
    {
        var half = head.Length / 2;
        for (var i = 0; i < half; i++)
        {
            float a = head[i], b = head[i + half];
            head[i] = a * cosine[i] - b * sine[i];
            head[i + half] = b * cosine[i] + a * sine[i];
        }
    }
}
