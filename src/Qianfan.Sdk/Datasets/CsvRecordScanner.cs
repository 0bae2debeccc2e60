namespace Qianfan.Sdk.Datasets;

/// <summary>Finds where a CSV record ends: at the first line break outside of quotes. Goes on where it stopped when the window has grown.</summary>
internal struct CsvRecordScanner(byte? delimiter)
{
    private int _position;
    private bool _inQuotes;
    private bool _fieldStarted;

    /// <summary>Length of the record at the window's start with its line break, or -1 when the window ends before it does.</summary>
    public int FindEnd(ReadOnlySpan<byte> window)
    {
        for (; _position < window.Length; _position++)
        {
            var b = window[_position];
            if (_inQuotes)
            {
                // A doubled quote leaves and enters again: the same for finding the end.
                _inQuotes = b != (byte)'"';
                continue;
            }

            if (b == (byte)'\n')
            {
                return _position + 1;
            }

            if (b == (byte)'"' && (!_fieldStarted || window[_position - 1] == (byte)'"'))
            {
                _inQuotes = true;
                _fieldStarted = true;
            }
            else if (IsDelimiter(b))
            {
                _fieldStarted = false;
            }
            else
            {
                _fieldStarted = true;
            }
        }

        return -1;
    }

    private readonly bool IsDelimiter(byte b) => delimiter is { } d ? b == d : b is (byte)',' or (byte)';' or (byte)'\t';
}
