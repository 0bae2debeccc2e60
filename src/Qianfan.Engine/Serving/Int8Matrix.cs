using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Qianfan.Engine.Serving;

/// <summary>Weights in 8 bits: each 64 of a row share a scale (the largest of them is 127), a quarter of the memory of 32 bits.</summary>
/// <remarks>
/// Activations are rounded to 16 bits, one scale a token: multiplying bytes by words takes as many instructions as bytes by bytes where there is no instruction for that (VNNI, which .NET reaches on few processors),
/// and loses nothing that 8-bit weights leave. 64 products of them fit 32 bits, so sums within a block are exact.
/// </remarks>
internal sealed unsafe class Int8Matrix : Matrix
{
    /// <summary>Weights with a common scale.</summary>
    public const int Block = 64;

    private const int MostWord = short.MaxValue;
    private readonly sbyte[] _values;
    private readonly float[] _scales;
    private readonly int _blocks;
    private readonly Int8Path _path;

    /// <param name="values">[outputs, inputs].</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Length of a row.</param>
    /// <param name="path">How to multiply; must run on this processor.</param>
    public Int8Matrix(ReadOnlySpan<float> values, int outputs, int inputs, Int8Path path)
        : base(outputs, inputs)
    {
        if (values.Length != (long)outputs * inputs)
            throw new ArgumentException($"{values.Length} values do not make {outputs} rows of {inputs}.");
        _path = path;
        _blocks = (inputs + Block - 1) / Block;
        // Rows are filled up with zeros to whole blocks.
        _values = new sbyte[checked(outputs * _blocks * Block)];
        _scales = new float[outputs * _blocks];
        for (var row = 0; row < outputs; row++)
        {
            for (var block = 0; block < _blocks; block++)
            {
                var from = values.Slice(row * inputs + block * Block, Math.Min(Block, inputs - block * Block));
                var scale = Math.Abs(TensorPrimitives.MaxMagnitude(from)) / 127;
                if (!(scale > 0))
                    continue;
                var at = row * _blocks + block;
                _scales[at] = scale;
                for (var i = 0; i < from.Length; i++)
                    _values[at * Block + i] = (sbyte)Math.Clamp(MathF.Round(from[i] / scale), -127, 127);
            }
        }
    }

    public override long Bytes => _values.Length + (long)_scales.Length * sizeof(float);

    public override void CopyRow(int row, Span<float> values)
    {
        for (var i = 0; i < Inputs; i++)
            values[i] = _values[row * _blocks * Block + i] * _scales[row * _blocks + i / Block];
    }

    protected override void MultiplyChecked(ReadOnlySpan<float> x, Span<float> y, int tokens, Crew crew)
    {
        var length = _blocks * Block;
        var words = ArrayPool<short>.Shared.Rent(tokens * length);
        var scales = ArrayPool<float>.Shared.Rent(tokens);
        for (var token = 0; token < tokens; token++)
            scales[token] = Round(x.Slice(token * Inputs, Inputs), words.AsSpan(token * length, length));
        fixed (sbyte* w = _values)
        fixed (float* ws = _scales)
        fixed (short* from = words)
        fixed (float* xs = scales)
        fixed (float* to = y)
        {
            nint wAt = (nint)w, wsAt = (nint)ws, fromAt = (nint)from, xsAt = (nint)xs, toAt = (nint)to;
            Share(tokens, crew, (start, end) => Rows((sbyte*)wAt, (float*)wsAt, (short*)fromAt, (float*)xsAt, (float*)toAt, tokens, start, end));
        }
        ArrayPool<short>.Shared.Return(words);
        ArrayPool<float>.Shared.Return(scales);
    }

    /// <summary>Rounds a token's values to 16 bits.</summary>
    /// <returns>What one step stands for.</returns>
    private static float Round(ReadOnlySpan<float> values, Span<short> words)
    {
        words.Clear();
        var most = Math.Abs(TensorPrimitives.MaxMagnitude(values));
        // Values that are no numbers are found where the scores are read: the scale carries them there.
        if (!(most > 0) || !float.IsFinite(most))
            return most;
        var by = MostWord / most;
        if (!float.IsFinite(by))
            return 0;
        var i = 0;
        for (; i + Vector256<short>.Count <= values.Length; i += Vector256<short>.Count)
        {
            var lower = Vector256.ConvertToInt32(Vector256.Round(Vector256.Create(values[i..]) * by));
            var upper = Vector256.ConvertToInt32(Vector256.Round(Vector256.Create(values[(i + Vector256<float>.Count)..]) * by));
            Vector256.Narrow(lower, upper).CopyTo(words[i..]);
        }
        for (; i < values.Length; i++)
            words[i] = (short)MathF.Round(values[i] * by);
        return most / MostWord;
    }

    private void Rows(sbyte* w, float* ws, short* x, float* xs, float* y, int tokens, int start, int end)
    {
        var length = _blocks * Block;
        for (var row = start; row < end; row += 2)
        {
            // The last of an odd number of rows goes with itself.
            var second = row + 1 < end ? row + 1 : row;
            sbyte* a = w + (long)row * length, b = w + (long)second * length;
            float* sa = ws + (long)row * _blocks, sb = ws + (long)second * _blocks;
            for (var token = 0; token < tokens; token += 4)
            {
                // One token or four at a time; each is summed in the same order either way.
                var count = tokens - token >= 4 ? 4 : 1;
                for (var one = token; one < Math.Min(tokens, token + 4); one += count)
                {
                    short* from = x + (long)one * length;
                    float* s = xs + one, ya = y + (long)one * Outputs + row, yb = y + (long)one * Outputs + second;
                    switch (_path, count)
                    {
                        case (Int8Path.Avx512, 4): TwoByFour512(a, b, sa, sb, from, s, ya, yb); break;
                        case (Int8Path.Avx512, _): TwoByOne512(a, b, sa, sb, from, s, ya, yb); break;
                        case (Int8Path.Avx2, 4): TwoByFour256(a, b, sa, sb, from, s, ya, yb); break;
                        case (Int8Path.Avx2, _): TwoByOne256(a, b, sa, sb, from, s, ya, yb); break;
                        default:
                            for (var t = 0; t < count; t++)
                            {
                                ya[t * Outputs] = Dot(a, sa, from + t * length) * s[t];
                                yb[t * Outputs] = Dot(b, sb, from + t * length) * s[t];
                            }
                            break;
                    }
                }
            }
        }
    }

    private float Dot(sbyte* w, float* scales, short* x)
    {
        Vector128<float> sum = default;
        for (var block = 0; block < _blocks; block++, w += Block, x += Block)
        {
            Vector128<int> products = default;
            for (var i = 0; i < Block; i += Vector128<short>.Count)
            {
                var weights = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)(w + i)).AsSByte());
                var values = Vector128.Load(x + i);
                products += Vector128.WidenLower(weights) * Vector128.WidenLower(values) + Vector128.WidenUpper(weights) * Vector128.WidenUpper(values);
            }
            sum += Vector128.ConvertToSingle(products) * scales[block];
        }
        return Vector128.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Add256(Vector256<float> sum, Vector256<short> w0, Vector256<short> w1, Vector256<short> w2, Vector256<short> w3, short* x, Vector256<float> scale)
    {
        var products = Avx2.Add(
            Avx2.Add(Avx2.MultiplyAddAdjacent(w0, Vector256.Load(x)), Avx2.MultiplyAddAdjacent(w1, Vector256.Load(x + 16))),
            Avx2.Add(Avx2.MultiplyAddAdjacent(w2, Vector256.Load(x + 32)), Avx2.MultiplyAddAdjacent(w3, Vector256.Load(x + 48))));
        return Fma.MultiplyAdd(Avx.ConvertToVector256Single(products), scale, sum);
    }

    private void TwoByFour256(sbyte* a, sbyte* b, float* sa, float* sb, short* x, float* xs, float* ya, float* yb)
    {
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        var length = _blocks * Block;
        short* x1 = x + length, x2 = x1 + length, x3 = x2 + length;
        for (var block = 0; block < _blocks; block++)
        {
            var i = block * Block;
            Vector256<short> w0 = Avx2.ConvertToVector256Int16(a + i), w1 = Avx2.ConvertToVector256Int16(a + i + 16), w2 = Avx2.ConvertToVector256Int16(a + i + 32), w3 = Avx2.ConvertToVector256Int16(a + i + 48);
            var scale = Vector256.Create(sa[block]);
            a0 = Add256(a0, w0, w1, w2, w3, x + i, scale);
            a1 = Add256(a1, w0, w1, w2, w3, x1 + i, scale);
            a2 = Add256(a2, w0, w1, w2, w3, x2 + i, scale);
            a3 = Add256(a3, w0, w1, w2, w3, x3 + i, scale);
            (w0, w1, w2, w3) = (Avx2.ConvertToVector256Int16(b + i), Avx2.ConvertToVector256Int16(b + i + 16), Avx2.ConvertToVector256Int16(b + i + 32), Avx2.ConvertToVector256Int16(b + i + 48));
            scale = Vector256.Create(sb[block]);
            b0 = Add256(b0, w0, w1, w2, w3, x + i, scale);
            b1 = Add256(b1, w0, w1, w2, w3, x1 + i, scale);
            b2 = Add256(b2, w0, w1, w2, w3, x2 + i, scale);
            b3 = Add256(b3, w0, w1, w2, w3, x3 + i, scale);
        }
        (ya[0], yb[0]) = (Vector256.Sum(a0) * xs[0], Vector256.Sum(b0) * xs[0]);
        (ya[Outputs], yb[Outputs]) = (Vector256.Sum(a1) * xs[1], Vector256.Sum(b1) * xs[1]);
        (ya[2 * Outputs], yb[2 * Outputs]) = (Vector256.Sum(a2) * xs[2], Vector256.Sum(b2) * xs[2]);
        (ya[3 * Outputs], yb[3 * Outputs]) = (Vector256.Sum(a3) * xs[3], Vector256.Sum(b3) * xs[3]);
    }

    private void TwoByOne256(sbyte* a, sbyte* b, float* sa, float* sb, short* x, float* xs, float* ya, float* yb)
    {
        Vector256<float> sumA = default, sumB = default;
        for (var block = 0; block < _blocks; block++)
        {
            var i = block * Block;
            sumA = Add256(sumA, Avx2.ConvertToVector256Int16(a + i), Avx2.ConvertToVector256Int16(a + i + 16), Avx2.ConvertToVector256Int16(a + i + 32), Avx2.ConvertToVector256Int16(a + i + 48), x + i, Vector256.Create(sa[block]));
            sumB = Add256(sumB, Avx2.ConvertToVector256Int16(b + i), Avx2.ConvertToVector256Int16(b + i + 16), Avx2.ConvertToVector256Int16(b + i + 32), Avx2.ConvertToVector256Int16(b + i + 48), x + i, Vector256.Create(sb[block]));
        }
        (ya[0], yb[0]) = (Vector256.Sum(sumA) * xs[0], Vector256.Sum(sumB) * xs[0]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Load512(sbyte* w) => Avx512BW.ConvertToVector512Int16(Vector256.Load(w));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add512(Vector512<float> sum, Vector512<short> w0, Vector512<short> w1, short* x, Vector512<float> scale)
    {
        var products = Avx512F.Add(Avx512BW.MultiplyAddAdjacent(w0, Vector512.Load(x)), Avx512BW.MultiplyAddAdjacent(w1, Vector512.Load(x + 32)));
        return Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(products), scale, sum);
    }

    private void TwoByFour512(sbyte* a, sbyte* b, float* sa, float* sb, short* x, float* xs, float* ya, float* yb)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        var length = _blocks * Block;
        short* x1 = x + length, x2 = x1 + length, x3 = x2 + length;
        for (var block = 0; block < _blocks; block++)
        {
            var i = block * Block;
            Vector512<short> w0 = Load512(a + i), w1 = Load512(a + i + 32), v0 = Load512(b + i), v1 = Load512(b + i + 32);
            Vector512<float> scaleA = Vector512.Create(sa[block]), scaleB = Vector512.Create(sb[block]);
            a0 = Add512(a0, w0, w1, x + i, scaleA);
            b0 = Add512(b0, v0, v1, x + i, scaleB);
            a1 = Add512(a1, w0, w1, x1 + i, scaleA);
            b1 = Add512(b1, v0, v1, x1 + i, scaleB);
            a2 = Add512(a2, w0, w1, x2 + i, scaleA);
            b2 = Add512(b2, v0, v1, x2 + i, scaleB);
            a3 = Add512(a3, w0, w1, x3 + i, scaleA);
            b3 = Add512(b3, v0, v1, x3 + i, scaleB);
        }
        (ya[0], yb[0]) = (Vector512.Sum(a0) * xs[0], Vector512.Sum(b0) * xs[0]);
        (ya[Outputs], yb[Outputs]) = (Vector512.Sum(a1) * xs[1], Vector512.Sum(b1) * xs[1]);
        (ya[2 * Outputs], yb[2 * Outputs]) = (Vector512.Sum(a2) * xs[2], Vector512.Sum(b2) * xs[2]);
        (ya[3 * Outputs], yb[3 * Outputs]) = (Vector512.Sum(a3) * xs[3], Vector512.Sum(b3) * xs[3]);
    }

    private void TwoByOne512(sbyte* a, sbyte* b, float* sa, float* sb, short* x, float* xs, float* ya, float* yb)
    {
        Vector512<float> sumA = default, sumB = default;
        for (var block = 0; block < _blocks; block++)
        {
            var i = block * Block;
            sumA = Add512(sumA, Load512(a + i), Load512(a + i + 32), x + i, Vector512.Create(sa[block]));
            sumB = Add512(sumB, Load512(b + i), Load512(b + i + 32), x + i, Vector512.Create(sb[block]));
        }
        (ya[0], yb[0]) = (Vector512.Sum(sumA) * xs[0], Vector512.Sum(sumB) * xs[0]);
    }
}
