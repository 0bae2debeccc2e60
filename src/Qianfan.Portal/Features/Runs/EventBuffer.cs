namespace Qianfan.Portal.Features.Runs;

/// <summary>What waits for one listener of a run's events: bounded, and emptied when it overflows, since the store has it all. Thread-safe for one reader.</summary>
internal sealed class EventBuffer(int capacity) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _signal = new(0, 1);
    private List<RunEventMessage> _events = [];
    private bool _overflowed;

    /// <summary>The run was deleted.</summary>
    public bool Ended { get; private set; }

    public void Add(IReadOnlyList<RunEventMessage> events)
    {
        lock (_gate)
        {
            if (!_overflowed && _events.Count + events.Count > capacity)
            {
                _overflowed = true;
                _events = [];
            }

            if (!_overflowed)
                _events.AddRange(events);
            Signal();
        }
    }

    public void End()
    {
        lock (_gate)
        {
            Ended = true;
            Signal();
        }
    }

    /// <summary>To be called when nobody adds any more.</summary>
    public void Dispose() => _signal.Dispose();

    public Task WaitAsync(CancellationToken cancellationToken) => _signal.WaitAsync(cancellationToken);

    /// <summary>What came since the last time and after <paramref name="last"/>; null when something between is missing here and has to be read from the store.</summary>
    public List<RunEventMessage>? Take(long last)
    {
        List<RunEventMessage> events;
        lock (_gate)
        {
            (events, _events) = (_events, []);
            if (_overflowed)
            {
                _overflowed = false;
                return null;
            }
        }

        var first = events.FindIndex(e => e.Sequence > last);
        if (first < 0)
            return [];
        return events[first].Sequence == last + 1 ? events[first..] : null;
    }

    // Always under the gate.
    private void Signal()
    {
        if (_signal.CurrentCount == 0)
            _signal.Release();
    }
}
