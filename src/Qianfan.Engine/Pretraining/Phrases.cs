using System.Text;

namespace Qianfan.Engine.Pretraining;

/// <summary>Picks words and wordings at random.</summary>
internal sealed class Phrases(SeededRandom random)
{
    public SeededRandom Random { get; } = random;

    public T Of<T>(IReadOnlyList<T> items) => Random.Pick(items);

    /// <summary>Different items, in a random order.</summary>
    public T[] Some<T>(IReadOnlyList<T> items, int count)
    {
        var chosen = new List<T>(count);
        while (chosen.Count < Math.Min(count, items.Count))
        {
            var item = Of(items);
            if (!chosen.Contains(item))
                chosen.Add(item);
        }
        return [.. chosen];
    }

    public bool Chance(int percent) => Random.Next(100) < percent;

    /// <summary>From <paramref name="least"/> to <paramref name="most"/>, both included.</summary>
    public int Between(int least, int most) => least + Random.Next(most - least + 1);

    /// <summary>Chooses one wording of each group such as <c>[One day|Once]</c>. Groups are not nested.</summary>
    public string Say(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length;)
        {
            var open = text.IndexOf('[', at);
            var close = open < 0 ? -1 : text.IndexOf(']', open);
            if (close < 0)
            {
                result.Append(text, at, text.Length - at);
                break;
            }
            result.Append(text, at, open - at).Append(Of(text[(open + 1)..close].Split('|')));
            at = close + 1;
        }
        return result.ToString();
    }

    public static string A(string noun) => ("aeiou".Contains(noun[0], StringComparison.Ordinal) && noun is not "useful" ? "an " : "a ") + noun;

    public static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    public static string List(IReadOnlyList<string> items) =>
        items.Count == 1 ? items[0] : $"{string.Join(", ", items.SkipLast(1))} and {items[^1]}";

    /// <summary>A word of any kind.</summary>
    public string AnyWord() => Random.Next(6) switch
    {
        0 => Of(Lexicon.Objects),
        1 => Of(Lexicon.Adjectives),
        2 => Of(Lexicon.Foods),
        3 => Of(Lexicon.Animals).Name,
        _ => Of(Lexicon.More),
    };
}
