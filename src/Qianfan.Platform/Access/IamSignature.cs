using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Qianfan.Platform.Access;

/// <summary>An Authorization header in Baidu's IAM v1 form: <c>bce-auth-v1/{key}/{time}/{seconds}/{headers}/{signature}</c>.</summary>
internal sealed record IamAuthorization(string AccessKey, string Timestamp, DateTimeOffset SignedAt, long LifetimeSeconds, IReadOnlyList<string> SignedHeaders, string Signature)
{
    public const string Prefix = "bce-auth-v1/";

    private static readonly string[] s_defaultHeaders = ["host", "content-md5", "content-length", "content-type"];

    /// <summary>What was signed with the secret key to make the signing key.</summary>
    public string SigningText => $"{Prefix}{AccessKey}/{Timestamp}/{LifetimeSeconds.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The parts of a header, or null when it has another form.</summary>
    public static IamAuthorization? TryParse(string header)
    {
        var parts = header.Split('/');
        if (parts.Length != 6 || parts[0] != "bce-auth-v1" || parts[1].Length == 0 || parts[5].Length != 64) return null;
        if (!DateTimeOffset.TryParseExact(parts[2], "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var signedAt)) return null;
        if (!long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var lifetime)) return null;
        var signed = parts[4].Length == 0 ? s_defaultHeaders : parts[4].ToLowerInvariant().Split(';', StringSplitOptions.RemoveEmptyEntries);
        return new IamAuthorization(parts[1], parts[2], signedAt, lifetime, signed, parts[5].ToLowerInvariant());
    }
}

/// <summary>Checks IAM v1 signatures the way each official SDK makes them.</summary>
/// <remarks>
/// They differ in three ways: Go and Java sign the host without its port, Java leaves <c>! ' ( ) *</c> and, in header values, <c>/</c> unencoded, and the
/// order of the header names is arbitrary. So a signature is compared with that of each form.
/// </remarks>
internal static class IamSignature
{
    /// <summary>Clocks of callers may be ahead by this much.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromMinutes(15);

    /// <summary>Whether the signature is no older than it says and not from the future.</summary>
    public static bool IsTimely(IamAuthorization authorization, DateTimeOffset now) =>
        authorization.LifetimeSeconds <= 86_400
        && authorization.SignedAt <= now + Skew
        && now <= authorization.SignedAt.AddSeconds(authorization.LifetimeSeconds);

    /// <summary>Whether the request was signed with this secret key.</summary>
    public static bool Verify(HttpRequest request, IamAuthorization authorization, string secretKey)
    {
        var signingKey = Hmac(Encoding.UTF8.GetBytes(secretKey), authorization.SigningText);
        var given = Encoding.ASCII.GetBytes(authorization.Signature);
        var path = RawPath(request);
        var matches = false;
        foreach (var encoding in Encodings)
        {
            var query = CanonicalQuery(request, encoding.Query);
            foreach (var host in Hosts(request))
            {
                var canonical = $"{request.Method.ToUpperInvariant()}\n{path}\n{query}\n{CanonicalHeaders(request, authorization, host, encoding.Header)}";
                var expected = Hmac(Encoding.ASCII.GetBytes(signingKey), canonical);
                matches |= CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(expected), given);
            }
        }

        return matches;
    }

    private static readonly (string Query, string Header)[] Encodings = [("-_.~", "-_.~"), ("-_.~!'()*", "-_.~!'()*/")];

    private static IEnumerable<string> Hosts(HttpRequest request)
    {
        var sent = request.Headers.Host.ToString();
        yield return sent;
        var bare = HostString.FromUriComponent(sent).Host;
        if (!string.Equals(bare, sent, StringComparison.Ordinal)) yield return bare;
    }

    private static string RawPath(HttpRequest request)
    {
        var target = request.HttpContext.Features.Get<IHttpRequestFeature>()?.RawTarget;
        if (string.IsNullOrEmpty(target) || target[0] != '/') return request.PathBase.ToUriComponent() + request.Path.ToUriComponent();
        var end = target.IndexOf('?', StringComparison.Ordinal);
        return end < 0 ? target : target[..end];
    }

    private static string CanonicalQuery(HttpRequest request, string unreserved) => string.Join('&', request.Query
        .SelectMany(pair => pair.Value, (pair, value) => $"{Encode(pair.Key, unreserved)}={Encode(value ?? "", unreserved)}")
        .Order(StringComparer.Ordinal));

    private static string CanonicalHeaders(HttpRequest request, IamAuthorization authorization, string host, string unreserved)
    {
        var names = authorization.SignedHeaders
            .Concat(request.Headers.Keys.Where(name => name.StartsWith("x-bce-", StringComparison.OrdinalIgnoreCase)).Select(name => name.ToLowerInvariant()))
            .Distinct(StringComparer.Ordinal);
        return string.Join('\n', names
            .Select(name => (Name: name, Value: (name == "host" ? host : request.Headers[name].ToString()).Trim()))
            .Where(header => header.Value.Length > 0)
            .Select(header => $"{Encode(header.Name, unreserved)}:{Encode(header.Value, unreserved)}")
            .Order(StringComparer.Ordinal));
    }

    private static string Encode(string text, string unreserved)
    {
        var builder = new StringBuilder(text.Length + 16);
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            var c = (char)value;
            if (char.IsAsciiLetterOrDigit(c) || unreserved.Contains(c)) builder.Append(c);
            else builder.Append('%').Append(value.ToString("X2", CultureInfo.InvariantCulture));
        }

        return builder.ToString();
    }

    private static string Hmac(byte[] key, string text) => Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));
}
