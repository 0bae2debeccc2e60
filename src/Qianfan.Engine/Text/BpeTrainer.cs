using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Qianfan.Engine.Text;

/// <summary>Learns the merges of a byte-level BPE vocabulary from text. The same text gives the same vocabulary.</summary>
internal sealed partial class BpeTrainer
{
    /// <summary>Words, single digits, punctuation and white space are cut apart; a word takes the space before it along.</summary>
    public const string Pattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);

    private sealed record Word(List<int> Symbols, int Count);

    [GeneratedRegex(Pattern)]
    private static partial Regex Splitter();

    /// <summary>Counts the words of a text.</summary>
    public void Add(string text)
    {
        foreach (var match in Splitter().EnumerateMatches(text))
            CollectionsMarshal.GetValueRefOrAddDefault(_counts, text.Substring(match.Index, match.Length), out _)++;
    }

    /// <summary>Token texts in order of their ids (the 256 bytes first), and the merges.</summary>
    /// <param name="size">Tokens wanted; fewer come back when the text has no pair left that occurs twice.</param>
    public (IReadOnlyList<string> Tokens, IReadOnlyList<(string Left, string Right)> Merges) Train(int size)
    {
        var tokens = Enumerable.Range(0, 256).Select(value => ByteAlphabet.ToChar((byte)value).ToString()).ToList();
        var merges = new List<(string, string)>();
        var words = _counts.OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => new Word([.. Encoding.UTF8.GetBytes(entry.Key).Select(value => (int)value)], entry.Value)).ToList();
        var pairCounts = new Dictionary<(int, int), long>();
        var pairWords = new Dictionary<(int, int), HashSet<int>>();
        for (var word = 0; word < words.Count; word++)
            Count(word, 1);
        // Ties go to the smaller ids; outdated entries are recognised by their count.
        var queue = new PriorityQueue<(int, int), (long, int, int)>(pairCounts.Select(entry => (entry.Key, (-entry.Value, entry.Key.Item1, entry.Key.Item2))));
        while (tokens.Count < size && queue.TryDequeue(out var pair, out var priority))
        {
            var count = pairCounts.GetValueOrDefault(pair);
            if (-priority.Item1 != count)
            {
                if (count > 1)
                    queue.Enqueue(pair, (-count, pair.Item1, pair.Item2));
                continue;
            }
            if (count < 2)
                break;
            var merged = tokens.Count;
            merges.Add((tokens[pair.Item1], tokens[pair.Item2]));
            tokens.Add(tokens[pair.Item1] + tokens[pair.Item2]);
            var changed = new HashSet<(int, int)>();
            foreach (var word in pairWords[pair].Order().ToList())
            {
                Count(word, -1);
                Merge(words[word].Symbols, pair, merged);
                Count(word, 1);
                var symbols = words[word].Symbols;
                for (var i = 0; i + 1 < symbols.Count; i++)
                {
                    if (symbols[i] == merged || symbols[i + 1] == merged)
                        changed.Add((symbols[i], symbols[i + 1]));
                }
            }
            foreach (var fresh in changed)
                queue.Enqueue(fresh, (-pairCounts[fresh], fresh.Item1, fresh.Item2));
        }
        return (tokens, merges);

        void Count(int index, int sign)
        {
            var word = words[index];
            for (var i = 0; i + 1 < word.Symbols.Count; i++)
            {
                var pair = (word.Symbols[i], word.Symbols[i + 1]);
                CollectionsMarshal.GetValueRefOrAddDefault(pairCounts, pair, out _) += sign * word.Count;
                if (sign > 0)
                    (CollectionsMarshal.GetValueRefOrAddDefault(pairWords, pair, out _) ??= []).Add(index);
            }
        }
    }

    private static void Merge(List<int> symbols, (int Left, int Right) pair, int merged)
    {
        var kept = 0;
        for (var i = 0; i < symbols.Count; i++)
        {
            var match = symbols[i] == pair.Left && i + 1 < symbols.Count && symbols[i + 1] == pair.Right;
            symbols[kept++] = match ? merged : symbols[i];
            if (match)
                i++;
        }
        symbols.RemoveRange(kept, symbols.Count - kept);
    }
}
