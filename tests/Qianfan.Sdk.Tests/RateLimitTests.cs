using Microsoft.Extensions.Time.Testing;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

public sealed class RateLimitTests
{
    private const string Answer = """{"id":"as-1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"}}],"usage":{"total_tokens":500}}""";
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public void However_calls_come_no_stretch_of_the_length_holds_more_than_the_limit()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var limit = random.Next(1, 50);
            var length = TimeSpan.FromSeconds(random.Next(1, 60));
            var window = new RateWindow(limit, length);
            var now = TimeSpan.Zero;
            var begun = new List<(TimeSpan Start, double Amount)>();
            for (var i = 0; i < 200; i++)
            {
                now += TimeSpan.FromSeconds(random.NextDouble() * random.Next(0, 5));
                var entry = window.Take(random.Next(1, limit + 1), now);
                entry.Start.ShouldBeGreaterThanOrEqualTo(now);
                begun.Add((entry.Start, entry.Amount));
            }

            begun.Select(b => b.Start).ShouldBeInOrder();
            foreach (var (start, _) in begun)
            {
                begun.Where(b => b.Start <= start && b.Start > start - length).Sum(b => b.Amount).ShouldBeLessThanOrEqualTo(limit, $"seed {seed}");
            }
        }
    }

    [Fact]
    public void A_place_is_taken_as_early_as_it_fits()
    {
        var window = new RateWindow(2, TimeSpan.FromSeconds(10));

        window.Take(1, At(0)).Start.ShouldBe(At(0));
        window.Take(1, At(3)).Start.ShouldBe(At(3));
        window.Take(1, At(4)).Start.ShouldBe(At(10));
        window.Take(1, At(4)).Start.ShouldBe(At(13));
        window.Take(2, At(30)).Start.ShouldBe(At(30));
    }

    [Fact]
    public void A_correction_makes_room_or_takes_it()
    {
        var window = new RateWindow(100, TimeSpan.FromSeconds(60));
        var first = window.Take(90, At(0));
        window.Correct(first, 20);
        window.Take(80, At(1)).Start.ShouldBe(At(1));

        var other = new RateWindow(100, TimeSpan.FromSeconds(60));
        var small = other.Take(10, At(0));
        other.Correct(small, 100);
        other.Take(1, At(1)).Start.ShouldBe(At(60));
    }

    [Theory]
    [InlineData("你好", 1)]
    [InlineData("hello world", 2)]
    [InlineData("你好 world, 2026!", 3)]
    [InlineData("", 0)]
    [InlineData(null, 0)]
    public void Tokens_are_estimated_by_the_official_clients_rule(string? text, int tokens) => RateLimits.Estimate(text).ShouldBe(tokens);

    [Fact]
    public async Task Calls_above_the_limit_wait_for_their_second()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json(Answer));
        var client = Client(handler, o => o with { QpsLimit = 2 });

        await AskAsync(client);
        var second = AskAsync(client);
        await AdvanceAsync(TimeSpan.FromSeconds(0.9));
        handler.Requests.Count.ShouldBe(1);
        await AdvanceAsync(TimeSpan.FromSeconds(0.1));

        await second;
        handler.Requests.Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_repetition_counts_like_a_call()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json("""{"error_code":336100,"error_msg":"busy"}"""), ScriptedHandler.Json(Answer));
        var client = Client(handler, o => o with { RpmLimit = 6, InferenceRetry = o.InferenceRetry with { BackoffFactor = TimeSpan.Zero, Jitter = TimeSpan.Zero } });

        var call = AskAsync(client);
        await handler.ArrivedAsync(1, Given.Token);
        await AdvanceAsync(TimeSpan.FromSeconds(9.9));
        handler.Requests.Count.ShouldBe(1);
        await AdvanceAsync(TimeSpan.FromSeconds(0.1));

        await call;
    }

    [Fact]
    public async Task Tokens_are_counted_by_what_the_platform_counted()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json(Answer));
        // 900 go in a minute; the first call came to 500, not the few that were estimated.
        var client = Client(handler, o => o with { TpmLimit = 1000 });

        await AskAsync(client);
        await AskAsync(client);
        var third = AskAsync(client);
        await AdvanceAsync(TimeSpan.FromSeconds(59.9));
        handler.Requests.Count.ShouldBe(2);
        await AdvanceAsync(TimeSpan.FromSeconds(0.1));

        await third;
    }

    [Fact]
    public async Task A_call_that_is_larger_than_the_limit_is_refused_at_once()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json(Answer));
        var client = Client(handler, o => o with { TpmLimit = 10 });

        (await Should.ThrowAsync<InvalidArgumentException>(() => client.Chat.CompleteAsync(new ChatCompletionRequest { Model = "m", Messages = [ChatMessage.User("q")], MaxCompletionTokens = 50 }, Given.Token))).Message.ShouldContain("TpmLimit");

        handler.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_platforms_lower_limit_is_taken_over()
    {
        var handler = new ScriptedHandler(request =>
        {
            var response = ScriptedHandler.Json(Answer)(request);
            response.Headers.Add("X-Ratelimit-Limit-Requests", "6");
            return response;
        });
        var client = Client(handler, o => o with { RpmLimit = 6000 });

        await AskAsync(client);
        var second = AskAsync(client);
        await AdvanceAsync(TimeSpan.FromSeconds(9.9));
        handler.Requests.Count.ShouldBe(1);
        await AdvanceAsync(TimeSpan.FromSeconds(0.1));

        await second;
    }

    [Fact]
    public async Task When_the_platform_says_that_the_minutes_tokens_are_used_up_it_is_believed()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json("""{"error_code":336502,"error_msg":"Rate limit reached for TPM"}"""), ScriptedHandler.Json(Answer));
        var client = Client(handler, o => o with { TpmLimit = 1000, InferenceRetry = o.InferenceRetry with { BackoffFactor = TimeSpan.Zero, Jitter = TimeSpan.Zero } });

        var call = AskAsync(client);
        await handler.ArrivedAsync(1, Given.Token);
        await AdvanceAsync(TimeSpan.FromSeconds(59.9));
        handler.Requests.Count.ShouldBe(1);
        await AdvanceAsync(TimeSpan.FromSeconds(0.1));

        await call;
    }

    [Fact]
    public async Task A_call_that_is_cancelled_while_it_waits_gives_its_place_back()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json(Answer));
        var client = Client(handler, o => o with { QpsLimit = 1 });
        await AskAsync(client);
        using var cancel = new CancellationTokenSource();
        var waiting = client.Chat.CompleteAsync(new ChatCompletionRequest { Model = "m", Messages = [] }, cancel.Token);
        await cancel.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => waiting);

        var next = AskAsync(client);
        await AdvanceAsync(TimeSpan.FromSeconds(1.2));

        await next;
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    private static Task<ChatCompletion> AskAsync(QianfanClient client) => client.Chat.CompleteAsync(new ChatCompletionRequest { Model = "m", Messages = [ChatMessage.User("q")] }, Given.Token);

    private QianfanClient Client(HttpMessageHandler handler, Func<QianfanOptions, QianfanOptions> change) => new(change(Given.Options()), new HttpClient(handler), _time);

    private async Task AdvanceAsync(TimeSpan by)
    {
        for (var i = 0; i < 50; i++)
        {
            await Task.Yield();
        }

        _time.Advance(by);
        for (var i = 0; i < 50; i++)
        {
            await Task.Yield();
        }
    }
}
