using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Serving;

/// <summary>Keys and values of a few tokens that follow each other, in all layers of a model. Shared by all that begin alike; whoever writes into one has it alone.</summary>
/// <param name="values">Layer by layer the tokens' keys, then their values.</param>
internal sealed class Page(float[] values)
{
    /// <summary>Tokens that a page has room for.</summary>
    public const int Tokens = 16;

    public float[] Values { get; } = values;

    /// <summary>How many caches have it.</summary>
    public int Holders { get; set; }

    /// <summary>Numbers in a page of a model.</summary>
    public static int Size(ModelShape shape) => checked(2 * shape.Layers * shape.KeyValueSize * Tokens);

    /// <summary>Pages that so many tokens need.</summary>
    public static int For(int tokens) => (tokens + Tokens - 1) / Tokens;
}

/// <summary>The memory for the keys and values of all sequences and models. It never grows past its bound: a page is promised before it is taken. For one thread; any may ask for the numbers.</summary>
/// <param name="mostBytes">The bound.</param>
internal sealed class PagePool(long mostBytes)
{
    /// <summary>Pages that nobody holds, by their size. They stay: what was needed once is needed again.</summary>
    private readonly Dictionary<int, Stack<float[]>> _idle = [];
    private long _idleBytes;
    private long _usedBytes;
    private long _promisedBytes;

    /// <summary>The bound.</summary>
    public long MostBytes { get; } = mostBytes;

    /// <summary>Bytes of the pages that somebody holds; one that several hold counts once.</summary>
    public long UsedBytes => Volatile.Read(ref _usedBytes);

    /// <summary>Bytes of pages that are promised and not taken yet.</summary>
    public long PromisedBytes => Volatile.Read(ref _promisedBytes);

    /// <summary>Bytes that may still be allocated: who needs memory for something else leaves them.</summary>
    public long Unused => MostBytes - UsedBytes - Volatile.Read(ref _idleBytes);

    /// <summary>Sees to it that so many bytes of pages can be taken.</summary>
    /// <returns>Whether there is room.</returns>
    public bool TryPromise(long bytes)
    {
        if (bytes > MostBytes - UsedBytes - PromisedBytes)
            return false;
        Volatile.Write(ref _promisedBytes, _promisedBytes + bytes);
        return true;
    }

    /// <summary>Takes back a promise that wasn't made use of.</summary>
    public void Withdraw(long bytes) => Volatile.Write(ref _promisedBytes, _promisedBytes - bytes);

    /// <summary>A page that was promised; what it holds is rubbish.</summary>
    /// <param name="size">Numbers in it.</param>
    public Page Take(int size)
    {
        var bytes = (long)size * sizeof(float);
        Withdraw(bytes);
        if (_idle.TryGetValue(size, out var same) && same.TryPop(out var values))
        {
            Volatile.Write(ref _idleBytes, _idleBytes - bytes);
        }
        else
        {
            // Idle pages of other sizes are in the way.
            if (UsedBytes + _idleBytes + bytes > MostBytes)
                DropIdle();
            values = GC.AllocateUninitializedArray<float>(size);
        }
        Volatile.Write(ref _usedBytes, _usedBytes + bytes);
        return new Page(values) { Holders = 1 };
    }

    /// <summary>One holder less.</summary>
    public void Release(Page page)
    {
        if (--page.Holders > 0)
            return;
        var bytes = (long)page.Values.Length * sizeof(float);
        Volatile.Write(ref _usedBytes, _usedBytes - bytes);
        Volatile.Write(ref _idleBytes, _idleBytes + bytes);
        if (!_idle.TryGetValue(page.Values.Length, out var same))
            _idle[page.Values.Length] = same = new Stack<float[]>();
        same.Push(page.Values);
    }

    /// <summary>Gives idle pages back: the models that they fit may be gone.</summary>
    public void DropIdle()
    {
        _idle.Clear();
        Volatile.Write(ref _idleBytes, 0);
    }
}
