namespace Qianfan.Platform.Spending;

/// <summary>What this process may spend of an account in a month: leased from the ledger in blocks, spent in memory. Thread-safe.</summary>
internal sealed class Purse(string account, int month, Ledger ledger, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan s_refusalLife = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _leasing = new(1, 1);

    private DateTimeOffset _expires;
    private long _free;
    private long _reserved;
    private long _unsettled;
    private bool _touched;

    // What the ledger had left when it last refused: until then others needn't ask it the same.
    private (long Limit, long Left, DateTimeOffset Until) _refusal;

    public string Account => account;

    public int Month => month;

    /// <summary>Reserves tokens.</summary>
    /// <param name="tokens">How many, more than 0.</param>
    /// <param name="limit">Tokens of the account in the month.</param>
    /// <param name="cancellationToken">Cancels waiting for the ledger.</param>
    /// <returns>False when there are not enough.</returns>
    public async ValueTask<bool> TryReserveAsync(long tokens, long limit, CancellationToken cancellationToken)
    {
        if (TryReserve(tokens, limit) is { } known) return known;
        await _leasing.WaitAsync(cancellationToken);
        try
        {
            // Others may have leased enough meanwhile, or have been refused.
            if (TryReserve(tokens, limit) is { } meanwhile) return meanwhile;
            long held, free;
            lock (_lock) (held, free) = (_reserved + _unsettled, _free);
            var lease = await ledger.LeaseAsync(account, month, limit, held, free, tokens, cancellationToken);
            lock (_lock)
            {
                _free += lease.Change;
                _expires = lease.ExpiresAt;
                if (Reserve(tokens)) return true;
                _refusal = (limit, lease.Left, time.GetUtcNow() + s_refusalLife);
                return false;
            }
        }
        finally
        {
            _leasing.Release();
        }
    }

    /// <summary>Puts what was used in place of what was reserved; the rest is free again.</summary>
    public void Spend(long reserved, long used)
    {
        lock (_lock)
        {
            _reserved -= reserved;
            _unsettled += used;
            _free += reserved - used;
        }
    }

    /// <summary>Hears that what was used stands in the ledger.</summary>
    public void Settled(long used)
    {
        lock (_lock) _unsettled -= used;
    }

    /// <summary>Renews the lease of a purse that is in use, and gives back that of one that was not since the last time.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        await _leasing.WaitAsync(cancellationToken);
        try
        {
            bool idle;
            lock (_lock)
            {
                if (_expires == default) return;
                idle = !_touched && _reserved == 0 && _unsettled == 0;
                _touched = false;
                if (idle) (_free, _expires) = (0, default);
            }

            if (idle)
            {
                await ledger.ReleaseAsync(account, month, cancellationToken);
            }
            else if (await ledger.RenewAsync(account, month, cancellationToken) is { } until)
            {
                lock (_lock) _expires = until;
            }
        }
        finally
        {
            _leasing.Release();
        }
    }

    public void Dispose() => _leasing.Dispose();

    private bool? TryReserve(long tokens, long limit)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (now < _expires && Reserve(tokens)) return true;
            return limit == _refusal.Limit && now < _refusal.Until && tokens > _free + _refusal.Left ? false : null;
        }
    }

    private bool Reserve(long tokens)
    {
        _touched = true;
        if (_free < tokens) return false;
        _free -= tokens;
        _reserved += tokens;
        return true;
    }
}
