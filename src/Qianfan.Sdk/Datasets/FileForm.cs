using System.Text.Json;
using System.Text.Unicode;

namespace Qianfan.Sdk.Datasets;

/// <summary>Tells the form of a text file from its beginning.</summary>
internal static class FileForm
{
    /// <exception cref="DatasetFileException">There is nothing but white space.</exception>
    public static async ValueTask<RowFeed> DetectAsync(ByteSource source, DatasetReaderOptions options, CancellationToken cancellationToken)
    {
        await SkipWhiteSpaceAsync(source, cancellationToken).ConfigureAwait(false);
        if (source.Window.Length == 0)
        {
            throw new DatasetFileException(DatasetErrorCodes.EmptyFile, "The file is empty.");
        }

        var first = source.Window[0];
        var mayBeText = options.Kind is DatasetKind.Text or DatasetKind.PromptSet;
        if (first == (byte)'[' && await IsArrayFileAsync(source, options.Kind, cancellationToken).ConfigureAwait(false))
        {
            return new ArrayFeed(options);
        }

        if (first is (byte)'[' or (byte)'{')
        {
            return mayBeText && !await FirstLineAsync(source, options.Kind, IsJson, cancellationToken).ConfigureAwait(false) ? LineFeed.Text(options) : LineFeed.Json(options);
        }

        return mayBeText && !await FirstLineAsync(source, options.Kind, IsHeader, cancellationToken).ConfigureAwait(false) ? LineFeed.Text(options) : new CsvFeed(options);
    }

    private static bool IsJson(ReadOnlySpan<byte> line, DatasetKind kind)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            while (reader.Read())
            {
                // To the end of the value.
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool IsHeader(ReadOnlySpan<byte> line, DatasetKind kind) => Utf8.IsValid(line) && CsvRowParser.FromHeader(line, kind) is not null;

    private static async ValueTask<bool> FirstLineAsync(ByteSource source, DatasetKind kind, Func<ReadOnlySpan<byte>, DatasetKind, bool> test, CancellationToken cancellationToken)
    {
        var end = await FindAsync(source, (byte)'\n', cancellationToken).ConfigureAwait(false);
        return test(end < 0 ? source.Window : source.Window[..end], kind);
    }

    private static async ValueTask SkipWhiteSpaceAsync(ByteSource source, CancellationToken cancellationToken)
    {
        while (true)
        {
            var blank = source.Window.IndexOfAnyExcept(" \t\r\n"u8);
            if (blank >= 0)
            {
                source.Consume(blank);
                return;
            }

            source.Consume(source.Window.Length);
            if (!await source.FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return;
            }
        }
    }

    /// <summary>A file that begins with a bracket is one array, or has an array on each line. What the first line alone amounts to decides.</summary>
    private static async ValueTask<bool> IsArrayFileAsync(ByteSource source, DatasetKind kind, CancellationToken cancellationToken)
    {
        int end;
        try
        {
            end = await FindAsync(source, (byte)'\n', cancellationToken).ConfigureAwait(false);
            if (end >= 0 && !await HasMoreAfterAsync(source, end, cancellationToken).ConfigureAwait(false))
            {
                end = -1;
            }
        }
        catch (DatasetFileException e) when (e.Code == DatasetErrorCodes.RowTooLong)
        {
            // Too long for a row: an array without line breaks, whose elements may well be short enough.
            return true;
        }

        var first = end < 0 ? source.Window : source.Window[..end];
        try
        {
            var reader = new Utf8JsonReader(first, isFinalBlock: false, default);
            if (!reader.Read() || !reader.TrySkip())
            {
                // Goes on behind the first line. Unless the next line begins a row too: then this one is only cut off.
                var onlyBracket = first.TrimEnd(" \t\r\n"u8).Length == 1;
                return end < 0 || onlyBracket || !NextLineBeginsRow(source.Window[(end + 1)..]);
            }
        }
        catch (JsonException)
        {
            return false;
        }

        // The first line is complete. With more lines it is a row; alone, it is a row if its objects are turns.
        return end < 0 && (kind == DatasetKind.Text || !IsConversation(first));
    }

    private static async ValueTask<bool> HasMoreAfterAsync(ByteSource source, int position, CancellationToken cancellationToken)
    {
        do
        {
            if (source.Window[position..].ContainsAnyExcept(" \t\r\n"u8))
            {
                return true;
            }
        }
        while (await source.FillAsync(cancellationToken).ConfigureAwait(false));
        return false;
    }

    private static bool NextLineBeginsRow(ReadOnlySpan<byte> rest)
    {
        var next = rest.TrimStart(" \t\r\n"u8);
        return next.StartsWith("["u8);
    }

    private static bool IsConversation(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
        {
            return true;
        }

        var tape = new JsonTape();
        try
        {
            tape.Read(json);
        }
        catch (JsonException)
        {
            return true;
        }

        var row = new JsonRow(json, tape);
        return row.Count(0, 1) == 0
            || (row.IsObject(JsonRow.First(0)) && !row.TryGet(JsonRow.First(0), RowName.Messages, out _) && !row.TryGet(JsonRow.First(0), RowName.Conversations, out _) && !row.TryGet(JsonRow.First(0), RowName.Instruction, out _));
    }

    /// <summary>Position of a byte in the window, which grows as needed; -1 when the stream ends before.</summary>
    private static async ValueTask<int> FindAsync(ByteSource source, byte value, CancellationToken cancellationToken)
    {
        var searched = 0;
        while (true)
        {
            var found = source.Window[searched..].IndexOf(value);
            if (found >= 0)
            {
                return searched + found;
            }

            searched = source.Window.Length;
            if (!await source.FillAsync(cancellationToken).ConfigureAwait(false))
            {
                return -1;
            }
        }
    }
}
