using System.Runtime.CompilerServices;

namespace Qianfan.Portal.Features.Runs;

/// <summary>
/// Tells what the store has committed to whoever listens: first what is stored after the sequence that the listener knows, then what comes, without gap or duplicate.
/// Thread-safe. Enumerations end when the application stops.
/// </summary>
public sealed class RunEventFeed(RunEventReader reader, IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>Most events that wait for one listener. One that is slower reads on from the store.</summary>
    public const int BufferSize = 1000;

    private const int ChunkSize = 500;
    private static readonly TimeSpan EventInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ChangeInterval = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, List<EventBuffer>> _runs = [];
    private readonly Dictionary<Guid, List<ChangeBuffer>> _projects = [];

    /// <summary>
    /// Events of a run after a sequence, in arrays: what is stored in chunks, then what is new, at once when it is quiet and else every 50 ms.
    /// Whoever calls has made sure that the listener may see the run.
    /// </summary>
    public async IAsyncEnumerable<IReadOnlyList<RunEventMessage>> ReadAsync(Guid runId, long afterSequence, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        // Registered before the store is read: what is committed meanwhile is in one of the two, or in both.
        using var buffer = new EventBuffer(BufferSize);
        using var registration = Register(_runs, runId, buffer);
        var last = afterSequence;
        var behind = true;
        while (!buffer.Ended)
        {
            while (behind)
            {
                var chunk = await reader.ReadAsync(runId, last, ChunkSize, cancellationToken);
                behind = chunk.Count == ChunkSize;
                if (chunk.Count == 0)
                    break;
                last = chunk[^1].Sequence;
                yield return chunk;
            }

            try
            {
                await buffer.WaitAsync(stopping.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                yield break;
            }

            var fresh = buffer.Take(last);
            if (fresh is null)
            {
                behind = true;
                continue;
            }

            if (fresh.Count == 0)
                continue;
            last = fresh[^1].Sequence;
            var told = time.GetTimestamp();
            yield return fresh;
            if (!await RestAsync(told, EventInterval, cancellationToken, stopping.Token))
                yield break;
        }
    }

    /// <summary>Which runs of a project changed since the last time, at most 4 times a second. Whoever calls has made sure that the listener may see the project.</summary>
    public async IAsyncEnumerable<IReadOnlyCollection<RunChange>> ReadChangesAsync(Guid projectId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        using var buffer = new ChangeBuffer();
        using var registration = Register(_projects, projectId, buffer);
        while (true)
        {
            try
            {
                await buffer.WaitAsync(stopping.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                yield break;
            }

            var told = time.GetTimestamp();
            yield return buffer.Take();
            if (!await RestAsync(told, ChangeInterval, cancellationToken, stopping.Token))
                yield break;
        }
    }

    /// <summary>Passes on what is committed. Called by the store, in the order of its commits; never throws and never waits.</summary>
    public void Publish(RunCommit commit)
    {
        var reload = commit.Events.Any(e => e.Kind is RunEventKind.Action or RunEventKind.Status);
        lock (_gate)
        {
            if (commit.Events.Count > 0 && _runs.TryGetValue(commit.RunId, out var listeners))
                foreach (var listener in listeners)
                    listener.Add(commit.Events);
            if ((reload || commit.StateChanged) && _projects.TryGetValue(commit.ProjectId, out var pages))
                foreach (var page in pages)
                    page.Add(new RunChange(commit.RunId, commit.Status, commit.Progress, reload));
        }
    }

    /// <summary>Tells that a run is new, or gone: then nobody hears of it any more.</summary>
    public void PublishExistence(Guid projectId, Guid runId, bool exists)
    {
        lock (_gate)
        {
            if (!exists && _runs.TryGetValue(runId, out var listeners))
                foreach (var listener in listeners)
                    listener.End();
            if (_projects.TryGetValue(projectId, out var pages))
                foreach (var page in pages)
                    page.Add(new RunChange(runId, RunStatus.Queued, 0, Reload: true));
        }
    }

    /// <summary>How many listeners there are: for tests, which watch that none is left behind.</summary>
    public int ListenerCount
    {
        get
        {
            lock (_gate)
                return _runs.Values.Sum(l => l.Count) + _projects.Values.Sum(l => l.Count);
        }
    }

    // Waits until the interval since the last telling is over; false when the application stops.
    private async Task<bool> RestAsync(long since, TimeSpan interval, CancellationToken caller, CancellationToken stopping)
    {
        var left = interval - time.GetElapsedTime(since);
        if (left <= TimeSpan.Zero)
            return true;
        try
        {
            await Task.Delay(left, time, stopping);
            return true;
        }
        catch (OperationCanceledException) when (!caller.IsCancellationRequested)
        {
            return false;
        }
    }

    private Registration Register<T>(Dictionary<Guid, List<T>> listeners, Guid key, T buffer)
    {
        lock (_gate)
        {
            if (!listeners.TryGetValue(key, out var list))
                listeners[key] = list = [];
            list.Add(buffer);
        }

        return new Registration(() =>
        {
            lock (_gate)
            {
                if (listeners.TryGetValue(key, out var list) && list.Remove(buffer) && list.Count == 0)
                    listeners.Remove(key);
            }
        });
    }

    private sealed class Registration(Action dispose) : IDisposable
    {
        public void Dispose() => dispose();
    }
}
