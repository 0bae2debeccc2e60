using System.ComponentModel;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace Qianfan.Sdk.Tests.Ecosystem;

public sealed class ChatClientAdapterTests
{
    private const string Answer =
        """{"id":"as-1","object":"chat.completion","created":1767225600,"model":"ernie-x","choices":[{"index":0,"message":{"role":"assistant","content":"你好"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}""";

    private const string AsksForWeather =
        """{"id":"as-2","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call-1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"西安\"}"}}]},"finish_reason":"tool_calls"}]}""";

    [Fact]
    public async Task An_answer_is_told_with_all_that_the_platform_says_of_it()
    {
        var (chat, platform) = Chat(RecordingHandler.Json(Answer));

        var response = await chat.GetResponseAsync("hi", cancellationToken: Given.Token);

        response.ShouldSatisfyAllConditions(
            r => r.Text.ShouldBe("你好"),
            r => r.Messages.Single().Role.ShouldBe(ChatRole.Assistant),
            r => r.ResponseId.ShouldBe("as-1"),
            r => r.ModelId.ShouldBe("ernie-x"),
            r => r.CreatedAt.ShouldBe(DateTimeOffset.FromUnixTimeSeconds(1767225600)),
            r => r.FinishReason.ShouldBe(ChatFinishReason.Stop),
            r => r.Usage!.InputTokenCount.ShouldBe(3),
            r => r.Usage!.OutputTokenCount.ShouldBe(2),
            r => r.Usage!.TotalTokenCount.ShouldBe(5),
            r => r.RawRepresentation.ShouldBeOfType<ChatCompletion>());
        platform.Requests.Single().RequestUri!.AbsolutePath.ShouldBe("/v2/chat/completions");
        platform.Bodies.Single()!.ToJsonString().ShouldBe("""{"model":"svc_1","messages":[{"role":"user","content":"hi"}],"stream":false}""");
    }

    [Fact]
    public async Task All_options_reach_the_wire()
    {
        var (chat, platform) = Chat(RecordingHandler.Json(Answer));
        var options = new ChatOptions
        {
            ModelId = "other",
            Instructions = "be short",
            Temperature = 0.1f,
            TopP = 0.7f,
            TopK = 5,
            FrequencyPenalty = 0.3f,
            PresencePenalty = -0.4f,
            MaxOutputTokens = 9,
            Seed = 42,
            StopSequences = ["END"],
            ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"type":"object"}"""), "shape", "a shape"),
            Tools = [AIFunctionFactory.Create(Weather, "weather")],
            ToolMode = ChatToolMode.RequireSpecific("weather"),
            AllowMultipleToolCalls = false,
            AdditionalProperties = new() { ["penalty_score"] = 1.2, ["user"] = "u-1", ["web_search"] = new Dictionary<string, object?> { ["enable"] = true } },
        };

        await chat.GetResponseAsync([new(ChatRole.User, "hi") { AuthorName = "Li" }], options, Given.Token);

        var body = platform.Bodies.Single()!.AsObject();
        body["tools"]![0]!["function"]!["parameters"]!["properties"]!["city"]!["type"]!.GetValue<string>().ShouldBe("string");
        body.Remove("tools");
        JsonNode.DeepEquals(body, JsonNode.Parse(
            """
            {"model":"other","messages":[{"role":"system","content":"be short"},{"role":"user","content":"hi","name":"Li"}],"stream":false,
             "temperature":0.1,"top_p":0.7,"top_k":5,"penalty_score":1.2,"frequency_penalty":0.3,"presence_penalty":-0.4,"max_completion_tokens":9,"stop":["END"],"seed":42,"user":"u-1",
             "tool_choice":{"type":"function","function":{"name":"weather"}},"parallel_tool_calls":false,
             "response_format":{"type":"json_schema","json_schema":{"name":"shape","description":"a shape","schema":{"type":"object"}}},"web_search":{"enable":true}}
            """)).ShouldBeTrue(body.ToJsonString());
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("none")]
    [InlineData("required")]
    public async Task Each_tool_mode_has_its_word(string word)
    {
        var (chat, platform) = Chat(RecordingHandler.Json(Answer));
        var mode = word switch { "auto" => ChatToolMode.Auto, "none" => ChatToolMode.None, _ => (ChatToolMode)ChatToolMode.RequireAny };

        await chat.GetResponseAsync("hi", new ChatOptions { Tools = [AIFunctionFactory.Create(Weather, "weather")], ToolMode = mode }, Given.Token);

        platform.Bodies.Single()!["tool_choice"]!.GetValue<string>().ShouldBe(word);
    }

    [Theory]
    [InlineData("text")]
    [InlineData("json_object")]
    public async Task Each_plain_format_has_its_word(string word)
    {
        var (chat, platform) = Chat(RecordingHandler.Json(Answer));

        await chat.GetResponseAsync("hi", new ChatOptions { ResponseFormat = word == "text" ? ChatResponseFormat.Text : ChatResponseFormat.Json }, Given.Token);

        platform.Bodies.Single()!["response_format"]!.ToJsonString().ShouldBe($$"""{"type":"{{word}}"}""");
    }

    [Fact]
    public async Task A_body_of_the_callers_own_is_kept_and_filled_up()
    {
        var (chat, platform) = Chat(RecordingHandler.Json(Answer));
        var options = new ChatOptions
        {
            Temperature = 0.5f,
            MaxOutputTokens = 7,
            RawRepresentationFactory = _ => new ChatCompletionRequest { Model = "mine", Messages = [], Temperature = 1.5, User = "u" },
        };

        await chat.GetResponseAsync("hi", options, Given.Token);

        platform.Bodies.Single()!.ToJsonString().ShouldBe("""{"model":"mine","messages":[{"role":"user","content":"hi"}],"stream":false,"temperature":1.5,"max_completion_tokens":7,"user":"u"}""");
    }

    [Fact]
    public async Task Functions_are_called_and_their_results_go_back()
    {
        var (chat, platform) = Chat(RecordingHandler.Json(AsksForWeather), RecordingHandler.Json(Answer));
        using var calling = chat.AsBuilder().UseFunctionInvocation().Build();

        var response = await calling.GetResponseAsync("天气?", new ChatOptions { Tools = [AIFunctionFactory.Create(Weather, "weather")] }, Given.Token);

        response.Text.ShouldBe("你好");
        var messages = platform.Bodies[1]!["messages"]!;
        messages.AsArray().Select(m => m!["role"]!.GetValue<string>()).ShouldBe(["user", "assistant", "tool"]);
        messages[1]!["content"].ShouldBeNull();
        messages[1]!["tool_calls"]![0]!["function"]!["arguments"]!.GetValue<string>().ShouldBe("""{"city":"西安"}""");
        messages[2]!["tool_call_id"]!.GetValue<string>().ShouldBe("call-1");
        messages[2]!["content"]!.GetValue<string>().ShouldBe("""{"city":"西安","degrees":21}""");
    }

    [Fact]
    public async Task Functions_are_called_in_a_stream_too_however_their_arguments_are_cut()
    {
        var (chat, platform) = Chat(
            RecordingHandler.Events(
                """{"id":"as-3","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"call-1","type":"function","function":{"name":"weather","arguments":"{\"ci"}}]}}]}""",
                """{"id":"as-3","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call-2","type":"function","function":{"name":"weather","arguments":"{\"city\":\"B"}}]}}]}""",
                """{"id":"as-3","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"ty\":\"A\"}"}},{"index":1,"function":{"arguments":"\"}"}}]},"finish_reason":"tool_calls"}]}"""),
            RecordingHandler.Events(
                """{"id":"as-4","model":"ernie-x","choices":[{"index":0,"delta":{"role":"assistant","content":"21"}}]}""",
                """{"id":"as-4","choices":[{"index":0,"delta":{"content":"°"},"finish_reason":"stop"}]}""",
                """{"id":"as-4","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"""));
        using var calling = chat.AsBuilder().UseFunctionInvocation().Build();

        var updates = await calling.GetStreamingResponseAsync("天气?", new ChatOptions { Tools = [AIFunctionFactory.Create(Weather, "weather")] }, Given.Token).ToListAsync(Given.Token);

        var results = platform.Bodies[1]!["messages"]!.AsArray().Where(m => m!["role"]!.GetValue<string>() == "tool").Select(m => $"{m!["tool_call_id"]} {JsonNode.Parse(m["content"]!.GetValue<string>())!["city"]}");
        results.ShouldBe(["call-1 A", "call-2 B"]);
        var response = updates.ToChatResponse();
        response.ShouldSatisfyAllConditions(
            r => r.Text.ShouldBe("21°"),
            r => r.FinishReason.ShouldBe(ChatFinishReason.Stop),
            r => r.ModelId.ShouldBe("ernie-x"),
            r => r.Usage!.TotalTokenCount.ShouldBe(5));
        platform.Bodies[0]!["stream_options"]!.ToJsonString().ShouldBe("""{"include_usage":true}""");
    }

    [Fact]
    public async Task Arguments_that_are_no_json_are_told_of_not_thrown()
    {
        var (chat, _) = Chat(RecordingHandler.Json(AsksForWeather.Replace("""{\"city\":\"西安\"}""", "{broken", StringComparison.Ordinal)));

        var response = await chat.GetResponseAsync("hi", cancellationToken: Given.Token);

        response.Messages.Single().Contents.OfType<FunctionCallContent>().Single().ShouldSatisfyAllConditions(
            c => c.CallId.ShouldBe("call-1"),
            c => c.Exception.ShouldNotBeNull());
    }

    [Fact]
    public async Task Thoughts_of_a_reasoning_model_are_apart_from_the_text()
    {
        var (chat, _) = Chat(RecordingHandler.Events(
            """{"id":"as-5","choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"hm"}}]}""",
            """{"id":"as-5","choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":"length"}]}"""));

        var response = await chat.GetStreamingResponseAsync("hi", cancellationToken: Given.Token).ToChatResponseAsync(Given.Token);

        response.Text.ShouldBe("yes");
        response.FinishReason.ShouldBe(ChatFinishReason.Length);
        response.Messages.Single().Contents.OfType<TextReasoningContent>().Single().Text.ShouldBe("hm");
    }

    [Fact]
    public async Task What_qianfan_does_not_take_is_refused_by_name()
    {
        var (chat, platform) = Chat(RecordingHandler.Json(Answer));

        (await Should.ThrowAsync<NotSupportedException>(() => chat.GetResponseAsync([new(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")])], cancellationToken: Given.Token)))
            .Message.ShouldContain("DataContent");
        (await Should.ThrowAsync<NotSupportedException>(() => chat.GetResponseAsync("hi", new ChatOptions { Tools = [new HostedWebSearchTool()] }, Given.Token)))
            .Message.ShouldContain("HostedWebSearchTool");
        (await Should.ThrowAsync<NotSupportedException>(() => chat.GetResponseAsync("hi", new ChatOptions { ConversationId = "c" }, Given.Token)))
            .Message.ShouldContain("ConversationId");
        (await Should.ThrowAsync<InvalidArgumentException>(() => chat.GetResponseAsync("hi", new ChatOptions { AdditionalProperties = new() { ["messages"] = "no" } }, Given.Token)))
            .Message.ShouldContain("messages");
        (await Should.ThrowAsync<InvalidArgumentException>(() => chat.GetResponseAsync("hi", new ChatOptions { AdditionalProperties = new() { ["temperature"] = "hot" } }, Given.Token)))
            .Message.ShouldContain("temperature");
        platform.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_platforms_errors_come_through_as_they_are()
    {
        var (chat, _) = Chat(RecordingHandler.Json("""{"error":{"code":"invalid_model","message":"no"},"id":"as-6"}""", HttpStatusCode.BadRequest));

        (await Should.ThrowAsync<QianfanApiException>(() => chat.GetResponseAsync("hi", cancellationToken: Given.Token))).Code.ShouldBe("invalid_model");
        (await Should.ThrowAsync<QianfanApiException>(async () => await chat.GetStreamingResponseAsync("hi", cancellationToken: Given.Token).ToListAsync(Given.Token))).Code.ShouldBe("invalid_model");
    }

    [Fact]
    public async Task Cancelling_ends_a_call_and_a_stream()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        var (chat, _) = Chat(RecordingHandler.Json(Answer));

        await Should.ThrowAsync<OperationCanceledException>(() => chat.GetResponseAsync("hi", cancellationToken: cancelled.Token));
        await Should.ThrowAsync<OperationCanceledException>(async () => await chat.GetStreamingResponseAsync("hi", cancellationToken: cancelled.Token).ToListAsync(Given.Token));
        await Should.ThrowAsync<OperationCanceledException>(async () => await chat.GetStreamingResponseAsync("hi", cancellationToken: Given.Token).WithCancellation(cancelled.Token).GetAsyncEnumerator().MoveNextAsync());
    }

    [Fact]
    public void It_tells_what_it_stands_on()
    {
        var client = Given.Client(new RecordingHandler());
        using var chat = client.AsIChatClient("svc_1");

        chat.GetRequiredService<ChatClientMetadata>().ShouldSatisfyAllConditions(
            m => m.ProviderName.ShouldBe("qianfan"),
            m => m.DefaultModelId.ShouldBe("svc_1"),
            m => m.ProviderUri.ShouldBe(new Uri("http://platform.test:8866")));
        chat.GetService<QianfanClient>().ShouldBeSameAs(client);
        chat.GetService<ChatClient>().ShouldBeSameAs(client.Chat);
        chat.GetService<IChatClient>().ShouldBeSameAs(chat);
        chat.GetService(typeof(QianfanClient), "key").ShouldBeNull();
        chat.GetService<string>().ShouldBeNull();
    }

    [Description("The weather of a city.")]
    private static JsonObject Weather(string city) => new() { ["city"] = city, ["degrees"] = 21 };

    private static (IChatClient Chat, RecordingHandler Platform) Chat(params Func<HttpResponseMessage>[] answers)
    {
        var platform = new RecordingHandler(answers);
        return (new QianfanClient(Given.Options() with { AccessKey = null, SecretKey = null, BearerToken = "token" }, new HttpClient(platform)).AsIChatClient("svc_1"), platform);
    }
}
