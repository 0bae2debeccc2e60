using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

/// <summary>Faults of a real connection: the right exception, no hang, nothing left open. One connection is allowed, so that an answer that is not disposed makes the next call hang.</summary>
public sealed class FaultTests
{
    private const string Task1 = """{"requestId":"r","result":{"taskId":"task-1","runStatus":"Running"}}""";
    private const string Chat = """{"id":"as-1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}""";
    private const string Piece = "data: {\"id\":\"as-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    private const string StreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    private static readonly ChatCompletionRequest s_question = new() { Model = "m", Messages = [ChatMessage.User("q")] };

    public static TheoryData<string> Codes => ["1", "2", "3", "4", "6", "13", "14", "15", "17", "18", "19", "100", "110", "111", "336000", "336001", "336002", "336003", "336004", "336005", "336006", "336100", "336101", "336104", "336105", "336501", "336502", "500000", "500001", "500002", "510101", "510102", "510201", "510202", "510203", "510301", "510302", "510401", "510402", "510403", "510404"];

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Each_documented_code_is_told_and_only_the_documented_ones_are_repeated(string code)
    {
        await using var server = new LoopbackServer(LoopbackServer.Json($$"""{"error_code":{{code}},"error_msg":"told","log_id":"77"}"""));
        using var setup = new Setup(server);

        var console = await Should.ThrowAsync<QianfanApiException>(() => setup.Client.FineTuning.DescribeTaskAsync("task-1", Given.Token));
        var consoleAttempts = server.Requests.Count;
        var inference = await Should.ThrowAsync<QianfanApiException>(() => setup.Client.Chat.CompleteAsync(s_question, Given.Token));

        foreach (var error in new[] { console, inference })
        {
            error.ShouldSatisfyAllConditions(e => e.Code.ShouldBe(code), e => e.RequestId.ShouldBe("77"), e => e.ApiMessage.ShouldBe("told"));
            (error is QianfanAuthenticationException).ShouldBe(code is "13" or "14" or "110" or "111" or "500002");
            (error is QianfanRateLimitException).ShouldBe(code is "4" or "17" or "18" or "19" or "336501" or "336502");
        }

        consoleAttempts.ShouldBe(code is "336100" or "18" or "500000" ? 3 : 1);
        (server.Requests.Count - consoleAttempts).ShouldBe(code is "2" or "336100" or "18" or "336501" or "336502" or "15" ? 3 : 1);
        setup.ShouldHaveNothingLeft();
    }

    [Theory]
    [InlineData("Retry-After: 7\r\n", 7)]
    [InlineData("Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nRetry-After: Thu, 01 Jan 2026 00:00:30 GMT\r\n", 30)]
    [InlineData("Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nRetry-After: Wed, 31 Dec 2025 23:00:00 GMT\r\n", 0)]
    [InlineData("", null)]
    public async Task Retry_After_is_told_in_seconds_or_as_a_date(string header, int? seconds)
    {
        await using var server = new LoopbackServer(LoopbackServer.Json("""{"error":{"code":"rpm_rate_limit_exceeded","message":"later"},"id":"as-1"}""", 429, header));
        using var setup = new Setup(server, o => o with { InferenceRetry = o.InferenceRetry with { MaxAttempts = 1 } });

        var error = await Should.ThrowAsync<QianfanRateLimitException>(() => setup.Client.Chat.CompleteAsync(s_question, Given.Token));

        error.RetryAfter.ShouldBe(seconds is { } wait ? TimeSpan.FromSeconds(wait) : null);
        setup.ShouldHaveNothingLeft();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_that_breaks_in_the_middle_of_a_chunk_keeps_its_pieces_and_then_tells(bool reset)
    {
        await using var server = new LoopbackServer(async exchange =>
        {
            await exchange.WriteAsync(StreamHead + Chunk(Piece));
            await exchange.WriteAsync("40\r\ndata: {\"id\":\"as-1\",\"cho");
            exchange.Close(reset);
        });
        using var setup = new Setup(server);
        var pieces = new List<string>();

        await Should.ThrowAsync<QianfanRequestException>(async () =>
        {
            await foreach (var piece in setup.Client.Chat.StreamAsync(s_question, Given.Token))
            {
                pieces.Add(piece.Text);
            }
        });

        // A reset may overtake what was sent before it.
        pieces.Count.ShouldBeLessThanOrEqualTo(1);
        reset.ShouldSatisfyAllConditions(r => (r || pieces.Count == 1).ShouldBeTrue());
        await server.UntilAsync(s => s.Open == 0, Given.Token);
        setup.ShouldHaveNothingLeft();
    }

    [Fact]
    public async Task A_connection_that_is_accepted_and_never_answered_ends_with_the_timeout_of_each_attempt()
    {
        await using var server = new LoopbackServer(LoopbackServer.Silence);
        var time = new FakeTimeProvider();
        using var setup = new Setup(server, time: time);
        var call = setup.Client.FineTuning.DescribeTaskAsync("task-1", Given.Token);

        for (var attempt = 1; attempt <= 3; attempt++)
        {
            await server.UntilAsync(s => s.Requests.Count == attempt, Given.Token);
            time.Advance(TimeSpan.FromSeconds(61));
        }

        var error = await Should.ThrowAsync<QianfanRequestException>(() => call);
        error.Message.ShouldContain("in time");
        server.Requests.Count.ShouldBe(3);
        await server.UntilAsync(s => s.Open == 0, Given.Token);
        setup.ShouldHaveNothingLeft();
    }

    [Fact]
    public async Task A_stream_that_falls_silent_ends_with_the_idle_timeout()
    {
        await using var server = new LoopbackServer(async exchange =>
        {
            await exchange.WriteAsync(StreamHead + Chunk(Piece));
            await exchange.HungUpAsync();
        });
        var time = new FakeTimeProvider();
        using var setup = new Setup(server, time: time);
        await using var pieces = setup.Client.Chat.StreamAsync(s_question, Given.Token).GetAsyncEnumerator(Given.Token);
        (await pieces.MoveNextAsync()).ShouldBeTrue();
        var next = pieces.MoveNextAsync().AsTask();

        time.Advance(TimeSpan.FromSeconds(91));

        var error = await Should.ThrowAsync<QianfanRequestException>(() => next);
        error.InnerException!.Message.ShouldContain("silent");
        await server.UntilAsync(s => s.Open == 0, Given.Token);
        setup.ShouldHaveNothingLeft();
    }

    [Fact]
    public async Task A_body_that_never_ends_is_the_timeouts_matter_too()
    {
        await using var server = new LoopbackServer(async exchange =>
        {
            await exchange.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"requestId\":");
            await exchange.HungUpAsync();
        });
        var time = new FakeTimeProvider();
        using var setup = new Setup(server, o => o with { ConsoleRetry = o.ConsoleRetry with { MaxAttempts = 1 } }, time);
        var call = setup.Client.FineTuning.DescribeTaskAsync("task-1", Given.Token);
        await server.UntilAsync(s => s.Requests.Count == 1, Given.Token);

        time.Advance(TimeSpan.FromSeconds(61));

        (await Should.ThrowAsync<QianfanRequestException>(() => call)).Message.ShouldContain("in time");

        await server.UntilAsync(s => s.Open == 0, Given.Token);
        setup.ShouldHaveNothingLeft();
    }

    [Fact]
    public async Task An_answer_cut_short_is_asked_for_again()
    {
        await using var server = new LoopbackServer(
            async exchange =>
            {
                await exchange.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"requestId\":");
                exchange.Close();
            },
            LoopbackServer.Json(Task1));
        using var setup = new Setup(server);

        (await setup.Client.FineTuning.DescribeTaskAsync("task-1", Given.Token)).RunStatus.ShouldBe(FineTuningRunStatus.Running);

        server.Requests.Count.ShouldBe(2);
        setup.ShouldHaveNothingLeft();
    }

    [Fact]
    public async Task Nobody_listening_is_told_as_not_sent()
    {
        string address;
        await using (var server = new LoopbackServer(LoopbackServer.Json(Task1)))
        {
            address = server.Address;
        }

        using var client = new QianfanClient(Given.Options(ours: false) with { ConsoleBaseUrl = address });
        var request = new CreateFineTuningJobRequest { Name = "n", Model = "m", TrainMode = TrainMode.Sft };

        (await Should.ThrowAsync<QianfanRequestException>(() => client.FineTuning.CreateJobAsync(request, Given.Token))).NotSent.ShouldBeTrue();
    }

    [Fact]
    public async Task A_clock_that_is_wrong_is_set_right_once_by_the_platforms()
    {
        var now = TimeProvider.System.GetUtcNow();
        await using var server = new LoopbackServer(exchange => exchange.Request.Contains($"bce-auth-v1/ak/{now.AddHours(2):yyyy-MM-ddTHH:}", StringComparison.Ordinal)
            ? LoopbackServer.Json(Task1)(exchange)
            : LoopbackServer.Json("""{"requestId":"r","code":"RequestExpired","message":"the signature has expired"}""", 403, $"Date: {now.AddHours(2):R}\r\n")(exchange));
        using var setup = new Setup(server, o => o with { ConsoleRetry = o.ConsoleRetry with { MaxAttempts = 1 } });

        (await setup.Client.FineTuning.DescribeTaskAsync("task-1", Given.Token)).RunStatus.ShouldBe(FineTuningRunStatus.Running);
        await setup.Client.FineTuning.DescribeTaskAsync("task-1", Given.Token);

        // Refused, repeated; from then on right at once.
        server.Requests.Count.ShouldBe(3);
        setup.ShouldHaveNothingLeft();
    }

    [Fact]
    public async Task A_clock_that_is_wrong_is_told_when_setting_it_right_does_not_help()
    {
        var now = TimeProvider.System.GetUtcNow();
        await using var server = new LoopbackServer(LoopbackServer.Json("""{"requestId":"r","code":"RequestExpired","message":"expired"}""", 403, $"Date: {now.AddDays(-1):R}\r\n"));
        using var setup = new Setup(server);

        var error = await Should.ThrowAsync<QianfanAuthenticationException>(() => setup.Client.FineTuning.DescribeTaskAsync("task-1", Given.Token));

        error.ClockSkew!.Value.TotalHours.ShouldBe(24, 0.1);
        error.Message.ShouldContain("ahead of");
        server.Requests.Count.ShouldBe(2);
        setup.ShouldHaveNothingLeft();
    }

    [Fact]
    public async Task A_date_that_anybody_on_the_way_could_have_written_does_not_move_the_signatures()
    {
        var refused = ScriptedHandler.Json("""{"requestId":"r","code":"RequestExpired","message":"expired"}""", HttpStatusCode.Forbidden);
        var handler = new ScriptedHandler(request =>
        {
            var response = refused(request);
            response.Headers.Date = TimeProvider.System.GetUtcNow().AddHours(3);
            return response;
        });
        using var http = new HttpClient(handler);
        using var client = new QianfanClient(Given.Options(ours: false), http);

        var error = await Should.ThrowAsync<QianfanAuthenticationException>(() => client.FineTuning.DescribeTaskAsync("task-1", Given.Token));

        error.Message.ShouldContain("behind");
        handler.Requests.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_certificate_that_nobody_vouches_for_is_refused_unless_the_options_say_otherwise(bool verify)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        await using var server = new LoopbackServer(LoopbackServer.Json(Task1)) { Certificate = certificate };
        using var client = new QianfanClient(Given.Options(ours: false) with { ConsoleBaseUrl = server.Address.Replace("http:", "https:", StringComparison.Ordinal), SslVerificationEnabled = verify });

        if (verify)
        {
            (await Should.ThrowAsync<QianfanRequestException>(() => client.FineTuning.DescribeTaskAsync("task-1", Given.Token))).Message.ShouldContain("SecureConnectionError");
            server.Requests.ShouldBeEmpty();
        }
        else
        {
            (await client.FineTuning.DescribeTaskAsync("task-1", Given.Token)).TaskId.ShouldBe("task-1");
        }
    }

    [Fact]
    public async Task A_redirection_is_not_followed_and_says_where_it_leads()
    {
        await using var elsewhere = new LoopbackServer(LoopbackServer.Json(Task1));
        await using var server = new LoopbackServer(LoopbackServer.Json("", 307, $"Location: {elsewhere.Address}/v2/finetuning?token=secret\r\n"));
        using var setup = new Setup(server);

        var error = await Should.ThrowAsync<QianfanRequestException>(() => setup.Client.FineTuning.DescribeTaskAsync("task-1", Given.Token));

        error.Message.ShouldContain(elsewhere.Address);
        error.Message.ShouldNotContain("secret");
        elsewhere.Requests.ShouldBeEmpty();
        server.Requests.Count.ShouldBe(1);
        setup.ShouldHaveNothingLeft();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_answer_that_is_too_large_is_not_taken_into_memory(bool announced)
    {
        var body = new byte[5000];
        Array.Fill(body, (byte)' ');
        await using var server = new LoopbackServer(announced
            ? exchange => exchange.AnswerAsync(200, "application/json", body)
            : async exchange =>
            {
                await exchange.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + Chunk(Encoding.ASCII.GetString(body)));
                await exchange.HungUpAsync();
            });
        using var setup = new Setup(server, o => o with { MaxAnswerBytes = 4096 });

        var error = await Should.ThrowAsync<QianfanRequestException>(() => setup.Client.Chat.CompleteAsync(s_question, Given.Token));

        error.Message.ShouldContain("MaxAnswerBytes");
        setup.ShouldHaveNothingLeft();
    }

    [Theory]
    [InlineData("<html>welcome to the hotel</html>", "text/html")]
    [InlineData("", "application/json")]
    [InlineData("{\"choices\":", "application/json")]
    [InlineData("{\"choices\":7}", "application/json")]
    [InlineData("null", "application/json")]
    public async Task What_is_no_answer_is_told_as_such(string body, string type)
    {
        await using var server = new LoopbackServer(exchange => exchange.AnswerAsync(200, type, Encoding.UTF8.GetBytes(body)));
        using var setup = new Setup(server);

        await Should.ThrowAsync<QianfanRequestException>(() => setup.Client.Chat.CompleteAsync(s_question, Given.Token));
        await Should.ThrowAsync<QianfanRequestException>(() => setup.Client.FineTuning.DescribeTaskAsync("task-1", Given.Token));
        await Should.ThrowAsync<QianfanRequestException>(async () => await setup.Client.Chat.StreamAsync(s_question, Given.Token).ToListAsync(Given.Token));

        setup.ShouldHaveNothingLeft();
    }

    [Fact]
    public async Task A_compressed_answer_is_read()
    {
        var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionMode.Compress, leaveOpen: true))
        {
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(Chat), Given.Token);
        }

        await using var server = new LoopbackServer(exchange => exchange.AnswerAsync(200, "application/json", packed.ToArray(), "Content-Encoding: gzip\r\n"));
        using var setup = new Setup(server);

        (await setup.Client.Chat.CompleteAsync(s_question, Given.Token)).Text.ShouldBe("hi");
        server.Requests[0].ShouldContain("Accept-Encoding: gzip");
    }

    [Fact]
    public async Task An_expired_token_is_replaced_in_the_middle_of_a_run()
    {
        var tokens = 0;
        var calls = 0;
        await using var server = new LoopbackServer(exchange => exchange.Request.StartsWith("POST /oauth/2.0/token", StringComparison.Ordinal)
            ? LoopbackServer.Json($$"""{"access_token":"t{{++tokens}}","expires_in":2592000}""")(exchange)
            // The third call finds its token expired within the hour.
            : ++calls == 3
                ? LoopbackServer.Json("""{"error_code":111,"error_msg":"Access token expired"}""")(exchange)
                : LoopbackServer.Json("""{"id":"as-1","result":"hi","is_end":true}""")(exchange));
        using var setup = new Setup(server, o => o with { ApplicationKey = "app", ApplicationSecret = "app secret" });
        var question = new V1ChatRequest { Messages = [V1ChatMessage.User("q")] };

        for (var i = 0; i < 4; i++)
        {
            (await setup.Client.V1.Chat.CompleteAsync("eb-instant", question, Given.Token)).Result.ShouldBe("hi");
        }

        tokens.ShouldBe(2);
        server.Requests[0].ShouldStartWith("POST /oauth/2.0/token?grant_type=client_credentials&client_id=app&client_secret=app%20secret HTTP/1.1");
        server.Requests[^1].ShouldStartWith("POST /rpc/2.0/ai_custom/v1/wenxinworkshop/chat/eb-instant?access_token=t2 HTTP/1.1");
        setup.ShouldHaveNothingLeft();
    }

    public static TheoryData<string> Steps => ["before", "token", "headers", "body", "wait", "limit", "stream opening", "stream"];

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_call_that_is_cancelled_ends_at_once_at_every_step_and_leaves_nothing(string step)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Given.Token);
        await using var server = new LoopbackServer(step switch
        {
            "wait" => LoopbackServer.Json("""{"error_code":18,"error_msg":"qps"}"""),
            "limit" => LoopbackServer.Json(Chat),
            "body" => async exchange =>
            {
                await exchange.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{");
                await exchange.HungUpAsync();
            },
            "stream" => async exchange =>
            {
                await exchange.WriteAsync(StreamHead + Chunk(Piece));
                await exchange.HungUpAsync();
            },
            _ => LoopbackServer.Silence,
        });
        using var setup = new Setup(server, o => o with
        {
            PlatformExtensions = step != "token",
            InferenceRetry = o.InferenceRetry with { BackoffFactor = TimeSpan.FromMinutes(1) },
            RpmLimit = step == "limit" ? 1 : 0,
        });
        var calls = 0;
        async Task CallAsync()
        {
            if (step == "limit" && calls++ == 0)
            {
                await setup.Client.Chat.CompleteAsync(s_question, cancel.Token);
            }

            if (step.StartsWith("stream", StringComparison.Ordinal))
            {
                await foreach (var piece in setup.Client.Chat.StreamAsync(s_question, cancel.Token))
                {
                    calls++;
                }
            }
            else
            {
                await setup.Client.Chat.CompleteAsync(s_question, cancel.Token);
            }
        }

        if (step == "before")
        {
            await cancel.CancelAsync();
        }

        var call = CallAsync();
        if (step != "before")
        {
            await server.UntilAsync(s => s.Requests.Count == 1, Given.Token);
            await cancel.CancelAsync();
        }

        await Should.ThrowAsync<OperationCanceledException>(() => call.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Given.Token));

        server.Requests.Count.ShouldBe(step == "before" ? 0 : 1);
        if (step is not ("wait" or "limit"))
        {
            // Those two have the whole answer, and keep the connection for the next call.
            await server.UntilAsync(s => s.Open == 0, Given.Token);
        }

        setup.ShouldHaveNothingLeft();
        setup.Client.Dispose();
    }

    [Fact]
    public async Task A_hundred_faults_in_a_row_use_one_connection_at_a_time()
    {
        var number = 0;
        await using var server = new LoopbackServer(async exchange =>
        {
            switch (number++ % 5)
            {
                case 0:
                    await LoopbackServer.Json("""{"error_code":336003,"error_msg":"bad"}""")(exchange);
                    break;
                case 1:
                    await LoopbackServer.Json("oops", 500)(exchange);
                    break;
                case 2:
                    exchange.Close(reset: true);
                    break;
                case 3:
                    await exchange.WriteAsync(StreamHead + Chunk("data: {\"error\":{\"code\":\"x\",\"message\":\"y\"}}\n\n"));
                    await exchange.HungUpAsync();
                    break;
                default:
                    await exchange.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
                    exchange.Close();
                    break;
            }
        });
        using var setup = new Setup(server, o => o with { InferenceRetry = o.InferenceRetry with { MaxAttempts = 1 } });

        for (var i = 0; i < 100; i++)
        {
            await Should.ThrowAsync<QianfanException>(async () => await setup.Client.Chat.StreamAsync(s_question, Given.Token).ToListAsync(Given.Token));
        }

        server.Requests.Count.ShouldBe(100);
        setup.ShouldHaveNothingLeft();
    }

    [Fact]
    public async Task A_client_that_made_its_connection_takes_it_along()
    {
        await using var server = new LoopbackServer(LoopbackServer.Json(Task1));
        var client = new QianfanClient(Given.Options(ours: false) with { ConsoleBaseUrl = server.Address });
        await client.FineTuning.DescribeTaskAsync("task-1", Given.Token);
        server.Open.ShouldBe(1);

        client.Dispose();

        await server.UntilAsync(s => s.Open == 0, Given.Token);
    }

    [Fact]
    public async Task A_proxy_is_asked_when_the_options_name_one()
    {
        await using var proxy = new LoopbackServer(LoopbackServer.Json(Task1));
        using var client = new QianfanClient(Given.Options(ours: false) with { ConsoleBaseUrl = "http://platform.test:8866", Proxy = proxy.Address });

        await client.FineTuning.DescribeTaskAsync("task-1", Given.Token);

        proxy.Requests[0].ShouldStartWith("POST http://platform.test:8866/v2/finetuning?Action=DescribeFineTuningTask HTTP/1.1");
    }

    private static string Chunk(string text) => $"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n";

    /// <summary>A client on one connection to the server, that can tell what is left over.</summary>
    private sealed class Setup : IDisposable
    {
        private readonly CountingTimeProvider _time;
        private readonly CountingHandler _answers;
        private readonly HttpClient _http;

        public Setup(LoopbackServer server, Func<QianfanOptions, QianfanOptions>? change = null, TimeProvider? time = null)
        {
            _time = new CountingTimeProvider(time ?? TimeProvider.System);
            // Our platform's bearer tokens take no call of their own.
            var options = Given.Options(ours: true) with { ConsoleBaseUrl = server.Address, IamBaseUrl = server.Address, BaseUrl = server.Address };
            options.InferenceRetry = options.InferenceRetry with { BackoffFactor = TimeSpan.Zero, Jitter = TimeSpan.Zero };
            options = change?.Invoke(options) ?? options;
            var handler = QianfanHttp.CreateHandler(options);
            handler.MaxConnectionsPerServer = 1;
            _answers = new CountingHandler(handler);
            _http = new HttpClient(_answers) { Timeout = Timeout.InfiniteTimeSpan };
            Client = new QianfanClient(options, _http, _time);
        }

        public QianfanClient Client { get; }

        public void ShouldHaveNothingLeft()
        {
            _answers.Alive.ShouldBe(0, "answers that nobody disposed");
            _time.Alive.ShouldBe(0, "timers that still run");
        }

        public void Dispose()
        {
            Client.Dispose();
            _http.Dispose();
        }
    }
}
