using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Qianfan.Engine.Serving;

/// <summary>Linear algebra of the decoder. Each result is summed in the same order whatever runs beside it, so that answers don't depend on who else is being served.</summary>
internal static unsafe class Kernels
{
    /// <summary>Below this many multiplications a second thread costs more than it brings.</summary>
    private const long ParallelWork = 4_000_000;

    private const int RowsPerPart = 64;

    /// <summary>y[t, o] = sum of w[o, i] x[t, i].</summary>
    /// <param name="weights">[outputs, inputs].</param>
    /// <param name="x">[tokens, inputs].</param>
    /// <param name="y">[tokens, outputs].</param>
    /// <param name="tokens">Rows of <paramref name="x"/>.</param>
    /// <param name="inputs">Length of a row of <paramref name="x"/>.</param>
    /// <param name="outputs">Length of a row of <paramref name="y"/>.</param>
    /// <param name="parallel">How many threads may take part.</param>
    public static void Multiply(float[] weights, ReadOnlySpan<float> x, Span<float> y, int tokens, int inputs, int outputs, ParallelOptions parallel)
    {
        if (weights.Length < (long)outputs * inputs || x.Length < (long)tokens * inputs || y.Length < (long)tokens * outputs)
            throw new ArgumentException("The matrices do not fit each other.");
        fixed (float* w = weights)
        fixed (float* from = x)
        fixed (float* to = y)
        {
            if (parallel.MaxDegreeOfParallelism == 1 || (long)tokens * inputs * outputs < ParallelWork)
            {
                Rows(w, from, to, tokens, inputs, outputs, 0, outputs);
                return;
            }
            nint wAt = (nint)w, fromAt = (nint)from, toAt = (nint)to;
            Parallel.For(0, (outputs + RowsPerPart - 1) / RowsPerPart, parallel, part =>
                Rows((float*)wAt, (float*)fromAt, (float*)toAt, tokens, inputs, outputs, part * RowsPerPart, Math.Min(outputs, (part + 1) * RowsPerPart)));
        }
    }

    private static void Rows(float* w, float* x, float* y, int tokens, int inputs, int outputs, int start, int end)
    {
        var row = start;
        for (; row + 4 <= end; row += 4)
        {
            var token = 0;
            for (; token + 3 <= tokens; token += 3)
                FourByThree(w + (long)row * inputs, x + (long)token * inputs, y + (long)token * outputs + row, inputs, outputs);
            for (; token < tokens; token++)
                FourByOne(w + (long)row * inputs, x + (long)token * inputs, y + (long)token * outputs + row, inputs);
        }
        for (; row < end; row++)
        {
            for (var token = 0; token < tokens; token++)
                y[(long)token * outputs + row] = One(w + (long)row * inputs, x + (long)token * inputs, inputs);
        }
    }

    private static void FourByThree(float* w, float* x, float* y, int inputs, int outputs)
    {
        Vector<float> a0 = default, a1 = default, a2 = default, b0 = default, b1 = default, b2 = default, c0 = default, c1 = default, c2 = default, d0 = default, d1 = default, d2 = default;
        float* wb = w + inputs, wc = wb + inputs, wd = wc + inputs, xb = x + inputs, xc = xb + inputs;
        var i = 0;
        for (; i + Vector<float>.Count <= inputs; i += Vector<float>.Count)
        {
            Vector<float> x0 = Vector.Load(x + i), x1 = Vector.Load(xb + i), x2 = Vector.Load(xc + i);
            var v = Vector.Load(w + i);
            a0 = Vector.FusedMultiplyAdd(v, x0, a0);
            a1 = Vector.FusedMultiplyAdd(v, x1, a1);
            a2 = Vector.FusedMultiplyAdd(v, x2, a2);
            v = Vector.Load(wb + i);
            b0 = Vector.FusedMultiplyAdd(v, x0, b0);
            b1 = Vector.FusedMultiplyAdd(v, x1, b1);
            b2 = Vector.FusedMultiplyAdd(v, x2, b2);
            v = Vector.Load(wc + i);
            c0 = Vector.FusedMultiplyAdd(v, x0, c0);
            c1 = Vector.FusedMultiplyAdd(v, x1, c1);
            c2 = Vector.FusedMultiplyAdd(v, x2, c2);
            v = Vector.Load(wd + i);
            d0 = Vector.FusedMultiplyAdd(v, x0, d0);
            d1 = Vector.FusedMultiplyAdd(v, x1, d1);
            d2 = Vector.FusedMultiplyAdd(v, x2, d2);
        }
        Store(y, a0, b0, c0, d0, w, x, inputs, i);
        Store(y + outputs, a1, b1, c1, d1, w, xb, inputs, i);
        Store(y + 2 * outputs, a2, b2, c2, d2, w, xc, inputs, i);
    }

    private static void FourByOne(float* w, float* x, float* y, int inputs)
    {
        Vector<float> a = default, b = default, c = default, d = default;
        float* wb = w + inputs, wc = wb + inputs, wd = wc + inputs;
        var i = 0;
        for (; i + Vector<float>.Count <= inputs; i += Vector<float>.Count)
        {
            var v = Vector.Load(x + i);
            a = Vector.FusedMultiplyAdd(Vector.Load(w + i), v, a);
            b = Vector.FusedMultiplyAdd(Vector.Load(wb + i), v, b);
            c = Vector.FusedMultiplyAdd(Vector.Load(wc + i), v, c);
            d = Vector.FusedMultiplyAdd(Vector.Load(wd + i), v, d);
        }
        Store(y, a, b, c, d, w, x, inputs, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector<float> a, Vector<float> b, Vector<float> c, Vector<float> d, float* w, float* x, int inputs, int done)
    {
        y[0] = Vector.Sum(a) + Rest(w, x, done, inputs);
        y[1] = Vector.Sum(b) + Rest(w + inputs, x, done, inputs);
        y[2] = Vector.Sum(c) + Rest(w + 2 * inputs, x, done, inputs);
        y[3] = Vector.Sum(d) + Rest(w + 3 * inputs, x, done, inputs);
    }

    private static float One(float* w, float* x, int inputs)
    {
        Vector<float> sum = default;
        var i = 0;
        for (; i + Vector<float>.Count <= inputs; i += Vector<float>.Count)
            sum = Vector.FusedMultiplyAdd(Vector.Load(w + i), Vector.Load(x + i), sum);
        return Vector.Sum(sum) + Rest(w, x, i, inputs);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Rest(float* w, float* x, int from, int to)
    {
        float sum = 0;
        for (var i = from; i < to; i++)
            sum += w[i] * x[i];
        return sum;
    }

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
