using System.Buffers;
using System.Text;

namespace Qianfan.Sdk.Authentication;

/// <summary>A text in UTF-8 that grows in rented memory, with lines that can be put in order. Dispose it; not thread-safe.</summary>
internal ref struct CanonicalText : IDisposable
{
    private byte[] _bytes;
    private Line[] _lines;
    private int _length;
    private int _count;

    public CanonicalText()
    {
        _bytes = ArrayPool<byte>.Shared.Rent(512);
        _lines = ArrayPool<Line>.Shared.Rent(16);
    }

    public readonly ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>True when percent-encoding would leave the text as it is.</summary>
    public static bool IsPlain(string value, string alsoUnreserved)
    {
        foreach (var c in value)
        {
            if (!IsUnreserved(c, alsoUnreserved))
            {
                return false;
            }
        }

        return true;
    }

    public void Append(byte ascii)
    {
        Room(1)[0] = ascii;
        _length++;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        _length += bytes.Length;
    }

    public void Append(string text) => _length += Encoding.UTF8.GetBytes(text, Room(Encoding.UTF8.GetMaxByteCount(text.Length)));

    /// <summary>Percent-encodes the UTF-8 bytes of a text.</summary>
    public void AppendEncoded(ReadOnlySpan<char> value, string alsoUnreserved)
    {
        // A character takes three bytes of UTF-8 at most, each of them three characters.
        var target = Room(value.Length * 9);
        var written = 0;
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in value.EnumerateRunes())
        {
            if (rune.IsAscii && IsUnreserved((char)rune.Value, alsoUnreserved))
            {
                target[written++] = (byte)rune.Value;
                continue;
            }

            foreach (var b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                target[written++] = (byte)'%';
                target[written++] = Digit(b >> 4);
                target[written++] = Digit(b & 15);
            }
        }

        _length += written;
    }

    /// <summary>Ends a line that was begun where the last one ended.</summary>
    public void EndLine()
    {
        if (_count == _lines.Length)
        {
            var larger = ArrayPool<Line>.Shared.Rent(_count * 2);
            _lines.AsSpan(0, _count).CopyTo(larger);
            ArrayPool<Line>.Shared.Return(_lines);
            _lines = larger;
        }

        var start = _count == 0 ? 0 : _lines[_count - 1].End;
        _lines[_count++] = new Line(start, _length);
    }

    /// <summary>Appends the lines of another text in the order of their bytes. That one can't be added to afterwards.</summary>
    public void AppendSorted(in CanonicalText lines, byte separator)
    {
        var sorted = lines._lines.AsSpan(0, lines._count);
        sorted.Sort(new ByteOrder(lines._bytes));
        for (var i = 0; i < sorted.Length; i++)
        {
            if (i > 0)
            {
                Append(separator);
            }

            Append(lines._bytes.AsSpan(sorted[i].Start, sorted[i].End - sorted[i].Start));
        }
    }

    public override readonly string ToString() => Encoding.UTF8.GetString(Bytes);

    public readonly void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        ArrayPool<Line>.Shared.Return(_lines);
    }

    private static bool IsUnreserved(char c, string also) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '~' || also.Contains(c);

    private static byte Digit(int value) => (byte)(value < 10 ? '0' + value : 'A' + value - 10);

    private Span<byte> Room(int count)
    {
        if (_bytes.Length - _length < count)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_bytes.Length * 2, _length + count));
            Bytes.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        return _bytes.AsSpan(_length);
    }

    private readonly record struct Line(int Start, int End);

    private readonly struct ByteOrder(byte[] bytes) : IComparer<Line>
    {
        public int Compare(Line x, Line y) => bytes.AsSpan(x.Start, x.End - x.Start).SequenceCompareTo(bytes.AsSpan(y.Start, y.End - y.Start));
    }
}
