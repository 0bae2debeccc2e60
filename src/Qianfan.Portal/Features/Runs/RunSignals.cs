using System.Collections.Concurrent;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Tells an execution in this process at once that a person asked its run to stop. One in another process reads it from the run's row with its next event. Thread-safe.</summary>
public sealed class RunSignals
{
    private readonly ConcurrentDictionary<Guid, Func<Task>> _stops = new();

    /// <summary>Registers an execution and how it is asked to stop. Dispose what is returned when it ends.</summary>
    public IDisposable Register(Guid runId, Func<Task> stop)
    {
        _stops[runId] = stop;
        return new Registration(() => _stops.TryRemove(KeyValuePair.Create(runId, stop)));
    }

    /// <summary>Asks the execution of a run, if it is here, to stop; doesn't wait until it has.</summary>
    public Task StopAsync(Guid runId) => _stops.TryGetValue(runId, out var stop) ? stop() : Task.CompletedTask;

    private sealed class Registration(Action dispose) : IDisposable
    {
        public void Dispose() => dispose();
    }
}
