using System.Text;

namespace Qianfan.Engine.Text;

/// <summary>Byte pair encoding: symbols are joined, the earliest learnt pair first, until none is left. Thread-safe.</summary>
/// <remarks>Microsoft.ML.Tokenizers has neither <c>ignore_merges</c> (Llama 3) nor byte fallback from a <c>tokenizer.json</c> (Llama 2, Mistral); one way for all kinds is less than two.</remarks>
internal sealed class BpeModel
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<(int Left, int Right), (int Rank, int Token)> _merges = [];
    private readonly int[] _bytes = new int[256];
    private readonly bool _byteLevel;
    private readonly bool _wholeFirst;
    private readonly int _unknown;
    private readonly bool _fuseUnknown;

    /// <param name="vocabulary">Token texts and ids.</param>
    /// <param name="merges">Pairs of token texts, the earliest learnt first.</param>
    /// <param name="byteLevel">Symbols are bytes, written as <see cref="ByteAlphabet"/> has it; otherwise they are characters, and those without a token are written as bytes (<c>&lt;0x0A&gt;</c>) or as unknown.</param>
    /// <param name="wholeFirst">A text that is a token as a whole is that token, whatever its merges say.</param>
    /// <param name="unknown">Token of what has no other, or null.</param>
    /// <param name="fuseUnknown">Unknown characters side by side are one token.</param>
    /// <exception cref="FormatException">A merge uses or makes a token that is not there.</exception>
    public BpeModel(Dictionary<string, int> vocabulary, IEnumerable<(string Left, string Right)> merges, bool byteLevel, bool wholeFirst, int? unknown, bool fuseUnknown)
    {
        _vocabulary = vocabulary;
        (_byteLevel, _wholeFirst, _unknown, _fuseUnknown) = (byteLevel, wholeFirst, unknown ?? -1, fuseUnknown);
        var rank = 0;
        foreach (var (left, right) in merges)
        {
            if (!vocabulary.TryGetValue(left, out var a) || !vocabulary.TryGetValue(right, out var b) || !vocabulary.TryGetValue(left + right, out var both))
                throw new FormatException($"the merge of {left} and {right} uses or makes a token that is not in the vocabulary");
            _merges[(a, b)] = (rank++, both);
        }
        for (var value = 0; value < 256; value++)
            _bytes[value] = vocabulary.GetValueOrDefault(byteLevel ? ByteAlphabet.ToChar((byte)value).ToString() : ByteToken((byte)value), -1);
        MissingByte = Array.IndexOf(_bytes, -1);
    }

    /// <summary>The first byte that has no token, or -1.</summary>
    public int MissingByte { get; }

    /// <summary>How vocabularies of characters write a byte.</summary>
    public static string ByteToken(byte value) => $"<0x{value:X2}>";

    /// <summary>Adds the tokens of a piece of text.</summary>
    public void Encode(string piece, List<int> tokens)
    {
        if (piece.Length == 0)
            return;
        var symbols = new List<int>(piece.Length);
        if (_byteLevel)
        {
            var bytes = Encoding.UTF8.GetBytes(piece);
            if (_wholeFirst && _vocabulary.TryGetValue(ByteAlphabet.ToText(bytes), out var whole))
            {
                tokens.Add(whole);
                return;
            }
            foreach (var value in bytes)
                symbols.Add(_bytes[value]);
        }
        else if (_wholeFirst && _vocabulary.TryGetValue(piece, out var whole))
        {
            tokens.Add(whole);
            return;
        }
        else
        {
            Spell(piece, symbols);
        }
        Merge(symbols, tokens);
    }

    private void Spell(string piece, List<int> symbols)
    {
        Span<byte> bytes = stackalloc byte[4];
        var afterUnknown = false;
        foreach (var rune in piece.EnumerateRunes())
        {
            if (_vocabulary.TryGetValue(rune.ToString(), out var symbol))
            {
                symbols.Add(symbol);
                afterUnknown = false;
            }
            else if (MissingByte < 0)
            {
                foreach (var value in bytes[..rune.EncodeToUtf8(bytes)])
                    symbols.Add(_bytes[value]);
                afterUnknown = false;
            }
            else
            {
                if (!afterUnknown || !_fuseUnknown)
                    symbols.Add(_unknown);
                afterUnknown = true;
            }
        }
    }

    private void Merge(List<int> symbols, List<int> tokens)
    {
        var next = new int[symbols.Count];
        var previous = new int[symbols.Count];
        // Earliest learnt first, then leftmost; what no longer stands there is passed over.
        var queue = new PriorityQueue<(int Left, int Token), (int Rank, int Left)>();
        for (var i = 0; i < symbols.Count; i++)
        {
            (previous[i], next[i]) = (i - 1, i + 1);
            Offer(i, i + 1);
        }
        while (queue.TryDequeue(out var merge, out _))
        {
            var (left, token) = merge;
            if (symbols[left] < 0 || next[left] == symbols.Count || !_merges.TryGetValue((symbols[left], symbols[next[left]]), out var standing) || standing.Token != token)
                continue;
            var right = next[left];
            symbols[left] = token;
            symbols[right] = -1;
            next[left] = next[right];
            if (next[left] < symbols.Count)
                previous[next[left]] = left;
            if (previous[left] >= 0)
                Offer(previous[left], left);
            Offer(left, next[left]);
        }
        for (var i = 0; i < symbols.Count; i = next[i])
            tokens.Add(symbols[i]);

        void Offer(int left, int right)
        {
            if (right < symbols.Count && _merges.TryGetValue((symbols[left], symbols[right]), out var merge))
                queue.Enqueue((left, merge.Token), (merge.Rank, left));
        }
    }
}
