using System.Globalization;

namespace Qianfan.Sdk.Http;

/// <summary>What one inference call counts against the client's limits.</summary>
internal sealed class CallCost(int tokens)
{
    /// <summary>Estimate of the tokens of question and answer.</summary>
    public int Tokens { get; } = tokens;

    /// <summary>Where the tokens of the present attempt are counted.</summary>
    public RateWindow.Entry? Entry { get; set; }
}

/// <summary>The client's own limits: requests a second or a minute, tokens a minute. Nine tenths of each are used, because two clocks never agree on where a minute begins. Thread-safe.</summary>
internal sealed class RateLimits
{
    private const double UsedShare = 0.9;
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);
    private readonly TimeProvider _time;
    private readonly long _origin;
    private readonly RateWindow? _second;
    private readonly RateWindow? _tenSeconds;
    private readonly RateWindow? _minute;
    private readonly RateWindow? _tokens;

    private RateLimits(QianfanOptions options, TimeProvider time)
    {
        _time = time;
        _origin = time.GetTimestamp();
        if (options.QpsLimit > 0)
        {
            // Less than one a second is one in more than a second.
            var requests = Math.Max(1, options.QpsLimit * UsedShare);
            _second = new RateWindow(requests, TimeSpan.FromSeconds(Math.Max(1, 1 / (options.QpsLimit * UsedShare))));
        }

        if (options.RpmLimit > 0)
        {
            // The platform counts in tenths of a minute too.
            _minute = new RateWindow(Math.Max(1, options.RpmLimit * UsedShare), s_minute);
            _tenSeconds = new RateWindow(Math.Max(1, options.RpmLimit * UsedShare / 6), TimeSpan.FromSeconds(10));
        }

        _tokens = options.TpmLimit > 0 ? new RateWindow(options.TpmLimit * UsedShare, s_minute) : null;
    }

    /// <summary>True when tokens are counted, so that an estimate is worth its while.</summary>
    public bool CountsTokens => _tokens is not null;

    /// <summary>The limits that the options ask for; null when there are none.</summary>
    public static RateLimits? Of(QianfanOptions options, TimeProvider time) =>
        options.QpsLimit > 0 || options.RpmLimit > 0 || options.TpmLimit > 0 ? new RateLimits(options, time) : null;

    /// <summary>An estimate of a text's tokens: 0.625 for a Chinese, Japanese or Korean character, 1 for a word.</summary>
    /// <remarks>The official client's rule.</remarks>
    public static int Estimate(string? text)
    {
        var characters = 0;
        var words = 0;
        var inWord = false;
        foreach (var c in text ?? "")
        {
            var isCharacter = c is >= '\u2E80' and <= '\u9FFF' or >= '\uAC00' and <= '\uD7AF' or >= '\uF900' and <= '\uFAFF';
            characters += isCharacter ? 1 : 0;
            var isWord = !isCharacter && char.IsLetterOrDigit(c);
            words += isWord && !inWord ? 1 : 0;
            inWord = isWord;
        }

        return (int)((characters * 0.625) + words);
    }

    /// <summary>Waits until the call may go.</summary>
    /// <exception cref="InvalidArgumentException">The call alone is above the limit.</exception>
    public async ValueTask WaitAsync(CallCost cost, CancellationToken cancellationToken)
    {
        if (_tokens is { } tokens && cost.Tokens > tokens.Limit)
        {
            throw new InvalidArgumentException(string.Create(CultureInfo.InvariantCulture, $"The call needs about {cost.Tokens} tokens; TpmLimit lets at most {tokens.Limit:0} go within a minute."));
        }

        var now = _time.GetElapsedTime(_origin);
        var (second, tenSeconds, minute) = (_second?.Take(1, now), _tenSeconds?.Take(1, now), _minute?.Take(1, now));
        cost.Entry = _tokens?.Take(cost.Tokens, now);
        var start = Max(Max(second?.Start, tenSeconds?.Start), Max(minute?.Start, cost.Entry?.Start));
        if (start is not { } at || at <= now)
        {
            return;
        }

        try
        {
            await Task.Delay(at - now, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // What never went counts nothing.
            GiveBack(_second, second);
            GiveBack(_tenSeconds, tenSeconds);
            GiveBack(_minute, minute);
            GiveBack(_tokens, cost.Entry);
            throw;
        }
    }

    /// <summary>Counts what the platform counted.</summary>
    public void Settle(CallCost? cost, int? totalTokens)
    {
        if (cost?.Entry is { } entry && totalTokens is { } total)
        {
            _tokens?.Correct(entry, total);
        }
    }

    /// <summary>Takes the platform's own limits over where they are lower.</summary>
    public void Hear(HttpResponseMessage response)
    {
        if (Number(response, "X-Ratelimit-Limit-Requests") is { } requests)
        {
            _minute?.Lower(Math.Max(1, requests * UsedShare));
            _tenSeconds?.Lower(Math.Max(1, requests * UsedShare / 6));
        }

        if (Number(response, "X-Ratelimit-Limit-Tokens") is { } tokens)
        {
            _tokens?.Lower(tokens * UsedShare);
        }
    }

    /// <summary>Believes the platform when it says that the minute's tokens are used up.</summary>
    public void Hear(QianfanApiException failure)
    {
        if (failure.Code is QianfanErrorCodes.TokensPerMinute or QianfanErrorCodes.TokensPerMinuteV2)
        {
            _tokens?.Fill(_time.GetElapsedTime(_origin));
        }
    }

    private static void GiveBack(RateWindow? window, RateWindow.Entry? entry)
    {
        if (entry is not null)
        {
            window?.Correct(entry, 0);
        }
    }

    private static TimeSpan? Max(TimeSpan? a, TimeSpan? b) => a is null || b > a ? b : a;

    private static double? Number(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out var values)
        && double.TryParse(values.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && number > 0
            ? number
            : null;
}
