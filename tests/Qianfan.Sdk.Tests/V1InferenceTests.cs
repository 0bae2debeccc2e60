using System.Text;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Sdk.Authentication;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

public sealed class V1InferenceTests
{
    private const string Hi = """{"id":"as-1","result":"hi","is_end":true}""";
    private static readonly V1ChatRequest s_question = new() { Messages = [V1ChatMessage.User("q")] };
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task With_an_application_pair_a_token_is_fetched_kept_and_renewed_before_it_ends()
    {
        var tokens = 0;
        var handler = Platform(_ => $$"""{"access_token":"t{{++tokens}}","expires_in":3600}""");
        var client = Client(handler, o => o with { ApplicationKey = "app", ApplicationSecret = "hush" });

        await client.V1.Chat.CompleteAsync("e", s_question, Given.Token);
        _time.Advance(TimeSpan.FromMinutes(58));
        await client.V1.Chat.CompleteAsync("e", s_question, Given.Token);
        tokens.ShouldBe(1);
        _time.Advance(TimeSpan.FromMinutes(1.5));
        await client.V1.Chat.CompleteAsync("e", s_question, Given.Token);

        tokens.ShouldBe(2);
        handler.Requests[^1].RequestUri!.Query.ShouldBe("?access_token=t2");
        handler.Requests.ShouldAllBe(r => !r.Headers.Contains("Authorization"));
    }

    [Fact]
    public async Task Callers_at_the_same_moment_fetch_one_token()
    {
        var gate = new TaskCompletionSource();
        var handler = new GatedHandler(gate.Task);
        var client = Client(handler, o => o with { ApplicationKey = "app", ApplicationSecret = "hush" });
        var calls = Enumerable.Range(0, 20).Select(_ => client.V1.Chat.CompleteAsync("e", s_question, Given.Token)).ToList();

        gate.SetResult();
        await Task.WhenAll(calls);

        handler.Tokens.ShouldBe(1);
    }

    [Theory]
    [InlineData("110")]
    [InlineData("111")]
    public async Task A_refused_token_is_renewed_once_and_the_call_repeated_once(string code)
    {
        var tokens = 0;
        var handler = Platform(_ => $$"""{"access_token":"t{{++tokens}}"}""", $$"""{"error_code":{{code}},"error_msg":"no"}""");
        var client = Client(handler, o => o with { ApplicationKey = "app", ApplicationSecret = "hush" });

        (await Should.ThrowAsync<QianfanAuthenticationException>(() => client.V1.Chat.CompleteAsync("e", s_question, Given.Token))).Code.ShouldBe(code);

        tokens.ShouldBe(2);
        handler.Requests.Count.ShouldBe(4);
    }

    [Fact]
    public async Task A_wrong_pair_is_told_without_the_secret()
    {
        var handler = Platform(_ => """{"error":"invalid_client","error_description":"Client authentication failed"}""");
        var client = Client(handler, o => o with { ApplicationKey = "app", ApplicationSecret = "hush" });

        var error = await Should.ThrowAsync<QianfanAuthenticationException>(() => client.V1.Chat.CompleteAsync("e", s_question, Given.Token));

        error.ShouldSatisfyAllConditions(e => e.Code.ShouldBe(QianfanErrorCodes.InvalidClient), e => e.ApiMessage.ShouldBe("Client authentication failed"), e => e.ToString().ShouldNotContain("hush"));
        handler.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_given_token_is_used_and_not_renewed()
    {
        var handler = Platform(_ => throw new InvalidOperationException("nobody asked for a token"), """{"error_code":111,"error_msg":"expired"}""");
        var client = Client(handler, o => o with { AccessToken = "a b" });

        await Should.ThrowAsync<QianfanAuthenticationException>(() => client.V1.Chat.CompleteAsync("e", s_question, Given.Token));

        handler.Requests.Single().RequestUri!.Query.ShouldBe("?access_token=a%20b");
    }

    [Fact]
    public async Task With_the_consoles_pair_the_call_is_signed()
    {
        var handler = Platform(_ => "");
        await Client(handler, o => o).V1.Chat.CompleteAsync("e", s_question, Given.Token);

        var request = handler.Requests.Single();
        IamAuthorization.TryParse(request.Headers.GetValues("Authorization").Single(), out var authorization).ShouldBeTrue();
        List<KeyValuePair<string, string>> headers = [.. request.Headers.Concat(request.Content!.Headers).Select(h => KeyValuePair.Create(h.Key, string.Join(',', h.Value)))];
        IamSigner.Verify(authorization, "sk", "POST", "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/e", [], headers).ShouldBeTrue();
    }

    [Fact]
    public async Task A_private_deployment_takes_its_access_code_or_a_signature_of_the_application()
    {
        var handler = Platform(_ => "");
        await Client(handler, o => o with { EnablePrivate = true, AccessCode = "code", ApplicationKey = "app", ApplicationSecret = "s" }).V1.Chat.CompleteAsync("e", s_question, Given.Token);
        await Client(handler, o => o with { EnablePrivate = true, ApplicationKey = "app", ApplicationSecret = "s" }).V1.Chat.CompleteAsync("e", s_question, Given.Token);

        handler.Requests[0].Headers.GetValues("Authorization").Single().ShouldBe("ACCESSCODE code");
        handler.Requests[1].Headers.GetValues("Authorization").Single().ShouldStartWith("bce-auth-v1/app/");
    }

    [Fact]
    public async Task Without_authentication_nothing_says_who_calls()
    {
        var handler = Platform(_ => "");
        var client = Client(handler, o => o with { NoAuth = true, AccessToken = "t", ApplicationKey = "app", ApplicationSecret = "s" });
        await client.V1.Chat.CompleteAsync("e", s_question, Given.Token);
        await client.Chat.CompleteAsync(new ChatCompletionRequest { Model = "m", Messages = [] }, Given.Token);

        handler.Requests.Count.ShouldBe(2);
        handler.Requests.ShouldAllBe(r => r.RequestUri!.Query.Length == 0 && !r.Headers.Contains("Authorization"));
    }

    [Theory]
    [InlineData("ERNIE-Bot-turbo", "eb-instant")]
    [InlineData("ernie-bot", "completions")]
    [InlineData("ERNIE-4.0-8K", "completions_pro")]
    [InlineData("BLOOMZ-7B", "bloomz_7b1")]
    [InlineData("ernie-bot-8K", "ernie_bot_8k")]
    public async Task Built_in_models_have_their_endpoints_in_any_case(string model, string endpoint) =>
        (await Client(Platform(_ => ""), o => o).V1.Chat.EndpointOfAsync(model, Given.Token)).ShouldBe(endpoint);

    [Fact]
    public async Task Other_models_are_found_in_the_platforms_list_which_is_kept_for_a_while()
    {
        var lists = 0;
        var handler = new ScriptedHandler(request =>
        {
            lists++;
            return ScriptedHandler.Json("""{"log_id":"1","result":{"common":[{"name":"Mine","url":"http://x/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/kzp_mine","apiType":"chat"}],"custom":[{"name":"Odd","url":"http://x/rpc/completions/odd"}]}}""")(request);
        });
        var client = Client(handler, o => o);

        (await client.V1.Chat.EndpointOfAsync("mine", Given.Token)).ShouldBe("kzp_mine");
        (await Should.ThrowAsync<InvalidArgumentException>(async () => await client.V1.Chat.EndpointOfAsync("Odd", Given.Token))).Message.ShouldContain("Odd");
        lists.ShouldBe(1);
        _time.Advance(TimeSpan.FromMinutes(10));
        await client.V1.Chat.EndpointOfAsync("Mine", Given.Token);

        lists.ShouldBe(2);
    }

    [Fact]
    public async Task A_stream_ends_with_its_last_piece_and_is_incomplete_without()
    {
        static Func<HttpRequestMessage, HttpResponseMessage> Stream(string text) => ScriptedHandler.Stream(new MemoryStream(Encoding.UTF8.GetBytes(text)));
        const string First = "data: {\"result\":\"Hel\",\"is_end\":false,\"sentence_id\":0}\n\n";
        const string Last = "data:\t{\"result\":\"lo\",\"is_end\":true,\"sentence_id\":1}\n\n";

        var pieces = await Client(new ScriptedHandler(Stream(First + ": keep-alive\n\n" + Last)), o => o).V1.Chat.StreamAsync("e", s_question, Given.Token).ToListAsync(Given.Token);
        string.Concat(pieces.Select(p => p.Result)).ShouldBe("Hello");

        await Should.ThrowAsync<QianfanRequestException>(async () => await Client(new ScriptedHandler(Stream(First)), o => o).V1.Chat.StreamAsync("e", s_question, Given.Token).ToListAsync(Given.Token));
        (await Should.ThrowAsync<QianfanApiException>(async () => await Client(new ScriptedHandler(Stream(First + "data: {\"error_code\":336000,\"error_msg\":\"oops\"}\n\n")), o => o).V1.Chat.StreamAsync("e", s_question, Given.Token).ToListAsync(Given.Token))).Code.ShouldBe("336000");
    }

    private static ScriptedHandler Platform(Func<HttpRequestMessage, string> token, string answer = Hi) => new(request =>
        ScriptedHandler.Json(request.RequestUri!.AbsolutePath == "/oauth/2.0/token" ? token(request) : answer)(request));

    private QianfanClient Client(HttpMessageHandler handler, Func<QianfanOptions, QianfanOptions> change) =>
        new(change(Given.Options(ours: true) with { BaseUrl = "http://inference.test" }), new HttpClient(handler), _time);

    private sealed class GatedHandler(Task gate) : HttpMessageHandler
    {
        private int _tokens;

        public int Tokens => _tokens;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.AbsolutePath != "/oauth/2.0/token")
            {
                return ScriptedHandler.Json(Hi)(request);
            }

            Interlocked.Increment(ref _tokens);
            await gate.WaitAsync(cancellationToken);
            return ScriptedHandler.Json("""{"access_token":"t","expires_in":3600}""")(request);
        }
    }
}
