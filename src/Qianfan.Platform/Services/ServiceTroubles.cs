using System.Collections.Concurrent;

namespace Qianfan.Platform.Services;

/// <summary>Why calls of a service failed last through no fault of their callers: what somebody who looks after it wants to see first. Thread-safe.</summary>
internal sealed class ServiceTroubles(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, (string Message, DateTimeOffset At)> _last = new(StringComparer.Ordinal);

    /// <summary>A call of a service (<c>svco-...</c>) has failed; an empty name is a base model's.</summary>
    public void Note(string serviceId, string message)
    {
        if (serviceId.Length > 0) _last[serviceId] = (message, time.GetUtcNow());
    }

    /// <summary>The last one since the platform was started, or null.</summary>
    public (string Message, DateTimeOffset At)? Last(string serviceId) => _last.TryGetValue(serviceId, out var last) ? last : null;

    /// <summary>A service is gone.</summary>
    public void Forget(string serviceId) => _last.TryRemove(serviceId, out _);
}
