using System.Text.Unicode;

namespace Qianfan.Sdk.Datasets;

/// <summary>What a feed found in the window.</summary>
internal enum FeedState
{
    /// <summary>A row, good or bad.</summary>
    Row,

    /// <summary>The window ends within a row: there must be more of the stream.</summary>
    NeedsMore,

    /// <summary>All rows were found.</summary>
    End,
}

/// <summary>A row, or why it is bad.</summary>
/// <param name="Row">The row; null when it is bad, or good and not wanted.</param>
/// <param name="Error">Null when the row is good.</param>
/// <param name="Characters">UTF-16 units in a good row's texts.</param>
internal readonly record struct RowResult(DatasetRow? Row, DatasetRowError? Error, long Characters)
{
    public static RowResult Bad(long line, string? field, string code, string message) => new(null, new DatasetRowError(line, field, code, message), 0);
}

/// <summary>Takes row after row off a window, without waiting: the way of one form of file. Asks for more of the stream by <see cref="FeedState.NeedsMore"/>.</summary>
internal abstract class RowFeed(DatasetReaderOptions options)
{
    public abstract DatasetFormat Format { get; }

    protected DatasetReaderOptions Options { get; } = options;

    /// <summary>Where good rows are written in the internal form; null when they aren't.</summary>
    protected RowLines? Lines => Options.Lines;

    /// <param name="source">The window; what was read is consumed.</param>
    /// <param name="wanted">False when it is enough to know whether the row is good.</param>
    /// <param name="result">The row, for <see cref="FeedState.Row"/>.</param>
    /// <exception cref="DatasetFileException">The row is too long, or no UTF-8.</exception>
    public abstract FeedState Next(ByteSource source, bool wanted, out RowResult result);

    protected void Check(ReadOnlySpan<byte> row, long line)
    {
        if (row.Length > Options.MaxRowBytes)
        {
            throw new DatasetFileException(DatasetErrorCodes.RowTooLong, $"The row that begins on line {line} is longer than {Options.MaxRowBytes} bytes.", line);
        }

        if (!Utf8.IsValid(row))
        {
            throw new DatasetFileException(
                DatasetErrorCodes.NotUtf8,
                $"The file is not in UTF-8: the row that begins on line {line} holds bytes that are no UTF-8 text. Save the file as UTF-8 (it may be in GBK) and upload it again.",
                line);
        }
    }
}
