using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Unicode;

namespace Qianfan.Sdk.Datasets;

/// <summary>
/// Reads training rows from a file of any form that is understood, told apart by content: Qianfan's prompt and response (JSON lines),
/// OpenAI messages (JSON lines), Alpaca (JSON lines), a JSON array of such rows, and CSV with the columns prompt and response. UTF-8, with or without byte order mark.
/// </summary>
/// <remarks>Takes memory for one row only. One enumeration for each instance; not thread-safe. The stream is left open.</remarks>
public sealed class DatasetReader
{
    private readonly Stream _stream;
    private readonly DatasetReaderOptions _options;
    private DatasetFormat _rowFormat;
    private DatasetFormat _fileFormat;
    private bool _started;

    /// <summary>Creates a reader.</summary>
    /// <param name="stream">The file from its beginning; need not be seekable.</param>
    /// <param name="options">Limits.</param>
    /// <exception cref="InvalidArgumentException">The limits make no sense.</exception>
    public DatasetReader(Stream stream, DatasetReaderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _stream = stream;
        _options = options ?? new DatasetReaderOptions();
        if (_options.MaxRowBytes < 1024)
        {
            throw new InvalidArgumentException("MaxRowBytes must be at least 1024.");
        }
    }

    /// <summary>Form of the file; known from the first row on.</summary>
    public DatasetFormat Format => _fileFormat != DatasetFormat.Unknown ? _fileFormat : _rowFormat;

    /// <summary>Good rows so far.</summary>
    public long GoodRows { get; private set; }

    /// <summary>Bad rows so far.</summary>
    public long BadRows { get; private set; }

    /// <summary>Bytes read from the stream so far.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Reads a stream: see <see cref="ReadRowsAsync"/>.</summary>
    /// <exception cref="DatasetFileException">The file as a whole can't be read.</exception>
    public static IAsyncEnumerable<DatasetItem> ReadAsync(Stream stream, DatasetReaderOptions? options = null, CancellationToken cancellationToken = default) =>
        new DatasetReader(stream, options).ReadRowsAsync(cancellationToken);

    /// <summary>Reads a whole stream and sums it up.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="options">Limits.</param>
    /// <param name="maxErrors">How many errors to keep; all are counted.</param>
    /// <param name="maxSamples">How many good rows to keep; all are counted.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="DatasetFileException">The file as a whole can't be read.</exception>
    public static async Task<DatasetSummary> ValidateAsync(
        Stream stream,
        DatasetReaderOptions? options = null,
        int maxErrors = 100,
        int maxSamples = 5,
        CancellationToken cancellationToken = default)
    {
        var reader = new DatasetReader(stream, options);
        var errors = new List<DatasetRowError>();
        var samples = new List<DatasetRow>();
        long characters = 0;
        await foreach (var item in reader.ReadRowsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (item.Row is { } row)
            {
                foreach (var message in row.Messages)
                {
                    characters += message.Content.Length;
                }

                if (samples.Count < maxSamples)
                {
                    samples.Add(row);
                }
            }
            else if (item.Error is { } error && errors.Count < maxErrors)
            {
                errors.Add(error);
            }
        }

        return new DatasetSummary(reader.Format, reader.GoodRows, reader.BadRows, reader.BytesRead, characters, errors, samples);
    }

    /// <summary>Yields each row or its error, in order.</summary>
    /// <exception cref="DatasetFileException">The file as a whole can't be read: empty, not UTF-8, binary, an archive, a row over the limit, no known form.</exception>
    /// <exception cref="InvalidOperationException">The reader was enumerated before.</exception>
    public async IAsyncEnumerable<DatasetItem> ReadRowsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (_started)
        {
            throw new InvalidOperationException("A DatasetReader can be enumerated once.");
        }

        _started = true;
        using var source = new ByteSource(_stream, _options.MaxRowBytes);
        while (source.Window.Length < 4096 && await source.FillAsync(cancellationToken).ConfigureAwait(false))
        {
            // The first 4 KiB (or the whole of a smaller file) tell what it is.
        }

        FileKind.CheckIsText(source.Window);
        if (source.Window.StartsWith("\uFEFF"u8))
        {
            source.Consume(3);
        }

        await SkipWhiteSpaceAsync(source, cancellationToken).ConfigureAwait(false);
        if (source.Window.Length == 0)
        {
            throw new DatasetFileException(DatasetErrorCodes.EmptyFile, "The file is empty.");
        }

        var rows = source.Window[0] switch
        {
            (byte)'[' when await IsArrayFileAsync(source, cancellationToken).ConfigureAwait(false) => ReadArrayAsync(source, cancellationToken),
            (byte)'[' or (byte)'{' => ReadLinesAsync(source, cancellationToken),
            _ => ReadCsvAsync(source, cancellationToken),
        };
        await foreach (var item in rows.ConfigureAwait(false))
        {
            if (item.Row is null)
            {
                BadRows++;
            }
            else
            {
                GoodRows++;
            }

            BytesRead = source.BytesRead;
            yield return item;
        }

        BytesRead = source.BytesRead;
        if (GoodRows + BadRows == 0)
        {
            throw new DatasetFileException(DatasetErrorCodes.NoRows, "There is no row in the file.");
        }
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
    private static async ValueTask<bool> IsArrayFileAsync(ByteSource source, CancellationToken cancellationToken)
    {
        int end;
        try
        {
            end = await FindAsync(source, (byte)'\n', cancellationToken).ConfigureAwait(false);
        }
        catch (DatasetFileException e) when (e.Code == DatasetErrorCodes.RowTooLong)
        {
            // Too long for a row: an array without line breaks, whose elements may well be short enough.
            return true;
        }

        if (end >= 0 && !await HasMoreAfterAsync(source, end, cancellationToken).ConfigureAwait(false))
        {
            end = -1;
        }

        var first = end < 0 ? source.Memory : source.Memory[..end];
        try
        {
            var reader = new Utf8JsonReader(first.Span, isFinalBlock: false, default);
            if (!reader.Read() || !reader.TrySkip())
            {
                // Goes on behind the first line. Unless the next line begins a row too: then this one is only cut off.
                var onlyBracket = first.Span.TrimEnd(" \t\r\n"u8).Length == 1;
                return end < 0 || onlyBracket || !NextLineBeginsRow(source.Window[(end + 1)..]);
            }
        }
        catch (JsonException)
        {
            return false;
        }

        // The first line is complete. With more lines it is a row; alone, it is a row if its objects are turns.
        return end < 0 && !IsConversation(first);
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

    private static bool IsConversation(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.GetArrayLength() == 0
                || (document.RootElement[0].ValueKind == JsonValueKind.Object
                    && !document.RootElement[0].TryGetProperty("messages", out _)
                    && !document.RootElement[0].TryGetProperty("instruction", out _));
        }
        catch (JsonException)
        {
            return true;
        }
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

    private async IAsyncEnumerable<DatasetItem> ReadLinesAsync(ByteSource source, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            var end = await FindAsync(source, (byte)'\n', cancellationToken).ConfigureAwait(false);
            var line = end < 0 ? source.Memory : source.Memory[..end];
            if (line.Span.ContainsAnyExcept(" \t\r"u8))
            {
                CheckRow(line.Span, source.Line);
                yield return JsonRowParser.Parse(line, source.Line, ref _rowFormat);
            }

            if (end < 0)
            {
                yield break;
            }

            source.Consume(end + 1);
        }
    }

    private async IAsyncEnumerable<DatasetItem> ReadArrayAsync(ByteSource source, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _fileFormat = DatasetFormat.JsonArray;
        var firstLine = source.Line;
        source.Consume(1);
        while (true)
        {
            await SkipWhiteSpaceAsync(source, cancellationToken).ConfigureAwait(false);
            if (source.Window.Length == 0)
            {
                yield return Broken(source.Line, $"The list that begins on line {firstLine} is never closed.");
                yield break;
            }

            if (source.Window[0] == (byte)',')
            {
                source.Consume(1);
                continue;
            }

            if (source.Window[0] == (byte)']')
            {
                source.Consume(1);
                await SkipWhiteSpaceAsync(source, cancellationToken).ConfigureAwait(false);
                if (source.Window.Length > 0)
                {
                    yield return Broken(source.Line, "There is more text after the end of the list.");
                }

                yield break;
            }

            var scanner = new JsonElementScanner();
            int length;
            while ((length = scanner.FindEnd(source.Window)) < 0 && await source.FillAsync(cancellationToken).ConfigureAwait(false))
            {
                // The element is longer than the window.
            }

            var element = length < 0 ? source.Memory : source.Memory[..length];
            CheckRow(element.Span, source.Line);
            yield return JsonRowParser.Parse(element, source.Line, ref _rowFormat);
            source.Consume(element.Length);
        }
    }

    private async IAsyncEnumerable<DatasetItem> ReadCsvAsync(ByteSource source, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        CsvRowParser? parser = null;
        while (source.Window.Length > 0 || !source.EndOfStream)
        {
            var scanner = new CsvRecordScanner(parser?.Delimiter);
            int length;
            while ((length = scanner.FindEnd(source.Window)) < 0 && await source.FillAsync(cancellationToken).ConfigureAwait(false))
            {
                // The record is longer than the window.
            }

            var record = length < 0 ? source.Memory : source.Memory[..length];
            if (record.Span.ContainsAnyExcept(" \t\r\n"u8))
            {
                CheckRow(record.Span, source.Line);
                if (parser is null)
                {
                    parser = CsvRowParser.FromHeader(record.Span);
                    _fileFormat = DatasetFormat.Csv;
                }
                else
                {
                    yield return parser.Parse(record.Span, source.Line);
                }
            }

            source.Consume(record.Length);
        }
    }

    private void CheckRow(ReadOnlySpan<byte> row, long line)
    {
        if (row.Length > _options.MaxRowBytes)
        {
            throw new DatasetFileException(DatasetErrorCodes.RowTooLong, $"The row that begins on line {line} is longer than {_options.MaxRowBytes} bytes.", line);
        }

        if (!Utf8.IsValid(row))
        {
            throw new DatasetFileException(
                DatasetErrorCodes.NotUtf8,
                $"The file is not in UTF-8: the row that begins on line {line} holds bytes that are no UTF-8 text. Save the file as UTF-8 (it may be in GBK) and upload it again.",
                line);
        }
    }

    private static DatasetItem Broken(long line, string message) => new(new DatasetRowError(line, null, DatasetErrorCodes.InvalidJson, message));
}
