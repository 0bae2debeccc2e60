namespace Qianfan.Sdk.Datasets;

/// <summary>Finds where an element of a JSON array ends, without parsing it. Goes on where it stopped when the window has grown.</summary>
internal struct JsonElementScanner
{
    private int _position;
    private int _depth;
    private bool _inString;
    private bool _escaped;

    /// <summary>Length of the element at the window's start, or -1 when the window ends before it does.</summary>
    public int FindEnd(ReadOnlySpan<byte> window)
    {
        for (; _position < window.Length; _position++)
        {
            var b = window[_position];
            if (_inString)
            {
                if (_escaped)
                {
                    _escaped = false;
                }
                else if (b == (byte)'\\')
                {
                    _escaped = true;
                }
                else if (b == (byte)'"')
                {
                    _inString = false;
                }

                continue;
            }

            switch (b)
            {
                case (byte)'"':
                    _inString = true;
                    break;
                case (byte)'{' or (byte)'[':
                    _depth++;
                    break;
                case (byte)'}' or (byte)']' when _depth > 1:
                    _depth--;
                    break;
                case (byte)'}' or (byte)']' when _depth == 1:
                    return _position + 1;
                case (byte)',' or (byte)']' when _depth == 0 && _position > 0:
                    return _position;
            }
        }

        return -1;
    }
}
