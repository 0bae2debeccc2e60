namespace Qianfan.Portal.Features.Runs;

/// <summary>Which runs changed since a page was told last: one entry for each run, however often it changes. Thread-safe for one reader.</summary>
internal sealed class ChangeBuffer : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _signal = new(0, 1);
    private Dictionary<Guid, RunChange> _changes = [];

    public void Add(RunChange change)
    {
        lock (_gate)
        {
            var reload = change.Reload || (_changes.TryGetValue(change.RunId, out var earlier) && earlier.Reload);
            _changes[change.RunId] = change with { Reload = reload };
            if (_signal.CurrentCount == 0)
                _signal.Release();
        }
    }

    /// <summary>To be called when nobody adds any more.</summary>
    public void Dispose() => _signal.Dispose();

    public Task WaitAsync(CancellationToken cancellationToken) => _signal.WaitAsync(cancellationToken);

    public IReadOnlyCollection<RunChange> Take()
    {
        lock (_gate)
        {
            var changes = _changes.Values;
            _changes = [];
            return changes;
        }
    }
}
