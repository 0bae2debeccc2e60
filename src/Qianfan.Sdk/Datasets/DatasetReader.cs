using System.Runtime.CompilerServices;

namespace Qianfan.Sdk.Datasets;

/// <summary>
/// Reads training rows from a file of any form that is understood, told apart by content: Qianfan's prompt and response (JSON lines),
/// OpenAI messages, ShareGPT conversations and Alpaca (JSON lines each), a JSON array of such rows, and CSV with the columns prompt and response. UTF-8, with or without byte order mark.
/// Rows of the other kinds come as Qianfan writes them (JSON lines or an array); prompts and generic text also as plain text or CSV (columns prompt, text).
/// </summary>
/// <remarks>Takes memory for one row only. One enumeration for each instance; not thread-safe. The stream is left open.</remarks>
public sealed class DatasetReader
{
    private readonly Stream _stream;
    private DatasetReaderOptions _options;
    private RowFeed? _feed;
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

        if (!Enum.IsDefined(_options.Kind))
        {
            throw new InvalidArgumentException($"There is no kind of rows with the number {(int)_options.Kind}.");
        }
    }

    /// <summary>Form of the file; known from the first row on.</summary>
    public DatasetFormat Format => _feed?.Format ?? DatasetFormat.Unknown;

    /// <summary>Good rows so far.</summary>
    public long GoodRows { get; private set; }

    /// <summary>Bad rows so far.</summary>
    public long BadRows { get; private set; }

    /// <summary>Bytes read from the stream so far.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Characters (UTF-16 units) in the good rows' texts so far.</summary>
    public long Characters { get; private set; }

    /// <summary>Reads a stream: see <see cref="ReadRowsAsync"/>.</summary>
    /// <exception cref="DatasetFileException">The file as a whole can't be read.</exception>
    public static IAsyncEnumerable<DatasetItem> ReadAsync(Stream stream, DatasetReaderOptions? options = null, CancellationToken cancellationToken = default) =>
        new DatasetReader(stream, options).ReadRowsAsync(cancellationToken);

    /// <summary>Reads a whole stream and sums it up. Faster than reading the rows: texts are made of the samples only.</summary>
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
        using var source = await reader.OpenAsync(cancellationToken).ConfigureAwait(false);
        FeedState state;
        while ((state = reader.Next(source, samples.Count < maxSamples, out var result)) != FeedState.End)
        {
            if (state == FeedState.NeedsMore)
            {
                await source.FillAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            if (result.Error is { } error && errors.Count < maxErrors)
            {
                errors.Add(error);
            }
            else if (result.Row is { } row && samples.Count < maxSamples)
            {
                samples.Add(row);
            }
        }

        return new DatasetSummary(reader.Format, reader.GoodRows, reader.BadRows, reader.BytesRead, reader.Characters, errors, samples);
    }

    /// <summary>Yields each row or its error, in order.</summary>
    /// <exception cref="DatasetFileException">The file as a whole can't be read: empty, not UTF-8, binary, an archive, a row over the limit, no known form.</exception>
    /// <exception cref="InvalidOperationException">The reader was enumerated before.</exception>
    public async IAsyncEnumerable<DatasetItem> ReadRowsAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var source = await OpenAsync(cancellationToken).ConfigureAwait(false);
        FeedState state;
        while ((state = Next(source, wanted: true, out var result)) != FeedState.End)
        {
            if (state == FeedState.NeedsMore)
            {
                await source.FillAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            yield return result.Error is { } error ? new DatasetItem(error) : new DatasetItem(result.Row!);
        }
    }

    /// <summary>Reads all rows and writes the good ones in the internal form, one a line: <c>{"messages":[{"role","content","weight"}]}</c> (a weight of 1 is left out), or <c>{"text"}</c> for <see cref="DatasetKind.Text"/>.</summary>
    /// <remarks>Faster than <see cref="ReadRowsAsync"/>: JSON texts go over as they stand.</remarks>
    /// <param name="destination">Gets the rows in UTF-8. Left open, not flushed.</param>
    /// <param name="found">Told of every bad row, and of the first good ones; in order.</param>
    /// <param name="maxSamples">How many good rows <paramref name="found"/> is told of.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="DatasetFileException">The file as a whole can't be read; rows before the fault may have been written.</exception>
    /// <exception cref="InvalidArgumentException">The kind has no internal form: it is neither <see cref="DatasetKind.Conversation"/> nor <see cref="DatasetKind.Text"/>.</exception>
    /// <exception cref="InvalidOperationException">The reader was enumerated before.</exception>
    public async Task ConvertAsync(Stream destination, Action<DatasetItem> found, int maxSamples = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(found);
        if (_options.Kind is not (DatasetKind.Conversation or DatasetKind.Text))
        {
            throw new InvalidArgumentException($"Rows of the kind {_options.Kind} have no internal form.");
        }

        var lines = new RowLines();
        _options = _options with { Lines = lines };
        using var source = await OpenAsync(cancellationToken).ConfigureAwait(false);
        FeedState state;
        while ((state = Next(source, GoodRows < maxSamples, out var result)) != FeedState.End)
        {
            if (state == FeedState.NeedsMore)
            {
                await source.FillAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            if (result.Error is { } error)
            {
                found(new DatasetItem(error));
            }
            else if (GoodRows <= maxSamples)
            {
                found(new DatasetItem(result.Row!));
            }

            if (lines.IsFull)
            {
                await destination.WriteAsync(lines.Written, cancellationToken).ConfigureAwait(false);
                lines.Clear();
            }
        }

        await destination.WriteAsync(lines.Written, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The next row of the window; at the end, that there was one at all.</summary>
    private FeedState Next(ByteSource source, bool wanted, out RowResult result)
    {
        var state = _feed!.Next(source, wanted, out result);
        BytesRead = source.BytesRead;
        Characters += result.Characters;
        if (state == FeedState.Row && result.Error is null)
        {
            GoodRows++;
        }
        else if (state == FeedState.Row)
        {
            BadRows++;
        }
        else if (state == FeedState.End && GoodRows + BadRows == 0)
        {
            throw new DatasetFileException(DatasetErrorCodes.NoRows, "There is no row in the file.");
        }

        return state;
    }

    /// <summary>Finds out what the file is.</summary>
    private async Task<ByteSource> OpenAsync(CancellationToken cancellationToken)
    {
        if (_started)
        {
            throw new InvalidOperationException("A DatasetReader can be enumerated once.");
        }

        _started = true;
        var source = new ByteSource(_stream, _options.MaxRowBytes);
        try
        {
            while (source.Window.Length < FileKind.HeadBytes && await source.FillAsync(cancellationToken).ConfigureAwait(false))
            {
                // The head (or the whole of a smaller file) tells what it is.
            }

            FileKind.CheckIsText(source.Window);
            if (source.Window.StartsWith("\uFEFF"u8))
            {
                source.Consume(3);
            }

            _feed = await FileForm.DetectAsync(source, _options, cancellationToken).ConfigureAwait(false);
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }
}
