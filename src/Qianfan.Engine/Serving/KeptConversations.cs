namespace Qianfan.Engine.Serving;

/// <summary>What finished requests have been through, so that those that begin alike go on from there. The least recently used goes first when others need the room. Not thread-safe.</summary>
internal sealed class KeptConversations
{
    /// <summary>Fewer tokens than this are as quickly read anew.</summary>
    private const int FewestTokens = 8;

    /// <summary>Each is looked at when a request comes.</summary>
    private const int Most = 1000;

    /// <summary>The most recently used last.</summary>
    private readonly List<Kept> _kept = [];

    private sealed record Kept(ServedModel Model, int[] Tokens, KeyValueCache Cache);

    /// <summary>Keeps a cache; its owner must not use it any more.</summary>
    /// <param name="model">The model it belongs to: an adapter's keys and values are its own.</param>
    /// <param name="tokens">The tokens in the cache.</param>
    /// <param name="cache">Their keys and values.</param>
    public void Keep(ServedModel model, int[] tokens, KeyValueCache cache)
    {
        cache.End();
        if (tokens.Length < FewestTokens)
        {
            cache.Release();
            return;
        }
        // Whatever the new one begins with is there twice.
        Drop(kept => kept.Model == model && tokens.AsSpan().StartsWith(kept.Tokens));
        if (_kept.Count == Most)
            DropOldest();
        _kept.Add(new Kept(model, tokens, cache));
    }

    /// <summary>Lets a sequence begin with the longest known beginning of its prompt, if that is more than it has. At least one token is left to go through the model: the scores of the next come from it.</summary>
    /// <param name="model">The sequence's model.</param>
    /// <param name="prompt">Its prompt.</param>
    /// <param name="cache">Its cache, in which there is nothing of its own.</param>
    /// <param name="underWay">Requests under way. They write into their last page, so that only whole ones are shared.</param>
    public void Share(ServedModel model, int[] prompt, KeyValueCache cache, IEnumerable<Slot> underWay)
    {
        var (best, found, most) = (-1, (KeyValueCache?)null, Math.Max(cache.Length, FewestTokens - 1));
        for (var i = 0; i < _kept.Count; i++)
        {
            if (_kept[i].Model == model && Common(_kept[i].Tokens) is var common && common > most)
                (best, found, most) = (i, _kept[i].Cache, common);
        }
        foreach (var slot in underWay)
        {
            if (slot.Model == model && slot.Cache != cache && Common(slot.CachedTokens) / Page.Tokens * Page.Tokens is var common && common > most)
                (best, found, most) = (-1, slot.Cache, common);
        }
        if (found is null)
            return;
        cache.ShareFrom(found, most);
        if (best < 0)
            return;
        var used = _kept[best];
        _kept.RemoveAt(best);
        _kept.Add(used);

        int Common(int[] tokens) => Math.Min(prompt.AsSpan().CommonPrefixLength(tokens), prompt.Length - 1);
    }

    /// <summary>Drops what was not used for longest. What others share of it stays with them.</summary>
    /// <returns>Whether there was anything.</returns>
    public bool DropOldest()
    {
        if (_kept.Count == 0)
            return false;
        _kept[0].Cache.Release();
        _kept.RemoveAt(0);
        return true;
    }

    /// <summary>Drops what belongs to a model.</summary>
    public void Forget(ServedModel model) => Drop(kept => kept.Model == model);

    private void Drop(Predicate<Kept> which)
    {
        foreach (var kept in _kept.FindAll(which))
            kept.Cache.Release();
        _kept.RemoveAll(which);
    }
}
