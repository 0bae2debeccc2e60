using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Qianfan.Engine.Text;

/// <summary>Changes a text before it is cut.</summary>
/// <param name="text">A text between two added tokens.</param>
/// <param name="place">Where it stands.</param>
internal delegate string NormalizeStep(string text, TextPlace place);

/// <summary>Cuts a piece of a text into smaller ones.</summary>
internal delegate IEnumerable<string> SplitStep(string piece, TextPlace place);

/// <summary>Where a text stands.</summary>
internal enum TextPlace
{
    /// <summary>At the very beginning.</summary>
    First,

    /// <summary>After an added token.</summary>
    AfterToken,

    /// <summary>It goes on from other text: nothing is put before it.</summary>
    Continues,
}

/// <summary>The steps of a <c>tokenizer.json</c> that change and cut texts.</summary>
internal static class TextSteps
{
    /// <summary>A BMP character of each category, to stand in for those beyond.</summary>
    private static readonly Dictionary<UnicodeCategory, char> s_standIns = Enumerable.Range(0x80, 0xD800 - 0x80)
        .GroupBy(code => CharUnicodeInfo.GetUnicodeCategory((char)code)).ToDictionary(group => group.Key, group => (char)group.Last());

    public static NormalizeStep Form(NormalizationForm form) => (text, _) => text.Normalize(form);

    public static NormalizeStep Prepend(string prefix) => (text, place) => text.Length == 0 || place == TextPlace.Continues ? text : prefix + text;

    public static NormalizeStep Replace(string pattern, string by) => (text, _) => text.Replace(pattern, by, StringComparison.Ordinal);

    /// <summary>Matches and what lies between them are pieces; or the matches alone.</summary>
    public static SplitStep Split(Regex regex, bool matchesOnly = false) => (piece, _) => Split(piece, regex, matchesOnly);

    /// <summary>Digits are pieces, each for itself or as they stand together.</summary>
    public static SplitStep Digits(bool individual) => Split(new Regex(individual ? @"[\p{Nd}\p{Nl}\p{No}]" : @"[\p{Nd}\p{Nl}\p{No}]+", RegexOptions.CultureInvariant));

    /// <summary>Puts a space before a piece that has none.</summary>
    public static SplitStep PrefixSpace() => (piece, place) => [piece.StartsWith(' ') || place == TextPlace.Continues ? piece : " " + piece];

    /// <summary>Spaces become the replacement, which is also put before the text.</summary>
    /// <param name="replacement">A lower block, mostly.</param>
    /// <param name="scheme"><c>always</c>, <c>first</c> or <c>never</c>.</param>
    /// <param name="split">Each replacement begins a piece.</param>
    public static SplitStep Metaspace(string replacement, string scheme, bool split) => (piece, place) =>
    {
        var text = piece.Replace(" ", replacement, StringComparison.Ordinal);
        if (!text.StartsWith(replacement, StringComparison.Ordinal) && (scheme == "always" && place != TextPlace.Continues || scheme == "first" && place == TextPlace.First))
            text = replacement + text;
        return split ? Words(text, replacement) : [text];
    };

    private static IEnumerable<string> Words(string text, string start)
    {
        for (int at = 0, next; at < text.Length; at = next)
        {
            next = text.IndexOf(start, at + 1, StringComparison.Ordinal);
            if (next < 0)
                next = text.Length;
            yield return text[at..next];
        }
    }

    private static IEnumerable<string> Split(string text, Regex regex, bool matchesOnly)
    {
        // .NET's patterns see halves of characters beyond U+FFFF, which belong to no letters and no digits.
        var seen = text.AsSpan().IndexOfAnyInRange('\ud800', '\udfff') < 0 ? text : Flatten(text);
        var (at, seenSoFar, from) = (0, 0, 0);
        for (var match = regex.Match(seen); match.Success; match = match.NextMatch())
        {
            var start = Advance(match.Index);
            if (start > from && !matchesOnly)
                yield return text[from..start];
            from = Advance(match.Index + match.Length);
            if (from > start)
                yield return text[start..from];
        }
        if (from < text.Length && !matchesOnly)
            yield return text[from..];

        // Goes from a place in what the pattern sees to the place in the text.
        int Advance(int seenAt)
        {
            if (ReferenceEquals(seen, text))
                return seenAt;
            for (; seenSoFar < seenAt; seenSoFar++)
                at += char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1;
            return at;
        }
    }

    private static string Flatten(string text)
    {
        var flat = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            flat.Append(rune.IsBmp ? (char)rune.Value : s_standIns.GetValueOrDefault(Rune.GetUnicodeCategory(rune), '\uE000'));
        return flat.ToString();
    }
}
