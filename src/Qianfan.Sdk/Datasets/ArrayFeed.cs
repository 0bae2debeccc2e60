namespace Qianfan.Sdk.Datasets;

/// <summary>One JSON array over the whole file, whose elements are the rows.</summary>
internal sealed class ArrayFeed(DatasetReaderOptions options) : RowFeed(options)
{
    private readonly JsonRowParser _parser = new(options.Kind, options.Lines);
    private JsonElementScanner _scanner;
    private long _firstLine;
    private bool _inElement;
    private bool _closed;
    private bool _ended;

    public override DatasetFormat Format => DatasetFormat.JsonArray;

    public override FeedState Next(ByteSource source, bool wanted, out RowResult result)
    {
        result = default;
        if (_firstLine == 0)
        {
            _firstLine = source.Line;
            source.Consume(1);
        }

        while (!_inElement)
        {
            if (_ended)
            {
                return FeedState.End;
            }

            var blank = source.Window.IndexOfAnyExcept(" \t\r\n"u8);
            source.Consume(blank < 0 ? source.Window.Length : blank);
            if (blank < 0 && !source.EndOfStream)
            {
                return FeedState.NeedsMore;
            }

            if (blank < 0 || _closed)
            {
                _ended = true;
                var fault = _closed ? "There is more text after the end of the list." : $"The list that begins on line {_firstLine} is never closed.";
                result = RowResult.Bad(source.Line, null, DatasetErrorCodes.InvalidJson, fault);
                return blank < 0 && _closed ? FeedState.End : FeedState.Row;
            }

            switch (source.Window[0])
            {
                case (byte)',':
                    source.Consume(1);
                    break;
                case (byte)']':
                    source.Consume(1);
                    _closed = true;
                    break;
                default:
                    _scanner = new JsonElementScanner();
                    _inElement = true;
                    break;
            }
        }

        var window = source.Window;
        var length = _scanner.FindEnd(window);
        if (length < 0 && !source.EndOfStream)
        {
            return FeedState.NeedsMore;
        }

        var element = length < 0 ? window : window[..length];
        Check(element, source.Line);
        result = _parser.Parse(element, source.Line, wanted);
        source.Consume(element.Length);
        _inElement = false;
        return FeedState.Row;
    }
}
