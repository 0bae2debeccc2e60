namespace Qianfan.Engine.Training;

/// <summary>
/// Texts behind one another, cut into sequences of one length: nothing but the last one is padded, and a text that is longer goes on in the next one.
/// Texts that share a sequence don't see each other. Every token of a text but its first is learnt in one place.
/// </summary>
internal sealed class TextSequences
{
    private readonly IReadOnlyList<EncodedRow> _texts;
    private readonly long[] _starts;
    private readonly long _inputs;
    private readonly int _length;

    /// <param name="texts">At least one, each of at least two tokens.</param>
    /// <param name="length">Tokens of a sequence, at least 2.</param>
    public TextSequences(IReadOnlyList<EncodedRow> texts, int length)
    {
        _texts = texts;
        _starts = new long[texts.Count];
        for (var text = 1; text < texts.Count; text++)
            _starts[text] = _starts[text - 1] + texts[text - 1].Tokens.Count;
        // Nothing follows the last token.
        _inputs = _starts[^1] + texts[^1].Tokens.Count - 1;
        _length = (int)Math.Min(length, _inputs);
        Count = checked((int)((_inputs + _length - 1) / _length));
    }

    public int Count { get; }

    /// <summary>Some of the sequences, in parts of at most <paramref name="mostTokens"/> tokens (or one sequence).</summary>
    public IReadOnlyList<Batch> Parts(IEnumerable<int> sequences, int mostTokens) => [.. sequences.Chunk(Math.Max(1, mostTokens / _length)).Select(Part)];

    private Batch Part(int[] sequences)
    {
        var length = sequences.Max(Tokens);
        var tokens = new long[sequences.Length * length];
        var owners = new int[tokens.Length];
        Array.Fill(owners, -1);
        var places = new long[tokens.Length];
        var positions = new List<long>(tokens.Length);
        var targets = new List<long>(tokens.Length);
        var shared = false;
        for (var row = 0; row < sequences.Length; row++)
        {
            var start = (long)sequences[row] * _length;
            var text = At(start);
            for (int i = 0, owner = 0, place = 0; i < Tokens(sequences[row]); i++, place++)
            {
                if (start + i >= End(text))
                    (text, owner, place, shared) = (text + 1, owner + 1, 0, true);
                var from = (int)(start + i - _starts[text]);
                var at = row * length + i;
                (tokens[at], owners[at], places[at]) = (_texts[text].Tokens[from], owner, place);
                if (from + 1 == _texts[text].Tokens.Count)
                    continue;
                positions.Add(at);
                targets.Add(_texts[text].Tokens[from + 1]);
            }
        }
        var weights = new float[positions.Count];
        Array.Fill(weights, 1);
        var part = new Batch(tokens, sequences.Length, length, [.. positions], [.. targets], weights, sequences.Sum(Tokens));
        // Where each sequence is of one text there is nobody to hide from it.
        return shared ? part with { Owners = owners, Places = places } : part;
    }

    private int Tokens(int sequence) => (int)Math.Min(_length, _inputs - (long)sequence * _length);

    private long End(int text) => _starts[text] + _texts[text].Tokens.Count;

    private int At(long token)
    {
        var found = Array.BinarySearch(_starts, token);
        return found >= 0 ? found : ~found - 1;
    }
}
