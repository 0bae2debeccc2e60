using System.Globalization;

namespace Qianfan.Engine.Pretraining;

/// <summary>Meanings and examples out of the dictionary WordNet (files <c>data.*</c> and <c>index.sense</c>, format wndb(5WN) and senseidx(5WN)).</summary>
internal sealed class WordNet
{
    private const int LeastUses = 3;

    private static readonly string[] s_left = ["offensive", "obscene", "vulgar", "slang", "slur", "disparag", "sex", "drug", "genital", "prostitut", "copulat", "excre", "rape"];

    private readonly List<Meaning> _meanings = [];

    private sealed record Meaning(string Word, string Gloss, string[] Examples, string[] Same);

    /// <exception cref="EngineException"><c>wordnet</c>: the folder does not hold the dictionary.</exception>
    public WordNet(string directory)
    {
        var synsets = new Dictionary<(char Kind, int Offset), string>();
        foreach (var (kind, file) in (ReadOnlySpan<(char, string)>)[('1', "data.noun"), ('2', "data.verb"), ('3', "data.adj"), ('4', "data.adv")])
        {
            foreach (var line in Lines(directory, file).Where(line => !line.StartsWith(' ')))
                synsets[(kind, int.Parse(line.AsSpan(0, 8), CultureInfo.InvariantCulture))] = line;
        }
        foreach (var line in Lines(directory, "index.sense"))
        {
            // lemma%kind:...  offset  number  uses
            if (line.Split(' ') is not [var key, var offset, _, var uses] || int.Parse(uses, CultureInfo.InvariantCulture) < LeastUses)
                continue;
            var word = key[..key.IndexOf('%', StringComparison.Ordinal)];
            var kind = key[word.Length + 1] is '5' ? '3' : key[word.Length + 1];
            if (word.All(char.IsAsciiLetterLower) && word.Length > 1 && synsets.TryGetValue((kind, int.Parse(offset, CultureInfo.InvariantCulture)), out var synset) && Read(word, synset) is { } meaning)
                _meanings.Add(meaning);
        }
    }

    public int Count => _meanings.Count;

    public CorpusDocument Make(Phrases p)
    {
        var turns = new List<string>();
        for (var count = p.Between(1, 4); count > 0; count--)
        {
            var meaning = p.Of(_meanings);
            var roll = p.Random.Next(10);
            if (roll < 3 && meaning.Examples.Length > 0)
                Add(turns, p.Say($"[Use the word \"{meaning.Word}\" in a sentence.|Give me a sentence with {meaning.Word}.|An example with {meaning.Word}, please.]"), Sentence(p.Of(meaning.Examples)));
            else if (roll < 5 && meaning.Same.Length > 0)
                Add(turns, p.Say($"[What is another word for {meaning.Word}?|Which word means the same as {meaning.Word}?|A synonym of {meaning.Word}, please.]"), Phrases.Capital(p.Of(meaning.Same)) + ".");
            else
                Add(turns, p.Say($"[What does {meaning.Word} mean?|What is the meaning of {meaning.Word}?|Define \"{meaning.Word}\".|Explain the word {meaning.Word}.]"), Sentence(meaning.Gloss));
        }
        return p.Chance(75)
            ? CorpusDocument.Chat(turns)
            : CorpusDocument.Plain(string.Join("\n", turns.Where((_, index) => index % 2 == 1)));
    }

    private static void Add(List<string> turns, string ask, string answer)
    {
        turns.Add(ask);
        turns.Add(answer);
    }

    private static Meaning? Read(string word, string synset)
    {
        var bar = synset.IndexOf(" | ", StringComparison.Ordinal);
        var gloss = synset[(bar + 3)..].Trim();
        if (bar < 0 || s_left.Any(part => gloss.Contains(part, StringComparison.OrdinalIgnoreCase)))
            return null;
        var fields = synset[..bar].Split(' ');
        var words = int.Parse(fields[3], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var same = Enumerable.Range(0, words).Select(index => fields[4 + 2 * index]).Where(other => other != word && other.All(char.IsAsciiLetterLower)).ToArray();
        var quote = gloss.IndexOf('"', StringComparison.Ordinal);
        var examples = quote < 0 ? [] : gloss[quote..].Split('"').Where((part, index) => index % 2 == 1 && part.Contains(word[..Math.Min(word.Length, 4)], StringComparison.OrdinalIgnoreCase)).ToArray();
        var meaning = (quote < 0 ? gloss : gloss[..quote]).Trim(' ', ';', ':');
        return meaning.Length is > 2 and < 160 ? new Meaning(word, meaning, examples, same) : null;
    }

    private static string Sentence(string text) => text[^1] is '.' or '!' or '?' ? Phrases.Capital(text) : Phrases.Capital(text) + ".";

    private static IEnumerable<string> Lines(string directory, string file)
    {
        var path = Path.Combine(directory, file);
        return File.Exists(path) ? File.ReadLines(path) : throw new EngineException("wordnet", $"'{path}' is not there: --wordnet takes WordNet's folder with data.noun and index.sense.");
    }
}
