using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Inference;

/// <summary>Holds keys to their requests and tokens per minute, by the minutes of the clock. Thread-safe.</summary>
/// <remarks>A request reserves the most tokens that it can cost before it starts, so that no number of parallel ones spends more than there is; what it didn't need is given back.</remarks>
internal sealed class RateLimits(TimeProvider time)
{
    private const int Minute = 60;

    private readonly ConcurrentDictionary<string, Window> _windows = new(StringComparer.Ordinal);

    /// <summary>Counts a request, and says in the answer's headers what is left.</summary>
    /// <param name="context">The request.</param>
    /// <param name="key">Whose it is.</param>
    /// <param name="tokens">Most tokens that prompts and answers can have.</param>
    /// <exception cref="PlatformException">A limit is reached.</exception>
    public RateLease Enter(HttpContext context, PlatformKey key, long tokens)
    {
        if (key is { RequestsPerMinute: null, TokensPerMinute: null }) return new RateLease(null, 0, 0);
        var window = _windows.GetOrAdd(key.AccessKey, _ => new Window());
        var seconds = time.GetUtcNow().ToUnixTimeSeconds();
        var refused = window.Enter(seconds / Minute, key, tokens, out var left);
        var headers = context.Response.Headers;
        Say("Requests", key.RequestsPerMinute, left.Requests);
        Say("Tokens", key.TokensPerMinute, left.Tokens);
        if (refused is not { } error) return new RateLease(window, seconds / Minute, tokens);
        headers.RetryAfter = (Minute - (seconds % Minute)).ToString(CultureInfo.InvariantCulture);
        throw new PlatformException(error, error == PlatformError.RequestLimit
            ? $"Rate limit reached for RPM: this key may ask {key.RequestsPerMinute} times a minute"
            : $"Rate limit reached for TPM: this key may use {key.TokensPerMinute} tokens a minute, and this request may need {tokens}");

        void Say(string what, int? limit, long remaining)
        {
            if (limit is not { } most) return;
            headers[$"X-Ratelimit-Limit-{what}"] = most.ToString(CultureInfo.InvariantCulture);
            headers[$"X-Ratelimit-Remaining-{what}"] = Math.Max(0, remaining).ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>What a key has used of the running minute.</summary>
    internal sealed class Window
    {
        private readonly Lock _lock = new();
        private long _minute;
        private long _requests;
        private long _tokens;

        /// <summary>Reserves, or says which limit it would break.</summary>
        public PlatformError? Enter(long minute, PlatformKey key, long tokens, out (long Requests, long Tokens) left)
        {
            lock (_lock)
            {
                if (minute != _minute) (_minute, _requests, _tokens) = (minute, 0, 0);
                PlatformError? refused = _requests >= key.RequestsPerMinute ? PlatformError.RequestLimit : _tokens + tokens > key.TokensPerMinute ? PlatformError.TokenLimit : null;
                if (refused is null)
                {
                    _requests++;
                    _tokens += tokens;
                }

                left = ((key.RequestsPerMinute ?? 0) - _requests, (key.TokensPerMinute ?? 0) - _tokens);
                return refused;
            }
        }

        /// <summary>Puts what was used in place of what was reserved. After the minute's end that doesn't matter any more.</summary>
        public void Settle(long minute, long reserved, long used)
        {
            lock (_lock)
            {
                if (minute == _minute) _tokens += used - reserved;
            }
        }
    }
}

/// <summary>One request's reservation. Settled when the request ends, however it does.</summary>
internal sealed class RateLease(RateLimits.Window? window, long minute, long reserved)
{
    /// <summary>Gives back what was not used.</summary>
    public void Settle(long used) => window?.Settle(minute, reserved, used);
}
