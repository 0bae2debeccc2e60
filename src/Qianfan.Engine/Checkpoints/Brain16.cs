namespace Qianfan.Engine.Checkpoints;

/// <summary>bfloat16: the upper half of a 32-bit float.</summary>
internal static class Brain16
{
    public static void Widen(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        for (var i = 0; i < source.Length; i++)
            destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    /// <summary>Rounds to the nearest, ties to even; not-a-number stays not-a-number.</summary>
    public static void Narrow(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        for (var i = 0; i < source.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(source[i]);
            destination[i] = float.IsNaN(source[i]) ? (ushort)(bits >> 16 | 0x40) : (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
        }
    }
}
