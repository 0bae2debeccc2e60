using System.Numerics;
using System.Runtime.CompilerServices;
using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Serving;

/// <summary>Weights of a bfloat16 checkpoint as they are: half the memory of 32 bits, and the same products.</summary>
internal sealed unsafe class Brain16Matrix : Matrix
{
    private readonly ushort[] _values;

    /// <param name="values">[outputs, inputs]; rounded to bfloat16.</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Length of a row.</param>
    public Brain16Matrix(ReadOnlySpan<float> values, int outputs, int inputs)
        : base(outputs, inputs)
    {
        if (values.Length != (long)outputs * inputs)
            throw new ArgumentException($"{values.Length} values do not make {outputs} rows of {inputs}.");
        _values = new ushort[values.Length];
        Brain16.Narrow(values, _values);
    }

    public override long Bytes => (long)_values.Length * sizeof(ushort);

    public override void CopyRow(int row, Span<float> values) => Brain16.Widen(_values.AsSpan(row * Inputs, Inputs), values);

    protected override void MultiplyChecked(ReadOnlySpan<float> x, Span<float> y, int tokens, Crew crew)
    {
        fixed (ushort* w = _values)
        fixed (float* from = x)
        fixed (float* to = y)
        {
            nint wAt = (nint)w, fromAt = (nint)from, toAt = (nint)to;
            Share(tokens, crew, (start, end) => Rows((ushort*)wAt, (float*)fromAt, (float*)toAt, tokens, start, end));
        }
    }

    /// <summary>Some rows for all tokens. A few tokens at a time, which stay in the nearest cache; each result is summed in the same order in all kernels.</summary>
    private void Rows(ushort* w, float* x, float* y, int tokens, int start, int end)
    {
        var token = 0;
        for (; tokens >= ManyTokens && token + 2 <= tokens; token += 2)
        {
            // The last of an odd number of rows goes with itself.
            for (var row = start; row < end; row += 2)
                TwoByTwo(w + (long)row * Inputs, w + (long)Math.Min(row + 1, end - 1) * Inputs, x + (long)token * Inputs, y + (long)token * Outputs + row, y + (long)token * Outputs + Math.Min(row + 1, end - 1));
        }
        for (; token + 4 <= tokens; token += 4)
        {
            for (var row = start; row < end; row++)
                OneByFour(w + (long)row * Inputs, x + (long)token * Inputs, y + (long)token * Outputs + row);
        }
        for (; token < tokens; token++)
        {
            for (var row = start; row < end; row++)
                y[(long)token * Outputs + row] = Dot(w + (long)row * Inputs, x + (long)token * Inputs);
        }
    }

    private void TwoByTwo(ushort* a, ushort* b, float* x, float* ya, float* yb)
    {
        Vector<float> la0 = default, ua0 = default, la1 = default, ua1 = default, lb0 = default, ub0 = default, lb1 = default, ub1 = default;
        var x1 = x + Inputs;
        var i = 0;
        for (; i + Vector<ushort>.Count <= Inputs; i += Vector<ushort>.Count)
        {
            Vector<ushort> bits = Vector.Load(a + i), others = Vector.Load(b + i);
            Vector<float> la = Float(Vector.WidenLower(bits)), ua = Float(Vector.WidenUpper(bits)), lb = Float(Vector.WidenLower(others)), ub = Float(Vector.WidenUpper(others));
            Vector<float> l = Vector.Load(x + i), u = Vector.Load(x + i + Vector<float>.Count);
            la0 = Vector.FusedMultiplyAdd(la, l, la0);
            ua0 = Vector.FusedMultiplyAdd(ua, u, ua0);
            lb0 = Vector.FusedMultiplyAdd(lb, l, lb0);
            ub0 = Vector.FusedMultiplyAdd(ub, u, ub0);
            (l, u) = (Vector.Load(x1 + i), Vector.Load(x1 + i + Vector<float>.Count));
            la1 = Vector.FusedMultiplyAdd(la, l, la1);
            ua1 = Vector.FusedMultiplyAdd(ua, u, ua1);
            lb1 = Vector.FusedMultiplyAdd(lb, l, lb1);
            ub1 = Vector.FusedMultiplyAdd(ub, u, ub1);
        }
        float a0 = Vector.Sum(la0 + ua0), a1 = Vector.Sum(la1 + ua1), b0 = Vector.Sum(lb0 + ub0), b1 = Vector.Sum(lb1 + ub1);
        (ya[0], yb[0]) = (a0 + Rest(a, x, i), b0 + Rest(b, x, i));
        (ya[Outputs], yb[Outputs]) = (a1 + Rest(a, x1, i), b1 + Rest(b, x1, i));
    }

    private void OneByFour(ushort* w, float* x, float* y)
    {
        Vector<float> l0 = default, l1 = default, l2 = default, l3 = default, u0 = default, u1 = default, u2 = default, u3 = default;
        float* x1 = x + Inputs, x2 = x1 + Inputs, x3 = x2 + Inputs;
        var i = 0;
        for (; i + Vector<ushort>.Count <= Inputs; i += Vector<ushort>.Count)
        {
            var j = i + Vector<float>.Count;
            var bits = Vector.Load(w + i);
            Vector<float> l = Float(Vector.WidenLower(bits)), u = Float(Vector.WidenUpper(bits));
            l0 = Vector.FusedMultiplyAdd(l, Vector.Load(x + i), l0);
            u0 = Vector.FusedMultiplyAdd(u, Vector.Load(x + j), u0);
            l1 = Vector.FusedMultiplyAdd(l, Vector.Load(x1 + i), l1);
            u1 = Vector.FusedMultiplyAdd(u, Vector.Load(x1 + j), u1);
            l2 = Vector.FusedMultiplyAdd(l, Vector.Load(x2 + i), l2);
            u2 = Vector.FusedMultiplyAdd(u, Vector.Load(x2 + j), u2);
            l3 = Vector.FusedMultiplyAdd(l, Vector.Load(x3 + i), l3);
            u3 = Vector.FusedMultiplyAdd(u, Vector.Load(x3 + j), u3);
        }
        // All sums before the first call: what lives through one would be kept in memory, and in the loop too.
        float s0 = Vector.Sum(l0 + u0), s1 = Vector.Sum(l1 + u1), s2 = Vector.Sum(l2 + u2), s3 = Vector.Sum(l3 + u3);
        y[0] = s0 + Rest(w, x, i);
        y[Outputs] = s1 + Rest(w, x1, i);
        y[2 * Outputs] = s2 + Rest(w, x2, i);
        y[3 * Outputs] = s3 + Rest(w, x3, i);
    }

    private float Dot(ushort* w, float* x)
    {
        Vector<float> l = default, u = default;
        var i = 0;
        for (; i + Vector<ushort>.Count <= Inputs; i += Vector<ushort>.Count)
        {
            var bits = Vector.Load(w + i);
            l = Vector.FusedMultiplyAdd(Float(Vector.WidenLower(bits)), Vector.Load(x + i), l);
            u = Vector.FusedMultiplyAdd(Float(Vector.WidenUpper(bits)), Vector.Load(x + i + Vector<float>.Count), u);
        }
        return Vector.Sum(l + u) + Rest(w, x, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Float(Vector<uint> bits) => Vector.AsVectorSingle(bits << 16);

    private float Rest(ushort* w, float* x, int from)
    {
        float sum = 0;
        for (var i = from; i < Inputs; i++)
            sum += BitConverter.UInt32BitsToSingle((uint)w[i] << 16) * x[i];
        return sum;
    }
}
