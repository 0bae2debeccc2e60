using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Qianfan.Sdk.Authentication;

/// <summary>The parts of an <c>Authorization: bce-auth-v1/...</c> header. Immutable.</summary>
/// <param name="AccessKey">The access key that signed.</param>
/// <param name="Timestamp">Time of signing, exactly as sent: <c>yyyy-MM-ddTHH:mm:ssZ</c>.</param>
/// <param name="ExpirationSeconds">Lifetime of the signature from <paramref name="Timestamp"/> on, in seconds.</param>
/// <param name="SignedHeaders">Lower-case names of the signed headers in the order sent (any order is legal); empty means the default set.</param>
/// <param name="Signature">64 lower-case hexadecimal digits.</param>
public sealed record IamAuthorization(string AccessKey, string Timestamp, int ExpirationSeconds, IReadOnlyList<string> SignedHeaders, string Signature)
{
    /// <summary>The text whose HMAC is the signing key: <c>bce-auth-v1/{access key}/{timestamp}/{expiration}</c>.</summary>
    public string Prefix => IamSigner.Prefix(AccessKey, Timestamp, ExpirationSeconds);

    /// <summary>Time of signing, or null when <see cref="Timestamp"/> is no such time.</summary>
    public DateTimeOffset? SignedAt =>
        DateTimeOffset.TryParseExact(Timestamp, IamSigner.TimestampFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;

    /// <summary>Reads a header value.</summary>
    /// <param name="headerValue">The value of the Authorization header.</param>
    /// <param name="authorization">Its parts.</param>
    /// <returns>False when it is no <c>bce-auth-v1</c> value of six parts.</returns>
    public static bool TryParse(string? headerValue, [NotNullWhen(true)] out IamAuthorization? authorization)
    {
        authorization = null;
        if (headerValue is null || !headerValue.StartsWith(IamSigner.Scheme + "/", StringComparison.Ordinal))
        {
            return false;
        }

        var parts = headerValue.Trim().Split('/');
        if (parts.Length != 6 || parts[1].Length == 0 || parts[5].Length == 0
            || !int.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var expiration))
        {
            return false;
        }

        var names = parts[4].Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = names[i].ToLowerInvariant();
        }

        authorization = new IamAuthorization(parts[1], parts[2], expiration, names, parts[5]);
        return true;
    }

    /// <summary>True when the signature is not (or no longer) valid at that time.</summary>
    /// <param name="now">The verifier's time.</param>
    /// <param name="clockSkew">How far the signer's clock may run ahead; 5 minutes when null.</param>
    public bool IsExpired(DateTimeOffset now, TimeSpan? clockSkew = null) =>
        SignedAt is not { } signedAt
        || now > signedAt.AddSeconds(ExpirationSeconds)
        || signedAt > now + (clockSkew ?? TimeSpan.FromMinutes(5));
}
