namespace Qianfan.Sdk.Datasets;

/// <summary>Tells files that are no text from their first bytes.</summary>
internal static class FileKind
{
    /// <summary>Bytes that are enough to tell, and that are looked at whatever more there is.</summary>
    public const int HeadBytes = 4096;

    public static void CheckIsText(ReadOnlySpan<byte> head)
    {
        head = head[..Math.Min(head.Length, HeadBytes)];
        if (head.StartsWith("PK\u0003\u0004"u8) || head.StartsWith("PK\u0005\u0006"u8))
        {
            throw Archive("a zip archive (or an Excel or Word file)");
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]))
        {
            throw Archive("a gzip archive");
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]))
        {
            throw Archive("a 7z archive");
        }

        if (head.StartsWith("Rar!"u8))
        {
            throw Archive("a rar archive");
        }

        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]) || LooksLikeUtf16(head))
        {
            throw new DatasetFileException(DatasetErrorCodes.NotUtf8, "The file is in UTF-16. Save it as UTF-8 and upload it again.");
        }

        if (head.StartsWith("%PDF"u8) || head.StartsWith("PAR1"u8) || head.Contains((byte)0))
        {
            throw new DatasetFileException(DatasetErrorCodes.Binary, "The file is binary, not text. Upload JSON lines, a JSON array or CSV in UTF-8.");
        }
    }

    /// <summary>UTF-16 without a byte order mark: every other byte of what is written in ASCII is 0.</summary>
    private static bool LooksLikeUtf16(ReadOnlySpan<byte> head)
    {
        var zeros = (Span<int>)[0, 0];
        for (var i = 0; i < head.Length; i++)
        {
            zeros[i % 2] += head[i] == 0 ? 1 : 0;
        }

        return Math.Min(zeros[0], zeros[1]) == 0 && Math.Max(zeros[0], zeros[1]) > head.Length / 4;
    }

    private static DatasetFileException Archive(string what) =>
        new(DatasetErrorCodes.Archive, $"The file is {what}. Unpack it, and upload JSON lines, a JSON array or CSV in UTF-8.");
}
