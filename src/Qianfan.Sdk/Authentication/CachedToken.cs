using System.Diagnostics.CodeAnalysis;

namespace Qianfan.Sdk.Authentication;

/// <summary>A token that is fetched when it is needed, kept, and renewed before it ends. Of callers that need it at the same moment one fetches it. Thread-safe.</summary>
/// <param name="fetch">Fetches a token; tells when it ends.</param>
/// <param name="renewBefore">How long before its end it is no longer used.</param>
/// <param name="time">Clock.</param>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "A SemaphoreSlim whose wait handle nobody asks for holds nothing to dispose of.")]
internal sealed class CachedToken(Func<CancellationToken, Task<(string Token, DateTimeOffset End)>> fetch, TimeSpan renewBefore, TimeProvider time)
{
    private readonly SemaphoreSlim _fetching = new(1, 1);
    private volatile Entry? _entry;

    public ValueTask<string> GetAsync(CancellationToken cancellationToken) => Fresh() is { } token ? ValueTask.FromResult(token) : FetchAsync(cancellationToken);

    /// <summary>Forgets a token that was refused, unless another one took its place already.</summary>
    public void Forget(string token)
    {
        if (_entry is { } entry && entry.Token == token)
        {
            Interlocked.CompareExchange(ref _entry, null, entry);
        }
    }

    private async ValueTask<string> FetchAsync(CancellationToken cancellationToken)
    {
        await _fetching.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Fresh() is { } fetched)
            {
                return fetched;
            }

            var (token, end) = await fetch(cancellationToken).ConfigureAwait(false);
            _entry = new Entry(token, end - renewBefore);
            return token;
        }
        finally
        {
            _fetching.Release();
        }
    }

    private string? Fresh() => _entry is { } entry && time.GetUtcNow() < entry.UsableUntil ? entry.Token : null;

    private sealed record Entry(string Token, DateTimeOffset UsableUntil);
}
