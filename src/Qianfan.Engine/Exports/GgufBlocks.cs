using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Exports;

/// <summary>Numbers as GGUF stores them.</summary>
internal static class GgufBlocks
{
    /// <summary>Values that share a scale.</summary>
    public const int Length = 32;

    public static long Bytes(GgufType type, long values) => type switch
    {
        GgufType.F32 => values * 4,
        GgufType.F16 => values * 2,
        GgufType.Q8_0 => values / Length * (2 + Length),
        _ => values / Length * (2 + Length / 2),
    };

    /// <summary>Writes values; of the packed kinds, a multiple of <see cref="Length"/>.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: a value is no number, or too large for the type.</exception>
    public static void Write(Stream stream, GgufType type, ReadOnlySpan<float> values, string name)
    {
        const int part = 1 << 14;
        var buffer = new byte[Bytes(type, part)];
        while (values.Length > 0)
        {
            var some = values[..Math.Min(part, values.Length)];
            var into = buffer.AsSpan(0, (int)Bytes(type, some.Length));
            if (!TensorPrimitives.IsFiniteAll<float>(some))
                throw new EngineException(WorkerErrors.InvalidModel, $"The weight {name} holds values that are not numbers.");
            switch (type)
            {
                case GgufType.F32:
                    MemoryMarshal.AsBytes(some).CopyTo(into);
                    break;
                case GgufType.F16:
                    if (TensorPrimitives.MaxMagnitude(some) is var largest && Math.Abs(largest) > (float)Half.MaxValue)
                        throw new EngineException(WorkerErrors.InvalidModel, $"The weight {name} holds {largest}, too large for 16 bits; export it as F32.");
                    TensorPrimitives.ConvertToHalf(some, MemoryMarshal.Cast<byte, Half>(into));
                    break;
                default:
                    for (var i = 0; i < some.Length / Length; i++)
                        Pack(type, some.Slice(i * Length, Length), into.Slice((int)Bytes(type, i * Length), (int)Bytes(type, Length)));
                    break;
            }
            stream.Write(into);
            values = values[some.Length..];
        }
    }

    private static void Pack(GgufType type, ReadOnlySpan<float> values, Span<byte> block)
    {
        // Four bits reach from -8 to 7: the value furthest from 0 gets the -8, whatever its sign.
        var furthest = TensorPrimitives.MaxMagnitude(values);
        var scale = type == GgufType.Q8_0 ? Math.Abs(furthest) / 127 : furthest / -8;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        var inverse = scale == 0 ? 0 : 1 / scale;
        var packed = block[2..];
        if (type == GgufType.Q8_0)
        {
            for (var i = 0; i < Length; i++)
                packed[i] = (byte)(sbyte)MathF.Round(values[i] * inverse, MidpointRounding.AwayFromZero);
            return;
        }
        for (var i = 0; i < Length / 2; i++)
            packed[i] = (byte)(Four(values[i]) | Four(values[i + Length / 2]) << 4);

        int Four(float value) => Math.Clamp((int)(value * inverse + 8.5f), 0, 15);
    }
}
