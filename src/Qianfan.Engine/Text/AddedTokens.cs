using System.Buffers;

namespace Qianfan.Engine.Text;

/// <summary>A token that is found in a text as it stands, before anything else is done to the text.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">How it stands in a text.</param>
/// <param name="Special">It has a meaning of its own (the end of a turn), and no text.</param>
internal sealed record AddedToken(int Id, string Content, bool Special);

/// <summary>Finds added tokens in texts: the leftmost first, of several at one place the longest.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<char, AddedToken[]> _byFirst;
    private readonly SearchValues<char> _first;

    public AddedTokens(IEnumerable<AddedToken> tokens)
    {
        _byFirst = tokens.Where(token => token.Content.Length > 0).GroupBy(token => token.Content[0])
            .ToDictionary(group => group.Key, group => group.OrderByDescending(token => token.Content.Length).ToArray());
        _first = SearchValues.Create([.. _byFirst.Keys]);
    }

    /// <summary>Cuts a text into pieces and the added tokens between them.</summary>
    public IEnumerable<(int Start, int Length, AddedToken? Token)> Cut(string text)
    {
        var start = 0;
        for (var at = 0; at < text.Length;)
        {
            var offset = text.AsSpan(at).IndexOfAny(_first);
            if (offset < 0)
                break;
            at += offset;
            if (Array.Find(_byFirst[text[at]], token => string.CompareOrdinal(text, at, token.Content, 0, token.Content.Length) == 0) is not { } found)
            {
                at++;
                continue;
            }
            if (at > start)
                yield return (start, at - start, null);
            yield return (at, found.Content.Length, found);
            start = at += found.Content.Length;
        }
        if (start < text.Length)
            yield return (start, text.Length - start, null);
    }
}
