using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Qianfan.Sdk.Authentication;

namespace Qianfan.Sdk.Tests.Properties;

public sealed class SigningProperties
{
    private const string Timestamp = "2026-01-01T00:00:00Z";

    private static readonly Gen<KeyValuePair<string, string>[]> s_query = Gen.Select(Texts.Broken, Texts.Broken, KeyValuePair.Create).Array[0, 6];

    private static readonly Gen<KeyValuePair<string, string>[]> s_headers = Gen.Select(
        Gen.OneOf(Gen.OneOf("Host", "x-bce-date", "Content-Type", "content-md5", "X-Bce-Other"), Gen.String[Gen.Char["abcXYZ-019"], 1, 6]),
        Texts.Broken,
        KeyValuePair.Create).Array[0, 6];

    private static readonly Gen<Request> s_request = Gen.Select(
        Gen.String[Gen.Char.AlphaNumeric, 1, 20],
        Texts.Full,
        Gen.OneOf("GET", "post", "Put"),
        Gen.OneOf("/", "/v2/model", "/v1/files/%E4%BD%A0", "/a b"),
        s_query,
        s_headers,
        (access, secret, method, path, query, headers) => new Request(access, secret, method, path, query, headers));

    [Fact]
    public void What_is_signed_verifies_and_under_another_secret_does_not() => s_request.Sample(r =>
    {
        var authorization = Parse(Sign(r));
        authorization.AccessKey.ShouldBe(r.AccessKey);
        IamSigner.Verify(authorization, r.SecretKey, r.Method, r.Path, r.Query, r.Headers).ShouldBeTrue();
        IamSigner.Verify(authorization, r.SecretKey + "x", r.Method, r.Path, r.Query, r.Headers).ShouldBeFalse();
    });

    [Fact]
    public void Signatures_equal_those_of_a_plain_implementation() => s_request.Sample(r => Sign(r).ShouldBe(Plain(r)));

    [Fact]
    public void The_order_of_headers_and_query_and_the_case_of_names_do_not_matter() => Gen.Select(s_request, Gen.Int).Sample((r, seed) =>
    {
        var shuffled = r with
        {
            Query = Shuffle(r.Query, seed),
            Headers = Shuffle([.. r.Headers.Select(h => KeyValuePair.Create(h.Key.ToUpperInvariant(), $" {h.Value}\t"))], seed),
        };
        Sign(shuffled).ShouldBe(Sign(r));
    });

    [Fact]
    public void Another_query_or_path_has_another_signature() => Gen.Select(s_request, Texts.Any, Texts.Any).Sample((r, name, value) =>
    {
        var authorization = Parse(Sign(r));
        IamSigner.Verify(authorization, r.SecretKey, r.Method, r.Path, [.. r.Query, KeyValuePair.Create(name, value)], r.Headers).ShouldBeFalse();
        IamSigner.Verify(authorization, r.SecretKey, r.Method, r.Path + "x", r.Query, r.Headers).ShouldBeFalse();
    });

    [Fact]
    public void Encoded_texts_hold_unreserved_characters_only_and_decode_to_what_they_were() => Texts.Any.Sample(text =>
    {
        var encoded = IamSigner.Encode(text);
        encoded.ShouldAllBe(c => char.IsAsciiLetterOrDigit(c) || "-_.~%".Contains(c));
        Uri.UnescapeDataString(encoded).ShouldBe(text);
    });

    private static string Sign(Request r) => IamSigner.Sign(r.AccessKey, r.SecretKey, r.Method, r.Path, r.Query, r.Headers, Timestamp);

    private static IamAuthorization Parse(string value)
    {
        IamAuthorization.TryParse(value, out var authorization).ShouldBeTrue();
        return authorization!;
    }

    /// <summary>The protocol's text, written down with what the framework has.</summary>
    private static string Plain(Request r)
    {
        var prefix = $"bce-auth-v1/{r.AccessKey}/{Timestamp}/300";
        var query = r.Query.Select(q => Uri.EscapeDataString(q.Key) + "=" + Uri.EscapeDataString(q.Value)).Order(StringComparer.Ordinal);
        var headers = r.Headers.Where(h => h.Value.Trim().Length > 0)
            .Select(h => Uri.EscapeDataString(h.Key.ToLowerInvariant()) + ":" + Uri.EscapeDataString(h.Value.Trim())).Order(StringComparer.Ordinal);
        var names = r.Headers.Select(h => h.Key.ToLowerInvariant()).Distinct().Order(StringComparer.Ordinal);
        var canonical = $"{r.Method.ToUpperInvariant()}\n{r.Path}\n{string.Join('&', query)}\n{string.Join('\n', headers)}";
        return $"{prefix}/{string.Join(';', names)}/{Hmac(Hmac(r.SecretKey, prefix), canonical)}";
    }

    private static string Hmac(string key, string text) => Convert.ToHexString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(text))).ToLowerInvariant();

    private static T[] Shuffle<T>(T[] items, int seed)
    {
        var copy = items.ToArray();
        new Random(seed).Shuffle(copy);
        return copy;
    }

    public sealed record Request(string AccessKey, string SecretKey, string Method, string Path, KeyValuePair<string, string>[] Query, KeyValuePair<string, string>[] Headers);
}
