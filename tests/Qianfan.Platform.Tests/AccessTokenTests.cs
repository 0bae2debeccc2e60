using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Tests.Support;

namespace Qianfan.Platform.Tests;

/// <summary>V1's OAuth: a key pair in the address is exchanged for an access token in the address.</summary>
public sealed class AccessTokenTests
{
    private const string Chat = "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/qianfan-tiny?access_token=";

    private static readonly object s_hi = new { messages = new[] { new { role = "user", content = "hi" } } };

    [Fact]
    public async Task A_token_is_good_for_inference_and_console_and_reveals_no_secret()
    {
        await using var host = await PlatformHost.StartAsync();
        using var client = host.CreateClient(null);
        var answer = await client.PostAsync(Exchange(PlatformHost.AccessKey, PlatformHost.SecretKey), new { });
        answer["expires_in"]!.GetValue<int>().ShouldBe(2_592_000);
        var token = answer.Text("access_token");
        token.ShouldStartWith("24.");
        answer.ToJsonString().ShouldNotContain("secret/with");
        (await client.PostAsync(Chat + token, s_hi)).Text("result").ShouldBe("qianfan-tiny: hi");
        (await client.PostAsync("/wenxinworkshop/service/list?access_token=" + token, new { })).Result()["common"]!.AsArray().Count.ShouldBe(3);
        (await client.PostAsync("/v2/service?Action=DescribeServices&access_token=" + token, new { })).Result()["serviceList"]!.AsArray().ShouldBeEmpty();
    }

    [Theory]
    [InlineData("ALTAKnobody", "x", "unknown client id")]
    [InlineData("", "x", "unknown client id")]
    [InlineData(PlatformHost.AccessKey, "x", "Client authentication failed")]
    [InlineData(PlatformHost.AccessKey, "", "Client authentication failed")]
    public async Task A_wrong_pair_is_told_in_the_words_that_clients_know(string id, string secret, string message)
    {
        await using var host = await PlatformHost.StartAsync();
        using var client = host.CreateClient(null);
        using var response = await client.PostAsync(Exchange(id, secret), null, TestContext.Current.CancellationToken);
        response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        var answer = await PlatformCalls.ReadAsync(response);
        answer.Text("error").ShouldBe("invalid_client");
        answer.Text("error_description").ShouldBe(message);
    }

    [Fact]
    public async Task Another_grant_is_refused()
    {
        await using var host = await PlatformHost.StartAsync();
        using var client = host.CreateClient(null);
        foreach (var query in new[] { "", "?grant_type=password", "?client_id=x" })
            (await client.PostAsync("/oauth/2.0/token" + query, new { })).Text("error").ShouldBe("unsupported_grant_type");
    }

    [Fact]
    public async Task A_token_that_is_forged_or_of_another_kind_is_invalid_and_one_whose_time_passed_has_expired()
    {
        var time = new FakeTimeProvider();
        await using var host = await PlatformHost.StartAsync(time: time);
        using var client = host.CreateClient(null);
        var token = (await client.PostAsync(Exchange(PlatformHost.AccessKey, PlatformHost.SecretKey), new { })).Text("access_token");
        var bearer = (await host.Client.GetJsonAsync("/v1/BCE-BEARER/token")).Text("token");
        foreach (var wrong in new[] { "", "24", "24...", token + "x", token[..^1], token.Replace("24.", "25.", StringComparison.Ordinal), token.Replace(PlatformHost.AccessKey, "ALTAKother", StringComparison.Ordinal), bearer, $"24.{PlatformHost.AccessKey}.{bearer.Split('.', 2)[1]}" })
        {
            using var response = await client.PostAsJsonAsync(Chat + Uri.EscapeDataString(wrong), s_hi, TestContext.Current.CancellationToken);
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            (await PlatformCalls.ReadAsync(response))["error_code"]!.GetValue<int>().ShouldBe(110, wrong);
        }

        // Not where programs send keys in a header: addresses end in logs.
        using (var elsewhere = await client.GetAsync("/v1/models?access_token=" + token, TestContext.Current.CancellationToken)) elsewhere.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);

        time.Advance(TimeSpan.FromDays(30));
        (await client.PostAsync(Chat + token, s_hi))["error_code"]!.GetValue<int>().ShouldBe(111);
        (await client.V1Async("service/list?access_token=" + token, new { }))["error_code"]!.GetValue<int>().ShouldBe(111);
    }

    private static string Exchange(string id, string secret) => $"/oauth/2.0/token?grant_type=client_credentials&client_id={id}&client_secret={Uri.EscapeDataString(secret)}";
}
