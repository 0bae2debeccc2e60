using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Serving;

/// <summary>Keys and values of the tokens that one sequence has been through, in pages. Reading is thread-safe; all else is for the decoding thread.</summary>
internal sealed class KeyValueCache
{
    private readonly PagePool _pool;
    private readonly int _width;
    private readonly int _most;
    private readonly int _size;
    private readonly List<Page> _pages = [];
    private int _promised;

    /// <param name="shape">Shape of the model.</param>
    /// <param name="pool">Where pages come from; null for one without a bound.</param>
    public KeyValueCache(ModelShape shape, PagePool? pool = null)
    {
        _pool = pool ?? new PagePool(long.MaxValue);
        _width = shape.KeyValueSize;
        _most = shape.ContextLength;
        _size = Page.Size(shape);
    }

    /// <summary>Tokens in the cache.</summary>
    public int Length { get; private set; }

    /// <summary>Keys of a page's tokens in a layer, [<see cref="Page.Tokens"/>, key size].</summary>
    public Span<float> Keys(int layer, int page) => _pages[page].Values.AsSpan(2 * layer * Page.Tokens * _width, Page.Tokens * _width);

    /// <summary>Values of a page's tokens in a layer.</summary>
    public Span<float> Values(int layer, int page) => _pages[page].Values.AsSpan((2 * layer + 1) * Page.Tokens * _width, Page.Tokens * _width);

    /// <summary>Sees to it that there is room until the sequence has so many tokens; what isn't needed any more is taken back.</summary>
    /// <returns>Whether there is room; if not, nothing has changed.</returns>
    public bool TryPromise(int tokens)
    {
        // A page that is filled in part may have to be copied before it goes on.
        var more = Math.Max(0, Page.For(tokens) - Length / Page.Tokens) - _promised;
        if (more > 0 && !_pool.TryPromise(more * Bytes))
            return false;
        if (more < 0)
            _pool.Withdraw(-more * Bytes);
        _promised += more;
        return true;
    }

    /// <summary>Begins with what another sequence begins with; what was here before goes.</summary>
    /// <param name="other">A cache of the same model and pool.</param>
    /// <param name="tokens">How many tokens are alike. If another goes on with <paramref name="other"/>, these must be whole pages.</param>
    public void ShareFrom(KeyValueCache other, int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, other.Length);
        var pages = other._pages.GetRange(0, Page.For(tokens));
        foreach (var page in pages)
            page.Holders++;
        ReleasePages();
        _pages.AddRange(pages);
        Length = tokens;
    }

    /// <summary>Forgets the tokens of a page that is filled in part.</summary>
    public void KeepWholePages()
    {
        if (Length % Page.Tokens == 0)
            return;
        _pool.Release(_pages[^1]);
        _pages.RemoveAt(_pages.Count - 1);
        Length -= Length % Page.Tokens;
    }

    /// <summary>Makes room for more tokens; <see cref="Advance"/> follows when all layers have written theirs.</summary>
    public void Reserve(int tokens)
    {
        var needed = Length + tokens;
        if (needed > _most)
            throw new InvalidOperationException($"A sequence of {needed} tokens does not fit a context of {_most}.");
        var filled = Length % Page.Tokens;
        var shared = filled > 0 && _pages[^1].Holders > 1;
        var missing = Page.For(needed) - _pages.Count + (shared ? 1 : 0) - _promised;
        if (missing > 0)
        {
            if (!_pool.TryPromise(missing * Bytes))
                throw new InvalidOperationException("Pages are wanted that were not promised.");
            _promised += missing;
        }
        if (shared)
        {
            var copy = Take();
            for (var block = 0; block < _size; block += Page.Tokens * _width)
                _pages[^1].Values.AsSpan(block, filled * _width).CopyTo(copy.Values.AsSpan(block));
            _pool.Release(_pages[^1]);
            _pages[^1] = copy;
        }
        while (_pages.Count < Page.For(needed))
            _pages.Add(Take());
    }

    public void Advance(int tokens) => Length += tokens;

    /// <summary>The sequence goes no further.</summary>
    public void End()
    {
        _pool.Withdraw(_promised * Bytes);
        _promised = 0;
    }

    /// <summary>Gives everything back.</summary>
    public void Release()
    {
        End();
        ReleasePages();
    }

    private long Bytes => (long)_size * sizeof(float);

    private Page Take()
    {
        _promised--;
        return _pool.Take(_size);
    }

    private void ReleasePages()
    {
        foreach (var page in _pages)
            _pool.Release(page);
        _pages.Clear();
        Length = 0;
    }
}
