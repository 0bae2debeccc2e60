namespace Qianfan.Engine.Serving;

/// <summary>What finished requests have been through, so that those that go on from there begin where they ended. The least recently used goes first when it becomes too much. Not thread-safe.</summary>
/// <param name="mostBytes">Bytes that may be kept.</param>
internal sealed class KeptConversations(long mostBytes)
{
    /// <summary>Fewer tokens than this are as quickly read anew.</summary>
    private const int FewestTokens = 8;

    /// <summary>The most recently used last.</summary>
    private readonly List<Kept> _kept = [];

    private sealed record Kept(ServedModel Model, int[] Tokens, KeyValueCache Cache);

    /// <summary>Bytes that may be kept.</summary>
    public long MostBytes { get; } = mostBytes;

    public long Bytes => _kept.Sum(kept => kept.Cache.Bytes);

    /// <summary>Keeps a cache; its owner must not use it any more.</summary>
    /// <param name="model">The model it belongs to: an adapter's keys and values are its own.</param>
    /// <param name="tokens">The tokens in the cache.</param>
    /// <param name="cache">Their keys and values.</param>
    public void Keep(ServedModel model, int[] tokens, KeyValueCache cache)
    {
        if (tokens.Length < FewestTokens || cache.Bytes > MostBytes)
            return;
        // Whatever the new one begins with is there twice.
        _kept.RemoveAll(kept => kept.Model == model && tokens.AsSpan().StartsWith(kept.Tokens));
        _kept.Add(new Kept(model, tokens, cache));
        while (Bytes > MostBytes)
            _kept.RemoveAt(0);
    }

    /// <summary>A cache of the longest known beginning of a prompt, or null. At least one token is left to go through the model: the scores of the next come from it.</summary>
    public KeyValueCache? Find(ServedModel model, IReadOnlyList<int> prompt)
    {
        int[] tokens = [.. prompt];
        var (best, most) = (-1, FewestTokens - 1);
        for (var i = 0; i < _kept.Count; i++)
        {
            var common = _kept[i].Model == model ? Math.Min(tokens.AsSpan().CommonPrefixLength(_kept[i].Tokens), tokens.Length - 1) : 0;
            if (common > most)
                (best, most) = (i, common);
        }
        if (best < 0)
            return null;
        var found = _kept[best];
        _kept.RemoveAt(best);
        if (most == found.Tokens.Length)
            return found.Cache;
        // It goes another way than this one did, and others may follow either.
        _kept.Add(found);
        return found.Cache.CopyOf(most);
    }

    /// <summary>Drops what belongs to a model.</summary>
    public void Forget(ServedModel model) => _kept.RemoveAll(kept => kept.Model == model);
}
