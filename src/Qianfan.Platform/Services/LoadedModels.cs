using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Services;

/// <summary>
/// The models that one life of the serving worker has in memory, and how many requests use each. A model that is used is never unloaded; one that is
/// retired goes when its last user does, and one that is idle comes back when somebody wants it. Thread-safe.
/// </summary>
/// <param name="load">Has the worker load a model.</param>
/// <param name="unload">Has the worker forget a model.</param>
/// <param name="time">For how long models have been idle.</param>
internal sealed class LoadedModels(Func<ModelSpec, Task<ModelLoaded>> load, Func<string, Task> unload, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    // What is being unloaded. The worker must hear of that before it hears that the model is wanted again.
    private readonly Dictionary<string, Task> _leaving = new(StringComparer.Ordinal);

    /// <summary>Names of all models that are loaded or being loaded.</summary>
    public IReadOnlyList<string> Keys
    {
        get
        {
            lock (_lock) return [.. _entries.Keys];
        }
    }

    /// <summary>Whether requests for a model can be answered without loading it.</summary>
    public bool IsLoaded(string key)
    {
        lock (_lock) return _entries.TryGetValue(key, out var entry) && entry.Loading.IsCompletedSuccessfully;
    }

    /// <summary>Loads a model if it isn't there, once for all who want it, and keeps it there until the use is disposed.</summary>
    /// <exception cref="WorkerRequestException">It can't be loaded; the next who asks tries again.</exception>
    public async Task<IDisposable> UseAsync(ModelSpec model, CancellationToken cancellationToken)
    {
        Entry? entry;
        lock (_lock)
        {
            if (!_entries.TryGetValue(model.Key, out entry))
            {
                entry = new Entry(model.Key);
                var before = _leaving.Remove(model.Key, out var leaving) ? leaving : Task.CompletedTask;
                // Not the caller's token: others wait for the same model.
                entry.Loading = Task.Run(() => LoadAsync(entry, model, before), CancellationToken.None);
                _entries.Add(model.Key, entry);
            }

            entry.Users++;
            entry.Retired = false;
        }

        try
        {
            await entry.Loading.WaitAsync(cancellationToken);
        }
        catch
        {
            Leave(entry);
            throw;
        }

        return new Hold(() => Leave(entry));
    }

    /// <summary>Unloads a model as soon as nobody uses it. The task is complete when the worker was told, or is to be told later.</summary>
    public Task RetireAsync(string key)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(key, out var entry)) return Task.CompletedTask;
            entry.Retired = true;
            return entry.Users == 0 ? Unload(entry) : Task.CompletedTask;
        }
    }

    /// <summary>Unloads what nobody has used for so long.</summary>
    /// <returns>Their names.</returns>
    public IReadOnlyList<string> UnloadIdle(TimeSpan idle)
    {
        lock (_lock)
        {
            List<Entry> found = [.. _entries.Values.Where(entry => entry.Users == 0 && entry.Loading.IsCompleted && time.GetElapsedTime(entry.LastUsed) >= idle)];
            foreach (var entry in found) Unload(entry);
            return [.. found.Select(entry => entry.Key)];
        }
    }

    private async Task LoadAsync(Entry entry, ModelSpec model, Task before)
    {
        await before;
        try
        {
            await load(model);
        }
        catch
        {
            lock (_lock)
            {
                if (_entries.GetValueOrDefault(entry.Key) == entry) _entries.Remove(entry.Key);
            }

            throw;
        }
    }

    private void Leave(Entry entry)
    {
        lock (_lock)
        {
            entry.Users--;
            entry.LastUsed = time.GetTimestamp();
            if (entry is { Users: 0, Retired: true } && _entries.GetValueOrDefault(entry.Key) == entry) Unload(entry);
        }
    }

    // Under the lock.
    private Task Unload(Entry entry)
    {
        _entries.Remove(entry.Key);
        return _leaving[entry.Key] = UnloadAsync(entry);
    }

    private async Task UnloadAsync(Entry entry)
    {
        // Who wanted it may have gone while it was still being loaded.
        await entry.Loading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (entry.Loading.IsCompletedSuccessfully) await unload(entry.Key);
    }

    private sealed class Entry(string key)
    {
        public string Key => key;

        public Task Loading { get; set; } = Task.CompletedTask;

        public int Users { get; set; }

        public bool Retired { get; set; }

        /// <summary>When the last user left.</summary>
        public long LastUsed { get; set; }
    }
}
