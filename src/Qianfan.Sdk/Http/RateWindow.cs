namespace Qianfan.Sdk.Http;

/// <summary>Keeps what is begun within any stretch of a given length under a limit. First come, first served. Thread-safe.</summary>
/// <remarks>Own code because the limiters of .NET take no <see cref="TimeProvider"/> and can't correct an estimate afterwards.</remarks>
internal sealed class RateWindow(double limit, TimeSpan length)
{
    private readonly Lock _sync = new();
    private readonly Queue<Entry> _entries = new();
    private double _limit = limit;
    private double _used;
    private TimeSpan _last;

    public double Limit
    {
        get
        {
            lock (_sync)
            {
                return _limit;
            }
        }
    }

    /// <summary>Lowers the limit; never raises it.</summary>
    public void Lower(double limit)
    {
        lock (_sync)
        {
            _limit = Math.Min(_limit, limit);
        }
    }

    /// <summary>Takes the first place in time, from now on, at which so much fits.</summary>
    public Entry Take(double amount, TimeSpan now)
    {
        lock (_sync)
        {
            var start = now > _last ? now : _last;
            while (_entries.TryPeek(out var oldest) && oldest.Start + length <= now)
            {
                _used -= _entries.Dequeue().Amount;
            }

            var used = _used;
            foreach (var entry in _entries)
            {
                if (used + amount <= _limit)
                {
                    break;
                }

                used -= entry.Amount;
                var leaves = entry.Start + length;
                start = leaves > start ? leaves : start;
            }

            var taken = new Entry { Start = start, Amount = amount };
            _entries.Enqueue(taken);
            _used += amount;
            _last = start;
            return taken;
        }
    }

    /// <summary>Says what an entry came to in the end.</summary>
    public void Correct(Entry entry, double amount)
    {
        lock (_sync)
        {
            if (_entries.Contains(entry))
            {
                _used += amount - entry.Amount;
            }

            entry.Amount = amount;
        }
    }

    /// <summary>Says that the platform counts more than we do: nothing fits for one length from now on.</summary>
    public void Fill(TimeSpan now)
    {
        lock (_sync)
        {
            var start = now > _last ? now : _last;
            _entries.Enqueue(new Entry { Start = start, Amount = _limit });
            _used += _limit;
            _last = start;
        }
    }

    public sealed class Entry
    {
        public required TimeSpan Start { get; init; }

        public required double Amount { get; set; }
    }
}
