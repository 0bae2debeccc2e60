using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Platform.Tests.Support;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Tests;

/// <summary>Requests and tokens a minute.</summary>
public sealed class RateLimitTests
{
    private const string V1 = "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/qianfan-tiny";

    // Most tokens that the prompt "hi" can have.
    private const int Prompt = 18;

    private static readonly object[] s_hi = [new { role = "user", content = "hi" }];

    [Fact]
    public async Task Requests_above_the_limit_wait_for_the_next_minute_each_api_says_so_in_its_own_way()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 12, 0, 40, TimeSpan.Zero));
        await using var host = await PlatformHost.StartAsync(time: time, configure: Limit(requests: 2));
        using var client = Limited(host);
        using (var first = await client.PostAsJsonAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi }, TestContext.Current.CancellationToken))
        {
            first.StatusCode.ShouldBe(HttpStatusCode.OK);
            first.Headers.GetValues("X-Ratelimit-Limit-Requests").Single().ShouldBe("2");
            first.Headers.GetValues("X-Ratelimit-Remaining-Requests").Single().ShouldBe("1");
            first.Headers.Contains("X-Ratelimit-Limit-Tokens").ShouldBeFalse();
        }

        (await client.PostAsync(V1, new { messages = s_hi })).Text("result").ShouldBe("qianfan-tiny: hi");
        using (var openAI = await client.PostAsJsonAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi }, TestContext.Current.CancellationToken))
        {
            openAI.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            openAI.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(20));
            var error = (await PlatformCalls.ReadAsync(openAI))["error"]!;
            error.Text("code").ShouldBe("rate_limit_exceeded");
            error.Text("type").ShouldBe("requests");
        }

        using (var v2 = await client.PostAsJsonAsync("/v2/chat/completions", new { model = "qianfan-tiny", messages = s_hi }, TestContext.Current.CancellationToken))
        {
            v2.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            (await PlatformCalls.ReadAsync(v2))["error"]!.Text("code").ShouldBe("rpm_rate_limit_exceeded");
        }

        (await client.PostAsync(V1, new { messages = s_hi }))["error_code"]!.GetValue<int>().ShouldBe(336501);
        // Looking costs nothing, and others have limits of their own.
        (await client.GetJsonAsync("/v1/models"))["data"]!.AsArray().Count.ShouldBe(1);
        (await host.Client.PostAsync(V1, new { messages = s_hi })).Text("result").ShouldBe("qianfan-tiny: hi");

        time.Advance(TimeSpan.FromSeconds(20));
        (await client.PostAsync(V1, new { messages = s_hi })).Text("result").ShouldBe("qianfan-tiny: hi");
    }

    [Fact]
    public async Task Tokens_are_reserved_before_they_are_generated_and_given_back_when_they_were_not()
    {
        var answer = "qianfan-tiny: hi".Length + 5;
        await using var host = await PlatformHost.StartAsync(time: new FakeTimeProvider(), configure: Limit(tokens: 100 + Prompt));
        using var client = Limited(host);
        using (var first = await client.PostAsJsonAsync("/v2/chat/completions", new { model = "qianfan-tiny", messages = s_hi, max_completion_tokens = 90 }, TestContext.Current.CancellationToken))
        {
            first.StatusCode.ShouldBe(HttpStatusCode.OK);
            first.Headers.GetValues("X-Ratelimit-Remaining-Tokens").Single().ShouldBe("10");
        }

        using (var second = await client.PostAsJsonAsync("/v2/chat/completions", new { model = "qianfan-tiny", messages = s_hi, max_completion_tokens = 100 - answer }, TestContext.Current.CancellationToken))
            second.StatusCode.ShouldBe(HttpStatusCode.OK);
        using (var third = await client.PostAsJsonAsync("/v2/chat/completions", new { model = "qianfan-tiny", messages = s_hi, max_completion_tokens = 101 - answer }, TestContext.Current.CancellationToken))
        {
            third.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
            (await PlatformCalls.ReadAsync(third))["error"]!.Text("code").ShouldBe("tpm_rate_limit_exceeded");
        }

        (await client.PostAsync(V1, new { messages = s_hi, max_output_tokens = 101 }))["error_code"]!.GetValue<int>().ShouldBe(336502);
        using var embedded = await client.PostAsJsonAsync("/v1/embeddings", new { model = "qianfan-tiny", input = new string('x', 200) }, TestContext.Current.CancellationToken);
        embedded.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task Two_hundred_callers_at_once_do_not_get_more_than_there_is()
    {
        await using var host = await PlatformHost.StartAsync(time: new FakeTimeProvider(), configure: Limit(requests: 25));
        using var client = Limited(host);
        var statuses = await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ =>
        {
            using var response = await client.PostAsJsonAsync("/v1/chat/completions", new { model = "qianfan-tiny", messages = s_hi }, TestContext.Current.CancellationToken);
            return response.StatusCode;
        }));
        statuses.Count(status => status == HttpStatusCode.OK).ShouldBe(25);
        statuses.Count(status => status == HttpStatusCode.TooManyRequests).ShouldBe(175);
        (await host.Workers.NextServerAsync()).Received.OfType<Generate>().Count().ShouldBe(25);
    }

    private static Action<PlatformOptions> Limit(int? requests = null, int? tokens = null) =>
        options => options.Keys.Add(new ConfiguredKey { AccessKey = "ALTAKlimited", SecretKey = "limited-secret-0123456789", OwnerId = "one", RequestsPerMinute = requests, TokensPerMinute = tokens });

    private static HttpClient Limited(PlatformHost host) => host.CreateClient("bce-v3/ALTAKlimited/limited-secret-0123456789");
}
