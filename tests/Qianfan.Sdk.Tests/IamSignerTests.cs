using System.Text.Json;
using Qianfan.Sdk.Authentication;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

public sealed class IamSignerTests
{
    public static TheoryData<string> Vectors => ["console_v2_action", "console_v1_no_query", "iam_bearer_token", "inference_chat", "odd_characters"];

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Signatures_equal_those_of_the_official_client_to_the_byte(string name)
    {
        using var vectors = Given.Resource("iam-vectors.json");
        var v = vectors.RootElement.EnumerateArray().Single(x => x.GetProperty("name").GetString() == name);
        var (ak, sk, timestamp) = (Text(v, "ak"), Text(v, "sk"), Text(v, "timestamp"));
        var headers = Pairs(v.GetProperty("headers"));
        var query = Pairs(v.GetProperty("query"));
        var names = headers.Select(h => h.Key.ToLowerInvariant()).ToArray();
        var prefix = IamSigner.Prefix(ak, timestamp, 300);

        prefix.ShouldBe(Text(v, "auth_string_prefix"));
        IamSigner.SigningKey(sk, prefix).ShouldBe(Text(v, "signing_key"));
        IamSigner.CanonicalQuery(query).ShouldBe(Text(v, "canonical_query"));
        IamSigner.CanonicalHeaders(headers, names).ShouldBe(Text(v, "canonical_headers"));
        IamSigner.Sign(ak, sk, Text(v, "method"), Text(v, "path"), query, headers, timestamp).ShouldBe(Text(v, "authorization_sorted"));
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Signatures_of_the_official_client_verify_in_any_order_of_header_names(string name)
    {
        using var vectors = Given.Resource("iam-vectors.json");
        var v = vectors.RootElement.EnumerateArray().Single(x => x.GetProperty("name").GetString() == name);
        IamAuthorization.TryParse(Text(v, "authorization_as_produced"), out var parsed).ShouldBeTrue();
        parsed.AccessKey.ShouldBe(Text(v, "ak"));

        Verify(parsed, Text(v, "sk")).ShouldBeTrue();
        Verify(parsed, "another secret").ShouldBeFalse();
        Verify(parsed with { Signature = new string('0', 64) }, Text(v, "sk")).ShouldBeFalse();

        bool Verify(IamAuthorization authorization, string secret) =>
            IamSigner.Verify(authorization, secret, Text(v, "method"), Text(v, "path"), Pairs(v.GetProperty("query")), Pairs(v.GetProperty("headers")));
    }

    [Fact]
    public void A_host_that_was_signed_without_its_port_verifies()
    {
        List<KeyValuePair<string, string>> signed = [new("host", "127.0.0.1"), new("x-bce-date", "2026-01-01T00:00:00Z")];
        List<KeyValuePair<string, string>> sent = [new("Host", "127.0.0.1:5080"), new("x-bce-date", "2026-01-01T00:00:00Z")];
        IamAuthorization.TryParse(IamSigner.Sign("ak", "sk", "POST", "/v2/model", [], signed, "2026-01-01T00:00:00Z"), out var parsed).ShouldBeTrue();

        IamSigner.Verify(parsed, "sk", "POST", "/v2/model", [], sent).ShouldBeTrue();
        IamSigner.Verify(parsed, "sk", "POST", "/v2/service", [], sent).ShouldBeFalse();
    }

    [Theory]
    [InlineData("2026-01-01T00:04:59Z", false)]
    [InlineData("2026-01-01T00:05:01Z", true)]
    [InlineData("2025-12-31T23:50:00Z", true)]
    public void A_signature_ends_with_its_lifetime_and_does_not_come_from_the_future(string now, bool expired)
    {
        IamAuthorization.TryParse("bce-auth-v1/ak/2026-01-01T00:00:00Z/300/host/" + new string('a', 64), out var parsed).ShouldBeTrue();
        parsed.IsExpired(DateTimeOffset.Parse(now, System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(expired);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Bearer bce-v3/a/b")]
    [InlineData("bce-auth-v1/ak/2026-01-01T00:00:00Z/abc/host/ff")]
    [InlineData("bce-auth-v1/ak/2026-01-01T00:00:00Z/300/host")]
    public void What_is_no_signature_is_not_taken_for_one(string? value) => IamAuthorization.TryParse(value, out _).ShouldBeFalse();

    private static string Text(JsonElement v, string name) => v.GetProperty(name).GetString()!;

    private static List<KeyValuePair<string, string>> Pairs(JsonElement pairs) => [.. pairs.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, p.Value.GetString()!))];
}
