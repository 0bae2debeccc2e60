using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace Qianfan.Sdk.Datasets;

/// <summary>What can be told of a JSON string from its bytes, without making a text of it. The bytes are valid UTF-8 and a valid JSON string, without the quotes.</summary>
internal static class JsonText
{
    /// <summary>True when it holds nothing but white space.</summary>
    public static bool IsBlank(ReadOnlySpan<byte> raw)
    {
        while (raw.Length > 0)
        {
            if (raw[0] == (byte)'\\')
            {
                if (!char.IsWhiteSpace(Unescape(raw, out var length)))
                {
                    return false;
                }

                raw = raw[length..];
                continue;
            }

            Rune.DecodeFromUtf8(raw, out var rune, out var consumed);
            if (!Rune.IsWhiteSpace(rune))
            {
                return false;
            }

            raw = raw[consumed..];
        }

        return true;
    }

    /// <summary>True when a \u escape is half of a surrogate pair: valid JSON, but no text.</summary>
    public static bool HasBrokenEscape(ReadOnlySpan<byte> raw)
    {
        for (var at = raw.IndexOf((byte)'\\'); at >= 0; at = raw.IndexOf((byte)'\\'))
        {
            raw = raw[at..];
            var unit = Unescape(raw, out var length);
            raw = raw[length..];
            if (!char.IsSurrogate(unit))
            {
                continue;
            }

            if (char.IsLowSurrogate(unit) || !raw.StartsWith("\\u"u8) || !char.IsLowSurrogate(Unescape(raw, out length)))
            {
                return true;
            }

            raw = raw[length..];
        }

        return false;
    }

    /// <summary>Length of the text in UTF-16 units.</summary>
    public static long Utf16Length(ReadOnlySpan<byte> raw, bool escaped)
    {
        var length = Utf16Length(raw);
        if (!escaped)
        {
            return length;
        }

        for (var at = raw.IndexOf((byte)'\\'); at >= 0; at = raw.IndexOf((byte)'\\'))
        {
            // Each escape stands for one unit.
            var skip = raw[at + 1] == (byte)'u' ? 6 : 2;
            length -= skip - 1;
            raw = raw[(at + skip)..];
        }

        return length;
    }

    /// <summary>A unit for each character's first byte, and one more where it takes a surrogate pair.</summary>
    private static long Utf16Length(ReadOnlySpan<byte> utf8)
    {
        long units = utf8.Length;
        foreach (var vector in MemoryMarshal.Cast<byte, Vector256<byte>>(utf8))
        {
            var following = Vector256.LessThan(vector.AsSByte(), Vector256.Create((sbyte)-64)).ExtractMostSignificantBits();
            var pairs = Vector256.GreaterThanOrEqual(vector, Vector256.Create((byte)0xF0)).ExtractMostSignificantBits();
            units += BitOperations.PopCount(pairs) - BitOperations.PopCount(following);
        }

        foreach (var b in utf8[(utf8.Length / Vector256<byte>.Count * Vector256<byte>.Count)..])
        {
            units += (b >= 0xF0 ? 1 : 0) - ((sbyte)b < -64 ? 1 : 0);
        }

        return units;
    }

    private static char Unescape(ReadOnlySpan<byte> escape, out int length)
    {
        length = 2;
        switch (escape[1])
        {
            case (byte)'u':
                length = 6;
                return (char)ushort.Parse(escape.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            case (byte)'b':
                return '\b';
            case (byte)'f':
                return '\f';
            case (byte)'n':
                return '\n';
            case (byte)'r':
                return '\r';
            case (byte)'t':
                return '\t';
            default:
                return (char)escape[1];
        }
    }
}
