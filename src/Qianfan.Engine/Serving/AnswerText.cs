using System.Text;

namespace Qianfan.Engine.Serving;

/// <summary>Turns the bytes of generated tokens into text that may be shown: never half a character, never the beginning of what may become a stop text.</summary>
internal sealed class AnswerText
{
    private readonly IReadOnlyList<string> _stops;
    private readonly System.Text.Decoder _decoder = new UTF8Encoding(false, throwOnInvalidBytes: false).GetDecoder();
    private readonly StringBuilder _held = new();

    public AnswerText(IReadOnlyList<string> stops) => _stops = stops;

    /// <summary>Whether a stop text was met; nothing more is shown then.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Takes a token's bytes.</summary>
    /// <returns>Text that may be shown now.</returns>
    public string Add(ReadOnlySpan<byte> bytes)
    {
        if (Stopped)
            return "";
        Take(bytes, flush: false);
        return Release(whole: false);
    }

    /// <summary>The rest, when the answer ended for another reason. Bytes that never became a character are U+FFFD.</summary>
    public string Finish()
    {
        if (Stopped)
            return "";
        Take([], flush: true);
        return Release(whole: true);
    }

    private void Take(ReadOnlySpan<byte> bytes, bool flush)
    {
        Span<char> characters = stackalloc char[bytes.Length + 4];
        _decoder.Convert(bytes, characters, flush, out _, out var count, out _);
        _held.Append(characters[..count]);
    }

    private string Release(bool whole)
    {
        var text = _held.ToString();
        var first = -1;
        foreach (var stop in _stops)
        {
            var at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at >= 0 && (first < 0 || at < first))
                first = at;
        }
        Stopped = first >= 0;
        var shown = Stopped ? first : whole ? text.Length : text.Length - Undecided(text);
        _held.Remove(0, Stopped ? text.Length : shown);
        return text[..shown];
    }

    /// <summary>Length of the longest end of the text that a stop text begins with, or that is half of a surrogate pair.</summary>
    private int Undecided(string text)
    {
        var longest = text.Length > 0 && char.IsHighSurrogate(text[^1]) ? 1 : 0;
        foreach (var stop in _stops)
        {
            for (var length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                {
                    longest = length;
                    break;
                }
            }
        }
        return longest;
    }
}
