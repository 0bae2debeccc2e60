using System.Globalization;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Services;

/// <summary>
/// Who may decode: of each service no more requests at once than it has slots, of all together no more than the worker decodes. What is beyond that waits here,
/// so that services can take turns; within a service, first come, first served. Thread-safe.
/// </summary>
internal sealed class DecodingSlots(IOptions<PlatformOptions> options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal);

    // Services with waiting requests; the first that may have a slot gets the next one, and stands last then.
    private readonly List<Lane> _turns = [];
    private int _capacity = int.MaxValue;
    private int _running;

    /// <summary>How many requests the worker decodes together.</summary>
    public void SetCapacity(int capacity)
    {
        lock (_lock)
        {
            _capacity = capacity;
            Admit();
        }
    }

    /// <summary>Changes how many slots a service has; requests that run already go on.</summary>
    public void Resize(string service, int slots)
    {
        lock (_lock)
        {
            if (!_lanes.TryGetValue(service, out var lane)) return;
            lane.Slots = slots;
            Admit();
        }
    }

    /// <summary>Requests of a service that have a slot, and that wait for one.</summary>
    public (int Running, int Waiting) Count(string service)
    {
        lock (_lock) return _lanes.TryGetValue(service, out var lane) ? (lane.Running, lane.Waiting.Count) : (0, 0);
    }

    /// <summary>Waits for a slot; disposing it gives it to the next.</summary>
    /// <param name="service">Whose slot.</param>
    /// <param name="slots">How many the service has; null for as many as the worker has.</param>
    /// <param name="cancellationToken">Takes the request out of the queue.</param>
    /// <exception cref="PlatformException">Too many wait already.</exception>
    public async Task<IDisposable> EnterAsync(string service, int? slots, CancellationToken cancellationToken)
    {
        Lane lane;
        LinkedListNode<TaskCompletionSource> waiter;
        lock (_lock)
        {
            lane = _lanes.GetValueOrDefault(service) ?? new Lane(service);
            lane.Slots = slots ?? int.MaxValue;
            if (lane.Waiting.Count >= options.Value.ServiceQueueLength && !MayEnter(lane))
            {
                throw new PlatformException(
                    PlatformError.Overloaded,
                    string.Create(CultureInfo.InvariantCulture, $"The service has too much to do: {lane.Running} requests run and {lane.Waiting.Count} wait already. Try again in a moment, or give it more replicas"));
            }

            _lanes[service] = lane;
            if (lane.Waiting.Count == 0) _turns.Add(lane);
            waiter = lane.Waiting.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            Admit();
        }

        try
        {
            await waiter.Value.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            lock (_lock)
            {
                if (waiter.List is null) Leave(lane);
                else Withdraw(lane, waiter);
            }

            throw;
        }

        return new Hold(() =>
        {
            lock (_lock) Leave(lane);
        });
    }

    // All below: under the lock.
    private bool MayEnter(Lane lane) => _running < _capacity && lane.Running < lane.Slots;

    private void Admit()
    {
        while (_turns.Find(MayEnter) is { } lane)
        {
            _turns.Remove(lane);
            var waiter = lane.Waiting.First!;
            lane.Waiting.RemoveFirst();
            if (lane.Waiting.Count > 0) _turns.Add(lane);
            lane.Running++;
            _running++;
            waiter.Value.SetResult();
        }
    }

    private void Leave(Lane lane)
    {
        lane.Running--;
        _running--;
        Admit();
        Forget(lane);
    }

    private void Withdraw(Lane lane, LinkedListNode<TaskCompletionSource> waiter)
    {
        lane.Waiting.Remove(waiter);
        if (lane.Waiting.Count == 0) _turns.Remove(lane);
        Forget(lane);
    }

    private void Forget(Lane lane)
    {
        if (lane is { Running: 0, Waiting.Count: 0 }) _lanes.Remove(lane.Service);
    }

    private sealed class Lane(string service)
    {
        public string Service => service;

        public int Slots { get; set; }

        public int Running { get; set; }

        public LinkedList<TaskCompletionSource> Waiting { get; } = [];
    }
}
