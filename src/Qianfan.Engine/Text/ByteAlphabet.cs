namespace Qianfan.Engine.Text;

/// <summary>The printable stand-ins that byte-level BPE vocabularies write for the 256 bytes.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_toChar = Build();
    private static readonly Dictionary<char, byte> s_toByte = Enumerable.Range(0, 256).ToDictionary(value => s_toChar[value], value => (byte)value);

    public static char ToChar(byte value) => s_toChar[value];

    /// <summary>How a vocabulary writes these bytes.</summary>
    public static string ToText(ReadOnlySpan<byte> bytes)
    {
        Span<char> text = bytes.Length <= 256 ? stackalloc char[bytes.Length] : new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            text[i] = s_toChar[bytes[i]];
        return new string(text);
    }

    /// <summary>The bytes that a token's text stands for, or null if a character is no stand-in.</summary>
    public static byte[]? ToBytes(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            if (!s_toByte.TryGetValue(token[i], out bytes[i]))
                return null;
        }
        return bytes;
    }

    private static char[] Build()
    {
        // Printable Latin-1 stands for itself; the others follow from U+0100 on, in order.
        var table = new char[256];
        var next = 256;
        for (var value = 0; value < 256; value++)
            table[value] = value is (>= '!' and <= '~') or (>= 0xa1 and <= 0xac) or (>= 0xae and <= 0xff) ? (char)value : (char)next++;
        return table;
    }
}
