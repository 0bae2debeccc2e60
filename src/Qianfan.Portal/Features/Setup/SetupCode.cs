using System.Security.Cryptography;

namespace Qianfan.Portal.Features.Setup;

/// <summary>The code on the console that proves that whoever opens the set-up page can read the server's log. Thread-safe.</summary>
public sealed class SetupCode(TimeProvider time)
{
    /// <summary>Wrong codes a minute, of everybody together.</summary>
    public const int AttemptsPerMinute = 5;

    // Without letters and digits that look alike.
    private const string Alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    private readonly Lock _lock = new();
    private readonly Queue<DateTimeOffset> _wrong = [];

    /// <summary>Eight random characters in two groups.</summary>
    public string Value { get; } = $"{RandomNumberGenerator.GetString(Alphabet, 4)}-{RandomNumberGenerator.GetString(Alphabet, 4)}";

    /// <summary>Compares a code, whatever its case and spaces.</summary>
    public SetupCodeResult Check(string? code)
    {
        var given = new string([.. (code ?? "").Where(char.IsAsciiLetterOrDigit)]).ToUpperInvariant();
        lock (_lock)
        {
            var now = time.GetUtcNow();
            while (_wrong.TryPeek(out var first) && now - first >= TimeSpan.FromMinutes(1))
                _wrong.Dequeue();
            if (_wrong.Count >= AttemptsPerMinute)
                return SetupCodeResult.TooManyAttempts;
            var right = CryptographicOperations.FixedTimeEquals(System.Text.Encoding.UTF8.GetBytes(given), System.Text.Encoding.UTF8.GetBytes(Value.Replace("-", "", StringComparison.Ordinal)));
            if (!right)
                _wrong.Enqueue(now);
            return right ? SetupCodeResult.Right : SetupCodeResult.Wrong;
        }
    }
}

/// <summary>What became of a set-up code.</summary>
public enum SetupCodeResult
{
    Right,
    Wrong,

    /// <summary>Not even looked at: too many wrong ones in the last minute.</summary>
    TooManyAttempts,
}
