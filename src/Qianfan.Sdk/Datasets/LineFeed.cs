using System.Text;

namespace Qianfan.Sdk.Datasets;

/// <summary>A row on each line: JSON, or plain text.</summary>
internal sealed class LineFeed : RowFeed
{
    private readonly JsonRowParser? _json;
    private int _searched;

    private LineFeed(DatasetReaderOptions options, bool isJson) : base(options) => _json = isJson ? new JsonRowParser(options.Kind, options.Lines) : null;

    public override DatasetFormat Format => _json?.Format ?? DatasetFormat.Text;

    public static LineFeed Json(DatasetReaderOptions options) => new(options, isJson: true);

    public static LineFeed Text(DatasetReaderOptions options) => new(options, isJson: false);

    public override FeedState Next(ByteSource source, bool wanted, out RowResult result)
    {
        result = default;
        while (true)
        {
            var window = source.Window;
            var end = window[_searched..].IndexOf((byte)'\n');
            if (end < 0 && !source.EndOfStream)
            {
                _searched = window.Length;
                return FeedState.NeedsMore;
            }

            var line = end < 0 ? window : window[..(_searched + end)];
            _searched = 0;
            var found = line.ContainsAnyExcept(" \t\r"u8);
            if (found)
            {
                Check(line, source.Line);
                result = _json?.Parse(line, source.Line, wanted) ?? PlainText(line, source.Line);
            }

            if (end >= 0)
            {
                source.ConsumeLine(line.Length + 1);
            }
            else
            {
                source.Consume(line.Length);
            }

            if (found || end < 0)
            {
                return found ? FeedState.Row : FeedState.End;
            }
        }
    }

    private RowResult PlainText(ReadOnlySpan<byte> line, long number)
    {
        var text = Encoding.UTF8.GetString(line.TrimEnd((byte)'\r'));
        var row = Options.Kind == DatasetKind.Text ? new DatasetRow(number, []) { Text = text } : new DatasetRow(number, [new DatasetMessage("user", text)]);
        Lines?.Add(row);
        return new RowResult(row, null, text.Length);
    }
}
