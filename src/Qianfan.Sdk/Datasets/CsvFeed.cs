namespace Qianfan.Sdk.Datasets;

/// <summary>CSV records under a header.</summary>
internal sealed class CsvFeed(DatasetReaderOptions options) : RowFeed(options)
{
    private CsvRowParser? _parser;
    private CsvRecordScanner _scanner = new(null);

    public override DatasetFormat Format => _parser is null ? DatasetFormat.Unknown : DatasetFormat.Csv;

    public override FeedState Next(ByteSource source, bool wanted, out RowResult result)
    {
        result = default;
        while (true)
        {
            var window = source.Window;
            var length = _scanner.FindEnd(window);
            if (length < 0 && !source.EndOfStream)
            {
                return FeedState.NeedsMore;
            }

            if (window.Length == 0)
            {
                return FeedState.End;
            }

            var record = length < 0 ? window : window[..length];
            var found = false;
            if (record.ContainsAnyExcept(" \t\r\n"u8))
            {
                Check(record, source.Line);
                found = _parser is not null;
                if (found)
                {
                    result = _parser!.Parse(record, source.Line);
                    if (result.Row is { } row)
                    {
                        Lines?.Add(row);
                    }
                }
                else
                {
                    _parser = CsvRowParser.FromHeader(record, Options.Kind) ?? throw Unknown();
                }
            }

            source.Consume(record.Length);
            _scanner = new CsvRecordScanner(_parser?.Delimiter);
            if (found)
            {
                return FeedState.Row;
            }
        }
    }

    private DatasetFileException Unknown() => new(
        DatasetErrorCodes.UnknownFormat,
        Options.Kind == DatasetKind.Conversation
            ? "The file has no form that is understood. It must be JSON lines (Qianfan prompt and response, OpenAI messages, ShareGPT, Alpaca), a JSON array of such rows, or CSV whose first line names the columns prompt and response."
            : "The file has no form that is understood. It must be JSON lines, or a JSON array of such rows.",
        1);
}
