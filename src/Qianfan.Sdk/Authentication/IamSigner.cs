using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Qianfan.Sdk.Authentication;

/// <summary>Baidu's IAM signature, version 1 (<c>bce-auth-v1</c>): makes it, and checks it on the server's side. Thread-safe; keeps no state.</summary>
/// <remarks>The body is never part of the signature.</remarks>
public static class IamSigner
{
    /// <summary>First part of the Authorization value.</summary>
    public const string Scheme = "bce-auth-v1";

    /// <summary>Format of the signing time, in UTC; the same text goes into the header <c>x-bce-date</c>.</summary>
    public const string TimestampFormat = "yyyy-MM-ddTHH:mm:ssZ";

    /// <summary>Default lifetime of a signature in seconds.</summary>
    public const int DefaultExpirationSeconds = 300;

    private const string DateHeader = "x-bce-date";
    private const int HexBytes = 2 * HMACSHA256.HashSizeInBytes;
    private static readonly string[] s_defaultHeaders = ["host", "content-md5", "content-length", "content-type"];

    /// <summary>The signing time as the protocol writes it.</summary>
    public static string FormatTimestamp(DateTimeOffset time) => time.UtcDateTime.ToString(TimestampFormat, CultureInfo.InvariantCulture);

    /// <summary>Percent-encodes the UTF-8 bytes of a text: <c>A-Z a-z 0-9 - _ . ~</c> stay, everything else becomes <c>%XX</c> in upper case (the slash too).</summary>
    public static string Encode(string value)
    {
        if (CanonicalText.IsPlain(value, ""))
        {
            return value;
        }

        using var text = new CanonicalText();
        text.AppendEncoded(value, "");
        return text.ToString();
    }

    /// <summary>The canonical query: encoded pairs, sorted, joined with <c>&amp;</c>; an empty value keeps its equals sign.</summary>
    /// <param name="query">Decoded names and values.</param>
    public static string CanonicalQuery(IEnumerable<KeyValuePair<string, string>> query) => CanonicalQuery(query, "");

    /// <summary>The canonical headers: encoded <c>name:value</c> lines of the signed headers that have a value, sorted. Headers that start with <c>x-bce-</c> are always in it.</summary>
    /// <param name="headers">Headers of the request, names in any case, values untrimmed.</param>
    /// <param name="signedHeaders">Lower-case names of the headers to sign; empty means the default set (host, content-md5, content-length, content-type).</param>
    public static string CanonicalHeaders(IEnumerable<KeyValuePair<string, string>> headers, IReadOnlyCollection<string> signedHeaders) =>
        CanonicalHeaders(headers, signedHeaders, "", "");

    /// <summary>The text that is signed: method, path, query and headers on lines of their own.</summary>
    /// <param name="method">HTTP method, any case.</param>
    /// <param name="path">The path exactly as sent; it is not encoded again.</param>
    /// <param name="canonicalQuery">See <see cref="CanonicalQuery(IEnumerable{KeyValuePair{string, string}})"/>.</param>
    /// <param name="canonicalHeaders">See <see cref="CanonicalHeaders(IEnumerable{KeyValuePair{string, string}}, IReadOnlyCollection{string})"/>.</param>
    public static string CanonicalRequest(string method, string path, string canonicalQuery, string canonicalHeaders) =>
        $"{method.ToUpperInvariant()}\n{path}\n{canonicalQuery}\n{canonicalHeaders}";

    /// <summary><c>bce-auth-v1/{access key}/{timestamp}/{expiration}</c>.</summary>
    public static string Prefix(string accessKey, string timestamp, int expirationSeconds) =>
        string.Create(CultureInfo.InvariantCulture, $"{Scheme}/{accessKey}/{timestamp}/{expirationSeconds}");

    /// <summary>The signing key: lower-case hexadecimal HMAC-SHA256 of the prefix under the secret key.</summary>
    public static string SigningKey(string secretKey, string prefix) => Encoding.ASCII.GetString(SigningKey(secretKey, prefix, stackalloc byte[HexBytes]));

    /// <summary>The signature: lower-case hexadecimal HMAC-SHA256 of the canonical request under the signing key's text.</summary>
    public static string Signature(string secretKey, string prefix, string canonicalRequest) =>
        Encoding.ASCII.GetString(HexHmac(SigningKey(secretKey, prefix, stackalloc byte[HexBytes]), Encoding.UTF8.GetBytes(canonicalRequest), stackalloc byte[HexBytes]));

    /// <summary>Makes the Authorization value of a request that signs all the headers given, names sorted.</summary>
    /// <param name="accessKey">The access key.</param>
    /// <param name="secretKey">The secret key; used for the HMAC only.</param>
    /// <param name="method">HTTP method.</param>
    /// <param name="path">The path exactly as sent.</param>
    /// <param name="query">Decoded query names and values.</param>
    /// <param name="headers">The headers to sign; must hold <c>host</c> (with the port unless it is the scheme's default) and <c>x-bce-date</c> with the value of <paramref name="timestamp"/>.</param>
    /// <param name="timestamp">Signing time, see <see cref="FormatTimestamp"/>.</param>
    /// <param name="expirationSeconds">Lifetime of the signature.</param>
    public static string Sign(
        string accessKey,
        string secretKey,
        string method,
        string path,
        IEnumerable<KeyValuePair<string, string>> query,
        IReadOnlyCollection<KeyValuePair<string, string>> headers,
        string timestamp,
        int expirationSeconds = DefaultExpirationSeconds)
    {
        var names = Names(headers);
        var prefix = Prefix(accessKey, timestamp, expirationSeconds);
        var request = new CanonicalText();
        request.Append(method.ToUpperInvariant());
        request.Append((byte)'\n');
        request.Append(path);
        request.Append((byte)'\n');
        AppendQuery(ref request, query, "");
        request.Append((byte)'\n');
        AppendHeaders(ref request, headers, names, "", "");
        Span<char> signature = stackalloc char[HexBytes];
        Encoding.ASCII.GetChars(HexHmac(SigningKey(secretKey, prefix, stackalloc byte[HexBytes]), request.Bytes, stackalloc byte[HexBytes]), signature);
        request.Dispose();
        return $"{prefix}/{string.Join(';', names)}/{signature}";
    }

    /// <summary>Checks a signature, accepting what the official clients of all languages send (host with or without port; Java's looser encoding). Does not look at the time: see <see cref="IamAuthorization.IsExpired"/>.</summary>
    /// <param name="authorization">The parsed Authorization value.</param>
    /// <param name="secretKey">The secret key that belongs to its access key.</param>
    /// <param name="method">HTTP method.</param>
    /// <param name="path">The path exactly as received, still encoded.</param>
    /// <param name="query">Decoded query names and values.</param>
    /// <param name="headers">All request headers; a header with several values is given once with the values joined by commas.</param>
    public static bool Verify(
        IamAuthorization authorization,
        string secretKey,
        string method,
        string path,
        IReadOnlyCollection<KeyValuePair<string, string>> query,
        IReadOnlyCollection<KeyValuePair<string, string>> headers)
    {
        var prefix = authorization.Prefix;
        var expected = Encoding.ASCII.GetBytes(authorization.Signature);
        Span<byte> key = stackalloc byte[HexBytes];
        SigningKey(secretKey, prefix, key);
        Span<byte> signature = stackalloc byte[HexBytes];
        var matches = false;
        foreach (var candidate in CanonicalForms(authorization, method, path, query, headers))
        {
            // No early exit: the time taken tells nothing about which form came close.
            matches |= CryptographicOperations.FixedTimeEquals(HexHmac(key, Encoding.UTF8.GetBytes(candidate), signature), expected);
        }

        return matches;
    }

    private static IEnumerable<string> CanonicalForms(
        IamAuthorization authorization,
        string method,
        string path,
        IReadOnlyCollection<KeyValuePair<string, string>> query,
        IReadOnlyCollection<KeyValuePair<string, string>> headers)
    {
        const string JavaUnreserved = "!'()*";
        foreach (var hostForm in new[] { headers, WithoutPort(headers) })
        {
            yield return CanonicalRequest(method, path, CanonicalQuery(query), CanonicalHeaders(hostForm, authorization.SignedHeaders));
            // Java signs only what it lists, leaves some characters as they are, and slashes in header values too.
            yield return CanonicalRequest(
                method,
                path,
                CanonicalQuery(query, JavaUnreserved),
                CanonicalHeaders(hostForm, authorization.SignedHeaders, JavaUnreserved, JavaUnreserved + "/"));
        }
    }

    private static List<KeyValuePair<string, string>> WithoutPort(IEnumerable<KeyValuePair<string, string>> headers) =>
        [.. headers.Select(h => h.Key.Equals("host", StringComparison.OrdinalIgnoreCase) ? KeyValuePair.Create(h.Key, HostOnly(h.Value)) : h)];

    private static string HostOnly(string host)
    {
        var colon = host.LastIndexOf(':');
        return colon > 0 && !host.EndsWith(']') ? host[..colon] : host;
    }

    private static string CanonicalQuery(IEnumerable<KeyValuePair<string, string>> query, string alsoUnreserved)
    {
        var text = new CanonicalText();
        AppendQuery(ref text, query, alsoUnreserved);
        var canonical = text.ToString();
        text.Dispose();
        return canonical;
    }

    private static string CanonicalHeaders(
        IEnumerable<KeyValuePair<string, string>> headers,
        IReadOnlyCollection<string> signedHeaders,
        string nameUnreserved,
        string valueUnreserved)
    {
        var text = new CanonicalText();
        AppendHeaders(ref text, headers, signedHeaders, nameUnreserved, valueUnreserved);
        var canonical = text.ToString();
        text.Dispose();
        return canonical;
    }

    private static void AppendQuery(ref CanonicalText text, IEnumerable<KeyValuePair<string, string>> query, string alsoUnreserved)
    {
        var pairs = new CanonicalText();
        foreach (var (name, value) in query)
        {
            pairs.AppendEncoded(name, alsoUnreserved);
            pairs.Append((byte)'=');
            pairs.AppendEncoded(value, alsoUnreserved);
            pairs.EndLine();
        }

        text.AppendSorted(pairs, (byte)'&');
        pairs.Dispose();
    }

    private static void AppendHeaders(
        ref CanonicalText text,
        IEnumerable<KeyValuePair<string, string>> headers,
        IReadOnlyCollection<string> signedHeaders,
        string nameUnreserved,
        string valueUnreserved)
    {
        var signed = signedHeaders.Count == 0 ? s_defaultHeaders : signedHeaders;
        var lines = new CanonicalText();
        foreach (var (name, value) in headers)
        {
            var lower = name.ToLowerInvariant();
            var trimmed = value.AsSpan().Trim();
            if (trimmed.Length > 0 && (lower.StartsWith("x-bce-", StringComparison.Ordinal) || signed.Contains(lower)))
            {
                lines.AppendEncoded(lower, nameUnreserved);
                lines.Append((byte)':');
                lines.AppendEncoded(trimmed, valueUnreserved);
                lines.EndLine();
            }
        }

        text.AppendSorted(lines, (byte)'\n');
        lines.Dispose();
    }

    /// <summary>Lower-case names of the headers, each once, in order.</summary>
    private static string[] Names(IReadOnlyCollection<KeyValuePair<string, string>> headers)
    {
        var names = new string[headers.Count];
        var count = 0;
        foreach (var (name, _) in headers)
        {
            var lower = name.ToLowerInvariant();
            if (!names.AsSpan(0, count).Contains(lower))
            {
                names[count++] = lower;
            }
        }

        Array.Resize(ref names, count);
        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    private static ReadOnlySpan<byte> SigningKey(string secretKey, string prefix, Span<byte> hex)
    {
        using var texts = new CanonicalText();
        texts.Append(prefix);
        var secret = Encoding.UTF8.GetBytes(secretKey);
        HexHmac(secret, texts.Bytes, hex);
        CryptographicOperations.ZeroMemory(secret);
        return hex;
    }

    private static ReadOnlySpan<byte> HexHmac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> hex)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, data, hash);
        Convert.TryToHexStringLower(hash, hex, out _);
        return hex;
    }

    internal static KeyValuePair<string, string> DateHeaderOf(string timestamp) => KeyValuePair.Create(DateHeader, timestamp);
}
