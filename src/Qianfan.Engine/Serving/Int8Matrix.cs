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

    /// <summary>Bytes of a line of the processor's cache.</summary>
    private const int Line = 64;
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
                Narrow(from, scale, _values.AsSpan(at * Block, from.Length));
            }
        }
    }

    /// <summary>Divides by the scale and rounds; what is largest becomes 127.</summary>
    private static void Narrow(ReadOnlySpan<float> values, float scale, Span<sbyte> into)
    {
        var i = 0;
        for (; i + Vector256<sbyte>.Count <= values.Length; i += Vector256<sbyte>.Count)
            Vector256.Narrow(Vector256.Narrow(Rounded(values, i), Rounded(values, i + 8)), Vector256.Narrow(Rounded(values, i + 16), Rounded(values, i + 24))).CopyTo(into[i..]);
        for (; i < values.Length; i++)
            into[i] = (sbyte)Math.Clamp(MathF.Round(values[i] / scale), -127, 127);

        Vector256<int> Rounded(ReadOnlySpan<float> from, int at) =>
            Vector256.ConvertToInt32(Vector256.Clamp(Vector256.Round(Vector256.Create(from[at..]) / scale), Vector256.Create(-127f), Vector256.Create(127f)));
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
        var words = ArrayPool<short>.Shared.Rent(tokens * length + Line / sizeof(short));
        var scales = ArrayPool<float>.Shared.Rent(tokens);
        fixed (sbyte* w = _values)
        fixed (float* ws = _scales, values = x, xs = scales, to = y)
        fixed (short* from = words)
        {
            // Where vectors of words begin with lines of the cache, none has to be read in two pieces.
            nint wAt = (nint)w, wsAt = (nint)ws, valuesAt = (nint)values, wordsAt = ((nint)from + Line - 1) & -Line, xsAt = (nint)xs, toAt = (nint)to;
            crew.Each(tokens, token => ((float*)xsAt)[token] = Round((float*)valuesAt + (long)token * Inputs, (short*)wordsAt + (long)token * length));
            Share(tokens, crew, (start, end) => Rows((sbyte*)wAt, (float*)wsAt, (short*)wordsAt, (float*)xsAt, (float*)toAt, tokens, start, end));
        }
        ArrayPool<short>.Shared.Return(words);
        ArrayPool<float>.Shared.Return(scales);
    }

    /// <summary>Rounds a token's values to 16 bits.</summary>
    /// <returns>What one step stands for.</returns>
    private float Round(float* values, short* words)
    {
        var all = new Span<short>(words, _blocks * Block);
        // Without their signs, numbers are in the order of their bits, and whatever is none comes last.
        Vector256<int> largest = default;
        var i = 0;
        for (; i + Vector256<float>.Count <= Inputs; i += Vector256<float>.Count)
            largest = Vector256.Max(largest, Vector256.Abs(Vector256.Load(values + i)).AsInt32());
        var bits = 0;
        for (var lane = 0; lane < Vector256<int>.Count; lane++)
            bits = Math.Max(bits, largest[lane]);
        for (; i < Inputs; i++)
            bits = Math.Max(bits, BitConverter.SingleToInt32Bits(Math.Abs(values[i])));
        var most = BitConverter.Int32BitsToSingle(bits);
        // Values that are no numbers are found where the scores are read: the scale carries them there.
        var by = MostWord / most;
        if (!float.IsFinite(most) || !float.IsFinite(by))
        {
            all.Clear();
            return float.IsFinite(most) ? 0 : most;
        }
        for (i = 0; i + Vector256<short>.Count <= Inputs; i += Vector256<short>.Count)
        {
            var lower = Vector256.ConvertToInt32(Vector256.Round(Vector256.Load(values + i) * by));
            var upper = Vector256.ConvertToInt32(Vector256.Round(Vector256.Load(values + i + Vector256<float>.Count) * by));
            Vector256.Narrow(lower, upper).Store(words + i);
        }
        for (; i < Inputs; i++)
            words[i] = (short)MathF.Round(values[i] * by);
        all[Inputs..].Clear();
        return most / MostWord;
    }

    /// <summary>Some rows for all tokens. A few tokens at a time, which stay in the nearest cache; each result is summed in the same order in all kernels.</summary>
    private void Rows(sbyte* w, float* ws, short* x, float* xs, float* y, int tokens, int start, int end)
    {
        var token = 0;
        if (_path == Int8Path.Avx512 && tokens >= ManyTokens)
        {
            for (; token + 8 <= tokens; token += 8)
            {
                // The last of an odd number of rows goes with itself.
                for (var row = start; row < end; row += 2)
                    TwoByEight512(Weights(row), Weights(Math.Min(row + 1, end - 1)), Scales(row), Scales(Math.Min(row + 1, end - 1)), Words(), xs + token, To(row), To(Math.Min(row + 1, end - 1)));
            }
        }
        for (; _path != Int8Path.Portable && token + 4 <= tokens; token += 4)
        {
            for (var row = start; row < end; row++)
            {
                if (_path == Int8Path.Avx512)
                    OneByFour512(Weights(row), Scales(row), Words(), xs + token, To(row));
                else
                    OneByFour256(Weights(row), Scales(row), Words(), xs + token, To(row));
            }
        }
        for (; token < tokens; token++)
        {
            for (var row = start; row < end; row++)
            {
                *To(row) = xs[token] * _path switch
                {
                    Int8Path.Avx512 => Dot512(Weights(row), Scales(row), Words()),
                    Int8Path.Avx2 => Dot256(Weights(row), Scales(row), Words()),
                    _ => Dot(Weights(row), Scales(row), Words()),
                };
            }
        }

        sbyte* Weights(int row) => w + (long)row * _blocks * Block;
        float* Scales(int row) => ws + (long)row * _blocks;
        short* Words() => x + (long)token * _blocks * Block;
        float* To(int row) => y + (long)token * Outputs + row;
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

    private void OneByFour256(sbyte* w, float* scales, short* x, float* xs, float* y)
    {
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        var length = _blocks * Block;
        short* x1 = x + length, x2 = x1 + length, x3 = x2 + length;
        for (var block = 0; block < _blocks; block++)
        {
            var i = block * Block;
            Vector256<short> w0 = Avx2.ConvertToVector256Int16(w + i), w1 = Avx2.ConvertToVector256Int16(w + i + 16), w2 = Avx2.ConvertToVector256Int16(w + i + 32), w3 = Avx2.ConvertToVector256Int16(w + i + 48);
            var scale = Vector256.Create(scales[block]);
            s0 = Add256(s0, w0, w1, w2, w3, x + i, scale);
            s1 = Add256(s1, w0, w1, w2, w3, x1 + i, scale);
            s2 = Add256(s2, w0, w1, w2, w3, x2 + i, scale);
            s3 = Add256(s3, w0, w1, w2, w3, x3 + i, scale);
        }
        y[0] = Vector256.Sum(s0) * xs[0];
        y[Outputs] = Vector256.Sum(s1) * xs[1];
        y[2 * Outputs] = Vector256.Sum(s2) * xs[2];
        y[3 * Outputs] = Vector256.Sum(s3) * xs[3];
    }

    private float Dot256(sbyte* w, float* scales, short* x)
    {
        Vector256<float> sum = default;
        for (var block = 0; block < _blocks; block++, w += Block, x += Block)
            sum = Add256(sum, Avx2.ConvertToVector256Int16(w), Avx2.ConvertToVector256Int16(w + 16), Avx2.ConvertToVector256Int16(w + 32), Avx2.ConvertToVector256Int16(w + 48), x, Vector256.Create(scales[block]));
        return Vector256.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Load512(sbyte* w) => Avx512BW.ConvertToVector512Int16(Vector256.Load(w));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add512(Vector512<float> sum, Vector512<short> w0, Vector512<short> w1, Vector512<short> x0, Vector512<short> x1, Vector512<float> scale)
    {
        var products = Avx512F.Add(Avx512BW.MultiplyAddAdjacent(w0, x0), Avx512BW.MultiplyAddAdjacent(w1, x1));
        return Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(products), scale, sum);
    }

    private void TwoByEight512(sbyte* a, sbyte* b, float* sa, float* sb, short* x, float* xs, float* ya, float* yb)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        var length = _blocks * Block;
        for (var block = 0; block < _blocks; block++)
        {
            var i = block * Block;
            Vector512<short> w0 = Load512(a + i), w1 = Load512(a + i + 32), v0 = Load512(b + i), v1 = Load512(b + i + 32);
            Vector512<float> scaleA = Vector512.Create(sa[block]), scaleB = Vector512.Create(sb[block]);
            var at = x + i;
            Vector512<short> x0, x1;
            (x0, x1) = (Vector512.Load(at), Vector512.Load(at + 32));
            a0 = Add512(a0, w0, w1, x0, x1, scaleA);
            b0 = Add512(b0, v0, v1, x0, x1, scaleB);
            at += length;
            (x0, x1) = (Vector512.Load(at), Vector512.Load(at + 32));
            a1 = Add512(a1, w0, w1, x0, x1, scaleA);
            b1 = Add512(b1, v0, v1, x0, x1, scaleB);
            at += length;
            (x0, x1) = (Vector512.Load(at), Vector512.Load(at + 32));
            a2 = Add512(a2, w0, w1, x0, x1, scaleA);
            b2 = Add512(b2, v0, v1, x0, x1, scaleB);
            at += length;
            (x0, x1) = (Vector512.Load(at), Vector512.Load(at + 32));
            a3 = Add512(a3, w0, w1, x0, x1, scaleA);
            b3 = Add512(b3, v0, v1, x0, x1, scaleB);
            at += length;
            (x0, x1) = (Vector512.Load(at), Vector512.Load(at + 32));
            a4 = Add512(a4, w0, w1, x0, x1, scaleA);
            b4 = Add512(b4, v0, v1, x0, x1, scaleB);
            at += length;
            (x0, x1) = (Vector512.Load(at), Vector512.Load(at + 32));
            a5 = Add512(a5, w0, w1, x0, x1, scaleA);
            b5 = Add512(b5, v0, v1, x0, x1, scaleB);
            at += length;
            (x0, x1) = (Vector512.Load(at), Vector512.Load(at + 32));
            a6 = Add512(a6, w0, w1, x0, x1, scaleA);
            b6 = Add512(b6, v0, v1, x0, x1, scaleB);
            at += length;
            (x0, x1) = (Vector512.Load(at), Vector512.Load(at + 32));
            a7 = Add512(a7, w0, w1, x0, x1, scaleA);
            b7 = Add512(b7, v0, v1, x0, x1, scaleB);
        }
        (ya[0], yb[0]) = (Vector512.Sum(a0) * xs[0], Vector512.Sum(b0) * xs[0]);
        (ya[Outputs], yb[Outputs]) = (Vector512.Sum(a1) * xs[1], Vector512.Sum(b1) * xs[1]);
        (ya[2 * Outputs], yb[2 * Outputs]) = (Vector512.Sum(a2) * xs[2], Vector512.Sum(b2) * xs[2]);
        (ya[3 * Outputs], yb[3 * Outputs]) = (Vector512.Sum(a3) * xs[3], Vector512.Sum(b3) * xs[3]);
        (ya[4 * Outputs], yb[4 * Outputs]) = (Vector512.Sum(a4) * xs[4], Vector512.Sum(b4) * xs[4]);
        (ya[5 * Outputs], yb[5 * Outputs]) = (Vector512.Sum(a5) * xs[5], Vector512.Sum(b5) * xs[5]);
        (ya[6 * Outputs], yb[6 * Outputs]) = (Vector512.Sum(a6) * xs[6], Vector512.Sum(b6) * xs[6]);
        (ya[7 * Outputs], yb[7 * Outputs]) = (Vector512.Sum(a7) * xs[7], Vector512.Sum(b7) * xs[7]);
    }

    private void OneByFour512(sbyte* w, float* scales, short* x, float* xs, float* y)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        var length = _blocks * Block;
        short* x1 = x + length, x2 = x1 + length, x3 = x2 + length;
        for (var block = 0; block < _blocks; block++)
        {
            var i = block * Block;
            Vector512<short> w0 = Load512(w + i), w1 = Load512(w + i + 32);
            var scale = Vector512.Create(scales[block]);
            s0 = Add512(s0, w0, w1, Vector512.Load(x + i), Vector512.Load(x + i + 32), scale);
            s1 = Add512(s1, w0, w1, Vector512.Load(x1 + i), Vector512.Load(x1 + i + 32), scale);
            s2 = Add512(s2, w0, w1, Vector512.Load(x2 + i), Vector512.Load(x2 + i + 32), scale);
            s3 = Add512(s3, w0, w1, Vector512.Load(x3 + i), Vector512.Load(x3 + i + 32), scale);
        }
        y[0] = Vector512.Sum(s0) * xs[0];
        y[Outputs] = Vector512.Sum(s1) * xs[1];
        y[2 * Outputs] = Vector512.Sum(s2) * xs[2];
        y[3 * Outputs] = Vector512.Sum(s3) * xs[3];
    }

    private float Dot512(sbyte* w, float* scales, short* x)
    {
        Vector512<float> sum = default;
        for (var block = 0; block < _blocks; block++, w += Block, x += Block)
            sum = Add512(sum, Load512(w), Load512(w + 32), Vector512.Load(x), Vector512.Load(x + 32), Vector512.Create(scales[block]));
        return Vector512.Sum(sum);
    }
}
