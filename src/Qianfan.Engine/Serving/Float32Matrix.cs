using System.Numerics;
using System.Runtime.CompilerServices;

namespace Qianfan.Engine.Serving;

/// <summary>Weights in 32 bits.</summary>
internal sealed unsafe class Float32Matrix : Matrix
{
    private readonly float[] _values;

    /// <param name="values">[outputs, inputs]; kept, not copied.</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Length of a row.</param>
    public Float32Matrix(float[] values, int outputs, int inputs)
        : base(outputs, inputs)
    {
        if (values.Length != (long)outputs * inputs)
            throw new ArgumentException($"{values.Length} values do not make {outputs} rows of {inputs}.");
        _values = values;
    }

    public override long Bytes => (long)_values.Length * sizeof(float);

    public override void CopyRow(int row, Span<float> values) => _values.AsSpan(row * Inputs, Inputs).CopyTo(values);

    protected override void MultiplyChecked(ReadOnlySpan<float> x, Span<float> y, int tokens, Crew crew)
    {
        fixed (float* w = _values)
        fixed (float* from = x)
        fixed (float* to = y)
        {
            nint wAt = (nint)w, fromAt = (nint)from, toAt = (nint)to;
            Share(tokens, crew, (start, end) => Rows((float*)wAt, (float*)fromAt, (float*)toAt, tokens, start, end));
        }
    }

    /// <summary>Some rows for all tokens. A few tokens at a time, which stay in the nearest cache; each result is summed in the same order in all kernels.</summary>
    private void Rows(float* w, float* x, float* y, int tokens, int start, int end)
    {
        var token = 0;
        for (; tokens >= ManyTokens && token + 3 <= tokens; token += 3)
        {
            var row = start;
            for (; row + 4 <= end; row += 4)
                FourByThree(W(row), X(0), Y(row), Inputs, Outputs);
            for (; row < end; row++)
            {
                for (var i = 0; i < 3; i++)
                    Y(row)[i * Outputs] = One(W(row), X(i), Inputs);
            }
        }
        for (; token + 4 <= tokens; token += 4)
        {
            for (var row = start; row < end; row++)
                OneByFour(W(row), X(0), Y(row), Inputs, Outputs);
        }
        for (; token < tokens; token++)
        {
            for (var row = start; row < end; row++)
                *Y(row) = One(W(row), X(0), Inputs);
        }

        float* W(int row) => w + (long)row * Inputs;
        float* X(int i) => x + (long)(token + i) * Inputs;
        float* Y(int row) => y + (long)token * Outputs + row;
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

    private static void OneByFour(float* w, float* x, float* y, int inputs, int outputs)
    {
        Vector<float> s0 = default, s1 = default, s2 = default, s3 = default;
        float* x1 = x + inputs, x2 = x1 + inputs, x3 = x2 + inputs;
        var i = 0;
        for (; i + Vector<float>.Count <= inputs; i += Vector<float>.Count)
        {
            var v = Vector.Load(w + i);
            s0 = Vector.FusedMultiplyAdd(v, Vector.Load(x + i), s0);
            s1 = Vector.FusedMultiplyAdd(v, Vector.Load(x1 + i), s1);
            s2 = Vector.FusedMultiplyAdd(v, Vector.Load(x2 + i), s2);
            s3 = Vector.FusedMultiplyAdd(v, Vector.Load(x3 + i), s3);
        }
        y[0] = Vector.Sum(s0) + Rest(w, x, i, inputs);
        y[outputs] = Vector.Sum(s1) + Rest(w, x1, i, inputs);
        y[2 * outputs] = Vector.Sum(s2) + Rest(w, x2, i, inputs);
        y[3 * outputs] = Vector.Sum(s3) + Rest(w, x3, i, inputs);
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
}
