using System.Buffers;

namespace Qianfan.Sdk.Datasets;

/// <summary>Finds where an element of a JSON array ends, without parsing it. Goes on where it stopped when the window has grown.</summary>
internal struct JsonElementScanner
{
    private static readonly SearchValues<byte> s_structure = SearchValues.Create("\"{}[],"u8);

    private int _position;
    private int _depth;
    private bool _inString;
    private bool _escaped;

    /// <summary>Length of the element at the window's start, or -1 when the window ends before it does.</summary>
    public int FindEnd(ReadOnlySpan<byte> window)
    {
        while (_position < window.Length)
        {
            if (_escaped)
            {
                _escaped = false;
                _position++;
                continue;
            }

            var next = _inString ? window[_position..].IndexOfAny((byte)'"', (byte)'\\') : window[_position..].IndexOfAny(s_structure);
            if (next < 0)
            {
                _position = window.Length;
                break;
            }

            _position += next;
            var b = window[_position];
            if (_inString)
            {
                _inString = b != (byte)'"';
                _escaped = _inString;
            }
            else
            {
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

            _position++;
        }

        return -1;
    }
}
