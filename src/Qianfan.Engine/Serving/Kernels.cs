using System.Numerics;
using System.Numerics.Tensors;

namespace Qianfan.Engine.Serving;

/// <summary>What the decoder does to rows, besides multiplying them with weights.</summary>
internal static unsafe class Kernels
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
        TensorPrimitives.Exp(scores, scores);
        TensorPrimitives.Multiply(scores, 1 / TensorPrimitives.Sum<float>(scores), scores);
    }

    /// <summary>Turns each pair (i, i + half) of a head by its angle.</summary>
    public static void Rotate(Span<float> head, ReadOnlySpan<float> cosine, ReadOnlySpan<float> sine)
    {
        var half = head.Length / 2;
        Span<float> lower = head[..half], upper = head[half..];
        var i = 0;
        for (; i + Vector<float>.Count <= half; i += Vector<float>.Count)
        {
            Vector<float> a = new(lower[i..]), b = new(upper[i..]), c = new(cosine[i..]), s = new(sine[i..]);
            (a * c - b * s).CopyTo(lower[i..]);
            (b * c + a * s).CopyTo(upper[i..]);
        }
        for (; i < half; i++)
            (lower[i], upper[i]) = (lower[i] * cosine[i] - upper[i] * sine[i], upper[i] * cosine[i] + lower[i] * sine[i]);
    }

    /// <summary>How well the key of each token fits a query: scores[t] = scale * sum of query[i] keys[t * stride + i].</summary>
    public static void Scores(ReadOnlySpan<float> query, ReadOnlySpan<float> keys, int stride, float scale, Span<float> scores)
    {
        Check(scores.Length, keys.Length, stride, query.Length);
        fixed (float* q = query)
        fixed (float* k = keys)
        {
            var t = 0;
            // Four at a time, so that additions needn't wait for each other; each is summed in the same order in any case.
            for (; t + 4 <= scores.Length; t += 4)
            {
                float* k0 = k + (long)t * stride, k1 = k0 + stride, k2 = k1 + stride, k3 = k2 + stride;
                Vector<float> s0 = default, s1 = default, s2 = default, s3 = default;
                var i = 0;
                for (; i + Vector<float>.Count <= query.Length; i += Vector<float>.Count)
                {
                    var v = Vector.Load(q + i);
                    s0 = Vector.FusedMultiplyAdd(v, Vector.Load(k0 + i), s0);
                    s1 = Vector.FusedMultiplyAdd(v, Vector.Load(k1 + i), s1);
                    s2 = Vector.FusedMultiplyAdd(v, Vector.Load(k2 + i), s2);
                    s3 = Vector.FusedMultiplyAdd(v, Vector.Load(k3 + i), s3);
                }
                // All sums before the first call: vectors that live through one would be kept in memory, and in the loop too.
                float sum0 = Vector.Sum(s0), sum1 = Vector.Sum(s1), sum2 = Vector.Sum(s2), sum3 = Vector.Sum(s3);
                scores[t] = (sum0 + Rest(q, k0, i, query.Length)) * scale;
                scores[t + 1] = (sum1 + Rest(q, k1, i, query.Length)) * scale;
                scores[t + 2] = (sum2 + Rest(q, k2, i, query.Length)) * scale;
                scores[t + 3] = (sum3 + Rest(q, k3, i, query.Length)) * scale;
            }
            for (; t < scores.Length; t++)
            {
                float* k0 = k + (long)t * stride;
                Vector<float> sum = default;
                var i = 0;
                for (; i + Vector<float>.Count <= query.Length; i += Vector<float>.Count)
                    sum = Vector.FusedMultiplyAdd(Vector.Load(q + i), Vector.Load(k0 + i), sum);
                scores[t] = (Vector.Sum(sum) + Rest(q, k0, i, query.Length)) * scale;
            }
        }

        static float Rest(float* a, float* b, int from, int to)
        {
            float sum = 0;
            for (var i = from; i < to; i++)
                sum += a[i] * b[i];
            return sum;
        }
    }

    /// <summary>Adds the tokens' values, each by its weight: result[i] += sum of weights[t] values[t * stride + i].</summary>
    public static void Weigh(ReadOnlySpan<float> weights, ReadOnlySpan<float> values, int stride, Span<float> result)
    {
        Check(weights.Length, values.Length, stride, result.Length);
        var width = Vector<float>.Count;
        fixed (float* w = weights)
        fixed (float* v = values)
        fixed (float* r = result)
        {
            var i = 0;
            for (; i + 4 * width <= result.Length; i += 4 * width)
            {
                Vector<float> s0 = Vector.Load(r + i), s1 = Vector.Load(r + i + width), s2 = Vector.Load(r + i + 2 * width), s3 = Vector.Load(r + i + 3 * width);
                float* from = v + i;
                for (var t = 0; t < weights.Length; t++, from += stride)
                {
                    var weight = Vector.Create(w[t]);
                    s0 = Vector.FusedMultiplyAdd(weight, Vector.Load(from), s0);
                    s1 = Vector.FusedMultiplyAdd(weight, Vector.Load(from + width), s1);
                    s2 = Vector.FusedMultiplyAdd(weight, Vector.Load(from + 2 * width), s2);
                    s3 = Vector.FusedMultiplyAdd(weight, Vector.Load(from + 3 * width), s3);
                }
                Vector.Store(s0, r + i);
                Vector.Store(s1, r + i + width);
                Vector.Store(s2, r + i + 2 * width);
                Vector.Store(s3, r + i + 3 * width);
            }
            for (; i + width <= result.Length; i += width)
            {
                var sum = Vector.Load(r + i);
                float* from = v + i;
                for (var t = 0; t < weights.Length; t++, from += stride)
                    sum = Vector.FusedMultiplyAdd(Vector.Create(w[t]), Vector.Load(from), sum);
                Vector.Store(sum, r + i);
            }
            for (; i < result.Length; i++)
            {
                for (var t = 0; t < weights.Length; t++)
                    r[i] += w[t] * v[(long)t * stride + i];
            }
        }
    }

    private static void Check(int tokens, int available, int stride, int size)
    {
        if (tokens > 0 && available < (long)(tokens - 1) * stride + size)
            throw new ArgumentException("There are fewer tokens than that.");
    }
}
