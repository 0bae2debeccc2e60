using System.Numerics;
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

    private void Rows(ushort* w, float* x, float* y, int tokens, int start, int end)
    {
        for (var row = start; row < end; row += 2)
        {
            // The last of an odd number of rows goes with itself.
            ushort* a = w + (long)row * Inputs, b = row + 1 < end ? a + Inputs : a;
            var second = row + 1 < end ? row + 1 : row;
            var token = 0;
            for (; token + 3 <= tokens; token += 3)
                TwoByThree(a, b, x + (long)token * Inputs, y + (long)token * Outputs + row, y + (long)token * Outputs + second);
            for (; token < tokens; token++)
                TwoByOne(a, b, x + (long)token * Inputs, y + (long)token * Outputs + row, y + (long)token * Outputs + second);
        }
    }

    private void TwoByThree(ushort* a, ushort* b, float* x, float* ya, float* yb)
    {
        Vector<float> a0 = default, a1 = default, a2 = default, b0 = default, b1 = default, b2 = default;
        float* x1 = x + Inputs, x2 = x1 + Inputs;
        var i = 0;
        for (; i + Vector<ushort>.Count <= Inputs; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load(a + i), out var lower, out var upper);
            Vector<float> la = Float(lower), ua = Float(upper);
            Vector.Widen(Vector.Load(b + i), out lower, out upper);
            Vector<float> lb = Float(lower), ub = Float(upper);
            Vector<float> l = Vector.Load(x + i), u = Vector.Load(x + i + Vector<float>.Count);
            a0 = Vector.FusedMultiplyAdd(ua, u, Vector.FusedMultiplyAdd(la, l, a0));
            b0 = Vector.FusedMultiplyAdd(ub, u, Vector.FusedMultiplyAdd(lb, l, b0));
            (l, u) = (Vector.Load(x1 + i), Vector.Load(x1 + i + Vector<float>.Count));
            a1 = Vector.FusedMultiplyAdd(ua, u, Vector.FusedMultiplyAdd(la, l, a1));
            b1 = Vector.FusedMultiplyAdd(ub, u, Vector.FusedMultiplyAdd(lb, l, b1));
            (l, u) = (Vector.Load(x2 + i), Vector.Load(x2 + i + Vector<float>.Count));
            a2 = Vector.FusedMultiplyAdd(ua, u, Vector.FusedMultiplyAdd(la, l, a2));
            b2 = Vector.FusedMultiplyAdd(ub, u, Vector.FusedMultiplyAdd(lb, l, b2));
        }
        (ya[0], yb[0]) = (Vector.Sum(a0) + Rest(a, x, i), Vector.Sum(b0) + Rest(b, x, i));
        (ya[Outputs], yb[Outputs]) = (Vector.Sum(a1) + Rest(a, x1, i), Vector.Sum(b1) + Rest(b, x1, i));
        (ya[2 * Outputs], yb[2 * Outputs]) = (Vector.Sum(a2) + Rest(a, x2, i), Vector.Sum(b2) + Rest(b, x2, i));
    }

    private void TwoByOne(ushort* a, ushort* b, float* x, float* ya, float* yb)
    {
        Vector<float> a0 = default, b0 = default;
        var i = 0;
        for (; i + Vector<ushort>.Count <= Inputs; i += Vector<ushort>.Count)
        {
            Vector<float> l = Vector.Load(x + i), u = Vector.Load(x + i + Vector<float>.Count);
            Vector.Widen(Vector.Load(a + i), out var lower, out var upper);
            a0 = Vector.FusedMultiplyAdd(Float(upper), u, Vector.FusedMultiplyAdd(Float(lower), l, a0));
            Vector.Widen(Vector.Load(b + i), out lower, out upper);
            b0 = Vector.FusedMultiplyAdd(Float(upper), u, Vector.FusedMultiplyAdd(Float(lower), l, b0));
        }
        (ya[0], yb[0]) = (Vector.Sum(a0) + Rest(a, x, i), Vector.Sum(b0) + Rest(b, x, i));
    }

    private static Vector<float> Float(Vector<uint> bits) => Vector.AsVectorSingle(bits << 16);

    private float Rest(ushort* w, float* x, int from)
    {
        float sum = 0;
        for (var i = from; i < Inputs; i++)
            sum += BitConverter.UInt32BitsToSingle((uint)w[i] << 16) * x[i];
        return sum;
    }
}
