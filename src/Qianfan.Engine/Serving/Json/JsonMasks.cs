using System.Numerics.Tensors;

namespace Qianfan.Engine.Serving.Json;

/// <summary>Which tokens may follow a JSON text. What was found out is kept for the next time. Not thread-safe.</summary>
internal sealed class JsonMasks(TokenBytes vocabulary)
{
    /// <summary>Tokens in all lists that are kept: about 32 MB.</summary>
    private const int MostKept = 4_000_000;

    private readonly Dictionary<JsonState, Mask> _known = [];
    private int _kept;

    /// <summary>Tokens that may follow, and the bytes that the text then needs at the least.</summary>
    private sealed record Mask(int[] Tokens, int[] Least);

    /// <summary>Rules out all tokens that can't follow.</summary>
    /// <param name="state">The text so far.</param>
    /// <param name="left">Tokens that the answer may have, the next one included: none may follow that would leave too few to complete the text, if there is another.</param>
    /// <param name="ends">Tokens that end the answer.</param>
    /// <param name="scores">One for each token; those ruled out become negative infinity.</param>
    /// <returns>Whether any token is left.</returns>
    public bool Apply(JsonState state, int left, IReadOnlySet<int> ends, Span<float> scores)
    {
        var mask = Find(state);
        var before = scores.ToArray();
        scores.Fill(float.NegativeInfinity);
        var any = false;
        // Each byte is a token at the least, so that as many bytes as tokens can always be written.
        for (var i = 0; i < mask.Tokens.Length; i++)
        {
            if (mask.Least[i] >= left)
                continue;
            scores[mask.Tokens[i]] = before[mask.Tokens[i]];
            any = true;
        }
        if (state.MayEnd)
        {
            foreach (var token in ends.Where(token => token < before.Length))
            {
                scores[token] = before[token];
                any = true;
            }
        }
        if (any)
            return true;
        // Too few tokens were allowed from the start: the text will be cut.
        foreach (var token in mask.Tokens)
            scores[token] = before[token];
        return mask.Tokens.Length > 0;
    }

    private Mask Find(JsonState state)
    {
        if (_known.TryGetValue(state, out var mask))
            return mask;
        mask = Make(state);
        if (_kept + mask.Tokens.Length > MostKept)
        {
            _known.Clear();
            _kept = 0;
        }
        _known.Add(state, mask);
        _kept += mask.Tokens.Length;
        return mask;
    }

    private Mask Make(JsonState start)
    {
        var tokens = new List<int>();
        var least = new List<int>();
        // The state after each byte of the token at hand; the next one begins with some of them.
        var states = new List<JsonState> { start };
        JsonState? known = null;
        var knownLeast = 0;
        for (var i = 0; i < vocabulary.Sorted.Length; i++)
        {
            var (token, bytes) = vocabulary.Sorted[i];
            var shared = vocabulary.Shared[i];
            // The one before failed within what both begin with.
            if (shared >= states.Count)
                continue;
            states.RemoveRange(shared + 1, states.Count - shared - 1);
            while (states.Count <= bytes.Length && states[^1].Next(bytes[states.Count - 1]) is { } next)
                states.Add(next);
            if (states.Count <= bytes.Length)
                continue;
            if (!ReferenceEquals(known, states[^1]))
                (known, knownLeast) = (states[^1], states[^1].Least);
            tokens.Add(token);
            least.Add(knownLeast);
        }
        return new Mask([.. tokens], [.. least]);
    }
}
