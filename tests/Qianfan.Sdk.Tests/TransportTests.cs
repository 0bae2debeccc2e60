using System.Net;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Sdk.Authentication;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

public sealed class TransportTests
{
    private const string Good = """{"requestId":"r","result":{"taskId":"task-1","runStatus":"Running"}}""";
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static QianfanOptions Options => new()
    {
        AccessKey = "ak",
        SecretKey = "the secret",
        ConsoleBaseUrl = "http://platform.test:8866/",
        IamBaseUrl = "http://iam.test",
        ConsoleRetry = new RetryOptions { Codes = ["336100", "18", "500000"], BackoffFactor = TimeSpan.FromSeconds(3), Jitter = TimeSpan.Zero },
    };

    public static TheoryData<string, int> Transient => new()
    {
        { """{"error_code":336100,"error_msg":"busy","log_id":"1"}""", 200 },
        { """{"error_code":18,"error_msg":"qps","log_id":1}""", 200 },
        { """{"requestId":"r","code":"TooMany","message":"later"}""", 429 },
        { "<html>bad gateway</html>", 502 },
        { "", 503 },
    };

    [Theory]
    [MemberData(nameof(Transient))]
    public async Task What_may_pass_is_repeated_after_a_growing_wait_and_signed_anew(string body, int status)
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json(body, (HttpStatusCode)status), ScriptedHandler.Json(body, (HttpStatusCode)status), ScriptedHandler.Json(Good));
        var call = Client(handler).FineTuning.DescribeTaskAsync("task-1", Given.Token);

        await handler.ArrivedAsync(1, Given.Token);
        await AdvanceAsync(TimeSpan.FromSeconds(2.9));
        handler.Requests.Count.ShouldBe(1);
        await AdvanceAsync(TimeSpan.FromSeconds(0.1));
        await handler.ArrivedAsync(2, Given.Token);
        await AdvanceAsync(TimeSpan.FromSeconds(5.9));
        handler.Requests.Count.ShouldBe(2);
        await AdvanceAsync(TimeSpan.FromSeconds(0.1));

        (await call).RunStatus.ShouldBe(FineTuningRunStatus.Running);
        handler.Requests.Select(r => r.Headers.GetValues("x-bce-date").Single()).ShouldBe(["2026-01-01T00:00:00Z", "2026-01-01T00:00:03Z", "2026-01-01T00:00:09Z"]);
    }

    [Theory]
    [InlineData("""{"error_code":500001,"error_msg":"param invalid","log_id":"77"}""", 200, "500001", "77")]
    [InlineData("""{"log_id":"78","status":400,"success":false,"code":4001,"message":"no such dataset"}""", 200, "4001", "78")]
    [InlineData("""{"requestId":"r9","code":"InappropriateJSON","message":"param[splitRatio] invalid"}""", 400, "InappropriateJSON", "r9")]
    [InlineData("""{"error":{"code":"invalid_model","message":"no such model","type":"invalid_request_error"},"id":"as-1"}""", 400, "invalid_model", "as-1")]
    public async Task What_will_not_pass_is_told_at_once_with_code_message_and_request_id(string body, int status, string code, string requestId)
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json(body, (HttpStatusCode)status));

        var error = await Should.ThrowAsync<QianfanApiException>(() => Client(handler).FineTuning.DescribeTaskAsync("task-1", Given.Token));

        error.ShouldSatisfyAllConditions(
            e => e.Code.ShouldBe(code),
            e => e.RequestId.ShouldBe(requestId),
            e => ((int)e.StatusCode).ShouldBe(status),
            e => e.ApiMessage.ShouldNotBeEmpty(),
            e => e.ToString().ShouldNotContain("the secret"));
        handler.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("""{"requestId":"r","code":"AccessDenied","message":"no"}""", 403)]
    [InlineData("", 401)]
    [InlineData("""{"error_code":14,"error_msg":"IAM Certification failed"}""", 200)]
    public async Task Refused_credentials_are_told_as_such_and_not_repeated(string body, int status)
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json(body, (HttpStatusCode)status));

        await Should.ThrowAsync<QianfanAuthenticationException>(() => Client(handler).Models.DescribeModelAsync("amv-1", Given.Token));

        handler.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("<html/>")]
    [InlineData("{}")]
    [InlineData("""{"result":null}""")]
    [InlineData("""{"result":[]}""")]
    [InlineData("""{"result":{"runStatus":"Running"}}""")]
    public async Task An_answer_that_is_not_the_protocols_is_told_as_such(string body) =>
        await Should.ThrowAsync<QianfanRequestException>(() => Client(new ScriptedHandler(ScriptedHandler.Json(body))).FineTuning.DescribeTaskAsync("task-1", Given.Token));

    [Fact]
    public async Task Retry_After_is_waited_for()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json("""{"code":"TooMany","message":"later"}""", HttpStatusCode.TooManyRequests, "20"), ScriptedHandler.Json(Good));
        var call = Client(handler).FineTuning.DescribeTaskAsync("task-1", Given.Token);
        await handler.ArrivedAsync(1, Given.Token);

        await AdvanceAsync(TimeSpan.FromSeconds(19.9));
        handler.Requests.Count.ShouldBe(1);
        await AdvanceAsync(TimeSpan.FromSeconds(0.1));

        await call;
    }

    [Fact]
    public async Task Attempts_end_with_the_last_error()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Throws(new HttpRequestException(HttpRequestError.ConnectionError)));
        var client = new QianfanClient(Options with { ConsoleRetry = Options.ConsoleRetry with { BackoffFactor = TimeSpan.Zero } }, new HttpClient(handler));

        var error = await Should.ThrowAsync<QianfanRequestException>(() => client.FineTuning.DescribeTaskAsync("task-1", Given.Token));

        error.NotSent.ShouldBeTrue();
        error.Message.ShouldContain("platform.test:8866");
        handler.Requests.Count.ShouldBe(3);
    }

    [Fact]
    public async Task A_creation_is_not_repeated_when_it_may_have_taken_effect()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Throws(new HttpRequestException(HttpRequestError.ResponseEnded)));
        var request = new CreateFineTuningJobRequest { Name = "n", Model = "m", TrainMode = TrainMode.Sft };

        await Should.ThrowAsync<QianfanRequestException>(() => Client(handler).FineTuning.CreateJobAsync(request, Given.Token));

        handler.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_call_without_an_answer_ends_with_its_timeout()
    {
        var handler = new SilentHandler();
        var options = Options with { ConsoleRetry = Options.ConsoleRetry with { MaxAttempts = 1 } };
        var call = new QianfanClient(options, new HttpClient(handler), _time).FineTuning.DescribeTaskAsync("task-1", Given.Token);
        await handler.Arrived.Task.WaitAsync(Given.Token);

        _time.Advance(TimeSpan.FromSeconds(61));

        (await Should.ThrowAsync<QianfanRequestException>(() => call)).Message.ShouldContain("in time");
    }

    [Fact]
    public async Task A_cancelled_call_is_cancelled_not_failed()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
        var handler = new SilentHandler();
        var call = Client(handler).FineTuning.DescribeTaskAsync("task-1", cancel.Token);
        await handler.Arrived.Task.WaitAsync(Given.Token);

        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task Requests_verify_on_the_other_side()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json(Good));
        await Client(handler).FineTuning.DescribeTaskAsync("task-1", Given.Token);

        var request = handler.Requests.Single();
        IamAuthorization.TryParse(request.Headers.GetValues("Authorization").Single(), out var authorization).ShouldBeTrue();
        List<KeyValuePair<string, string>> headers = [.. request.Headers.Concat(request.Content!.Headers).Select(h => KeyValuePair.Create(h.Key, string.Join(',', h.Value)))];
        headers.ShouldContain(KeyValuePair.Create("Host", "platform.test:8866"));
        IamSigner.Verify(authorization, "the secret", "POST", "/v2/finetuning", [new("Action", "DescribeFineTuningTask")], headers).ShouldBeTrue();
        authorization.SignedHeaders.ShouldBe(["content-type", "host", "request-source", "x-bce-date"]);
    }

    [Fact]
    public async Task Without_credentials_nothing_is_sent()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json(Good));
        var client = new QianfanClient(Options with { AccessKey = null }, new HttpClient(handler));

        await Should.ThrowAsync<InvalidArgumentException>(() => client.FineTuning.DescribeTaskAsync("task-1", Given.Token));

        handler.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_bearer_token_is_fetched_with_the_pair_kept_and_renewed_before_it_ends()
    {
        var tokens = 0;
        var handler = new ScriptedHandler(request => request.RequestUri!.AbsolutePath == "/v1/BCE-BEARER/token"
            ? ScriptedHandler.Json($$"""{"userId":"u","token":"bce-v3/ALTAK-{{++tokens}}/x","expireTime":"2026-01-01T01:00:00.000Z"}""")(request)
            : ScriptedHandler.Json("""{"id":"as-1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"}}]}""")(request));
        var client = Client(handler);
        var question = new ChatCompletionRequest { Model = "m", Messages = [ChatMessage.User("q")] };

        (await client.Chat.CompleteAsync(question, Given.Token)).Text.ShouldBe("hi");
        _time.Advance(TimeSpan.FromMinutes(59));
        await client.Chat.CompleteAsync(question, Given.Token);
        tokens.ShouldBe(1);
        _time.Advance(TimeSpan.FromSeconds(51));
        await client.Chat.CompleteAsync(question, Given.Token);

        tokens.ShouldBe(2);
        var fetch = handler.Requests[0];
        fetch.RequestUri!.ToString().ShouldBe("http://iam.test/v1/BCE-BEARER/token?expireInSeconds=43200");
        fetch.Headers.GetValues("Authorization").Single().ShouldStartWith("bce-auth-v1/ak/");
        handler.Requests[^1].Headers.GetValues("Authorization").Single().ShouldBe("Bearer bce-v3/ALTAK-2/x");
    }

    [Fact]
    public async Task A_token_that_was_revoked_is_replaced_once()
    {
        var tokens = 0;
        var handler = new ScriptedHandler(request => request.RequestUri!.AbsolutePath == "/v1/BCE-BEARER/token"
            ? ScriptedHandler.Json($$"""{"token":"t{{++tokens}}","expireTime":"2026-01-01T12:00:00.000Z"}""")(request)
            : ScriptedHandler.Json("""{"error":{"code":"invalid_iam_token","message":"expired"},"id":"as-1"}""", HttpStatusCode.Unauthorized)(request));

        await Should.ThrowAsync<QianfanAuthenticationException>(() => Client(handler).Chat.CompleteAsync(new ChatCompletionRequest { Model = "m", Messages = [] }, Given.Token));

        tokens.ShouldBe(2);
        handler.Requests.Count.ShouldBe(4);
    }

    [Fact]
    public async Task Our_platform_takes_the_pair_as_a_token_and_the_cloud_never_sees_the_secret()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json("""{"data":[{"index":0,"embedding":[0.5,1]}]}"""));
        var client = new QianfanClient(Options with { PlatformExtensions = true, AppId = "app-1" }, new HttpClient(handler), _time);

        (await client.Embeddings.CreateAsync(new EmbeddingRequest { Model = "m", Input = ["a"] }, Given.Token)).Data.Single().Embedding.ShouldBe([0.5f, 1f]);

        handler.Requests.Single().Headers.GetValues("Authorization").Single().ShouldBe("Bearer bce-v3/ak/the secret");
        handler.Requests.Single().Headers.GetValues("appid").Single().ShouldBe("app-1");
    }

    [Fact]
    public void Options_and_tokens_show_no_secret_as_text()
    {
        Options.ToString().ShouldNotContain("the secret");
        new BearerToken { Token = "bce-v3/x" }.ToString().ShouldNotContain("bce-v3/x");
    }

    [Fact]
    public void Settings_come_from_the_environment_by_their_official_names()
    {
        var variables = new Dictionary<string, string> { ["QIANFAN_ACCESS_KEY"] = "a", ["QIANFAN_SECRET_KEY"] = "s", ["QIANFAN_CONSOLE_API_BASE_URL"] = "http://here", ["QIANFAN_APP_ID"] = "" };
        var options = QianfanOptions.FromEnvironment(name => variables.GetValueOrDefault(name));
        options.ShouldSatisfyAllConditions(
            o => o.AccessKey.ShouldBe("a"),
            o => o.SecretKey.ShouldBe("s"),
            o => o.ConsoleBaseUrl.ShouldBe("http://here"),
            o => o.AppId.ShouldBeNull(),
            o => o.BaseUrl.ShouldBe("https://aip.baidubce.com"));
    }

    [Fact]
    public async Task Ids_are_read_from_integers_and_unknown_states_are_kept()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Json("""{"log_id":12,"result":{"modelId":12094,"modelVersionId":"14997","state":"Thinking","surprise":{}}}"""));
        var version = await Client(handler).Models.GetModelVersionDetailAsync("14997", Given.Token);
        version.ShouldSatisfyAllConditions(v => v.ModelId.ShouldBe("12094"), v => v.ModelVersionId.ShouldBe("14997"), v => v.State.Value.ShouldBe("Thinking"), v => v.State.ShouldNotBe(ModelVersionState.Ready));
    }

    [Fact]
    public async Task Objects_are_put_into_the_bucket_with_a_signature()
    {
        var handler = new ScriptedHandler(_ => new HttpResponseMessage(HttpStatusCode.OK));
        var address = await Client(handler).Bos.PutObjectAsync("bucket", "qianfan/我 rows.jsonl", Given.File("{}"), Given.Token);

        address.ShouldBe("bos:/bucket/qianfan/我 rows.jsonl");
        var request = handler.Requests.Single();
        request.RequestUri!.AbsoluteUri.ShouldBe("https://bj.bcebos.com/bucket/qianfan/%E6%88%91%20rows.jsonl");
        request.Headers.GetValues("Authorization").Single().ShouldStartWith("bce-auth-v1/ak/");
    }

    private QianfanClient Client(HttpMessageHandler handler) => new(Options, new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan }, _time);

    /// <summary>The wait begins a moment after the answer came; the clock only moves once somebody waits for it.</summary>
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

    private sealed class SilentHandler : HttpMessageHandler
    {
        public TaskCompletionSource Arrived { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Arrived.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            throw new InvalidOperationException("An endless wait ended.");
        }
    }
}
