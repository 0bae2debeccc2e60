using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>Signatures as each official SDK makes them, and tokens minted for them.</summary>
public sealed class SignatureTests
{
    /// <summary>How an SDK signs: which headers, in which order, whether with the port, what it leaves unencoded.</summary>
    public static TheoryData<string, string, bool, string, int> Variants => new()
    {
        { "Python", "request-source;x-bce-date;host;content-type", true, "", 300 },
        { "Go", "host;x-bce-date", false, "", 300 },
        { "Java", "host;x-bce-date", false, "!'()*/", 300 },
        { "JavaScript", "content-type;content-length;host;x-bce-date", true, "", 1800 },
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public async Task Each_sdk_is_recognised(string sdk, string headers, bool withPort, string unencoded, int lifetime)
    {
        sdk.ShouldNotBeEmpty();
        await using var host = await PlatformHost.StartAsync();
        using var client = host.CreateClient(null);
        using var request = Signed(host, headers.Split(';'), withPort, unencoded, lifetime, DateTimeOffset.Parse("2026-01-01T00:00:00Z", CultureInfo.InvariantCulture), PlatformHost.SecretKey);
        using var late = await client.SendAsync(request, TestContext.Current.CancellationToken);
        late.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        late.Headers.GetValues("X-Bce-Error-Message").Single().ShouldContain("RequestExpired");

        using var timely = Signed(host, headers.Split(';'), withPort, unencoded, lifetime, TimeProvider.System.GetUtcNow(), PlatformHost.SecretKey);
        using var good = await client.SendAsync(timely, TestContext.Current.CancellationToken);
        (await good.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldContain("jobList");

        using var forged = Signed(host, headers.Split(';'), withPort, unencoded, lifetime, TimeProvider.System.GetUtcNow(), "some-other-secret");
        using var bad = await client.SendAsync(forged, TestContext.Current.CancellationToken);
        bad.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        bad.Headers.GetValues("X-Bce-Error-Message").Single().ShouldBe("SignatureDoesNotMatch, cause: Fail to authn user: Signature does not match");
    }

    [Fact]
    public async Task A_minted_token_works_until_it_expires_and_reveals_no_secret()
    {
        var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-05-01T00:00:00Z", CultureInfo.InvariantCulture));
        await using var host = await PlatformHost.StartAsync(time: time);
        var minted = await host.Client.GetJsonAsync("/v1/BCE-BEARER/token?expireInSeconds=3600");
        var token = minted.Text("token");
        token.ShouldStartWith("bce-v3/ALTAKtest/");
        token.ShouldNotContain(PlatformHost.SecretKey);
        minted.Text("expireTime").ShouldBe("2026-05-01T01:00:00.000Z");

        using var client = host.CreateClient(token);
        (await client.GetJsonAsync("/v1/files")).Text("object").ShouldBe("list");
        using var tampered = host.CreateClient(token.Replace("t.1", "t.2", StringComparison.Ordinal));
        (await tampered.GetJsonAsync("/v1/files")).ToJsonString().ShouldContain("invalid_api_key");
        time.Advance(TimeSpan.FromSeconds(3601));
        (await client.GetJsonAsync("/v1/files")).ToJsonString().ShouldContain("expired");
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("0")]
    [InlineData("99999999999")]
    public async Task A_token_has_a_sensible_lifetime(string seconds)
    {
        await using var host = await PlatformHost.StartAsync();
        (await host.Client.GetJsonAsync("/v1/BCE-BEARER/token?expireInSeconds=" + seconds)).Text("message").ShouldContain("param[expireInSeconds]");
    }

    private static HttpRequestMessage Signed(PlatformHost host, string[] names, bool withPort, string unencoded, int lifetime, DateTimeOffset time, string secret)
    {
        const string Body = """{"maxKeys":10}""";
        var stamp = time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        var request = new HttpRequestMessage(HttpMethod.Post, "/v2/finetuning?Action=DescribeFineTuningJobs&x=a*b(c)") { Content = new StringContent(Body, Encoding.UTF8, "application/json") };
        request.Headers.Add("x-bce-date", stamp);
        request.Headers.Add("request-source", "qianfan_py_sdk_v0.4.12.3");
        var values = new Dictionary<string, string>
        {
            ["host"] = withPort ? host.Address.Authority : host.Address.Host,
            ["x-bce-date"] = stamp,
            ["content-type"] = "application/json; charset=utf-8",
            ["content-length"] = Body.Length.ToString(CultureInfo.InvariantCulture),
            ["request-source"] = "qianfan_py_sdk_v0.4.12.3",
        };
        var prefix = $"bce-auth-v1/{PlatformHost.AccessKey}/{stamp}/{lifetime}";
        var signingKey = Hmac(Encoding.UTF8.GetBytes(secret), prefix);
        var query = string.Join('&', new[] { "Action=DescribeFineTuningJobs", $"x={Encode("a*b(c)", unencoded)}" }.Order(StringComparer.Ordinal));
        var lines = names.Select(name => $"{name}:{Encode(values[name], unencoded)}").Order(StringComparer.Ordinal);
        var signature = Hmac(Encoding.ASCII.GetBytes(signingKey), $"POST\n/v2/finetuning\n{query}\n{string.Join('\n', lines)}");
        request.Headers.TryAddWithoutValidation("Authorization", $"{prefix}/{string.Join(';', names)}/{signature}").ShouldBeTrue();
        return request;
    }

    private static string Encode(string text, string unencoded) =>
        string.Concat(Encoding.UTF8.GetBytes(text).Select(value => char.IsAsciiLetterOrDigit((char)value) || ("-_.~" + unencoded).Contains((char)value) ? ((char)value).ToString() : $"%{value:X2}"));

    private static string Hmac(byte[] key, string text) => Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));
}
