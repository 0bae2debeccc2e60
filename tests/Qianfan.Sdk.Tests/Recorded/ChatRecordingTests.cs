using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>The inference scenarios of the recordings: V1 with a signature, with an OAuth token, V2 with a bearer token.</summary>
public sealed class ChatRecordingTests
{
    [Fact]
    public async Task Chat_iam()
    {
        var (client, platform) = Client("chat_iam", Differences.ExtraParameters, Differences.RequestId);

        var request = Ask("你好") with { Temperature = 0.5, TopP = 0.9, System = "be brief", UserId = "u1" };
        (await client.V1.Chat.CompleteAsync(await client.V1.Chat.EndpointOfAsync("ERNIE-Lite-8K", Given.Token), request, Given.Token)).Result.ShouldBe("ernie-lite-8k heard 你好");
        (await client.V1.Chat.CompleteAsync("my_endpoint", Ask("hello"), Given.Token)).Usage!.TotalTokens.ShouldBeGreaterThan(0);
        (await Text(client.V1.Chat.StreamAsync(await client.V1.Chat.EndpointOfAsync("ERNIE-Speed", Given.Token), Ask("hello"), Given.Token))).ShouldContain("ernie_speed heard");
        var called = await client.V1.Chat.CompleteAsync(
            await client.V1.Chat.EndpointOfAsync("ERNIE-Bot", Given.Token),
            Ask("paper") with { Functions = [new V1Function { Name = "paper_search", Description = "d", Parameters = JsonSerializer.SerializeToElement(JsonDocument.Parse("""{"type":"object","properties":{}}""").RootElement) }] },
            Given.Token);
        called.FunctionCall!.Name.ShouldBe("paper_search");
        platform.Verify();
    }

    [Fact]
    public async Task Chat_oauth()
    {
        var (client, platform) = Client("chat_oauth", Application, Differences.ExtraParameters);

        (await client.V1.Chat.CompleteAsync("ernie_speed", Ask("hello"), Given.Token)).Result.ShouldNotBeNullOrEmpty();
        (await Text(client.V1.Chat.StreamAsync("ernie_speed", Ask("hello"), Given.Token))).ShouldNotBeEmpty();
        (await Should.ThrowAsync<QianfanApiException>(() => client.V1.Chat.CompleteAsync("error", Ask("hello"), Given.Token))).Code.ShouldBe("3");
        var two = new V1ChatRequest { Messages = [V1ChatMessage.User("a"), V1ChatMessage.User("b")] };
        (await Should.ThrowAsync<QianfanApiException>(() => client.V1.Chat.CompleteAsync("ernie_speed", two, Given.Token))).Code.ShouldBe("336003");
        platform.Verify();
    }

    [Fact]
    public async Task Chat_retry()
    {
        var (client, platform) = Client("chat_retry", Differences.ExtraParameters);

        (await client.V1.Chat.CompleteAsync("test_retry_h1", Ask("hello"), Given.Token)).Result.ShouldNotBeNullOrEmpty();
        platform.Verify();
    }

    [Fact]
    public async Task Oauth_bad()
    {
        var (client, platform) = Client("oauth_bad", Application);

        (await Should.ThrowAsync<QianfanAuthenticationException>(() => client.V1.Chat.CompleteAsync("ernie_speed", Ask("hello"), Given.Token))).Message.ShouldContain("Client authentication failed");
        platform.Verify();
    }

    [Fact]
    public async Task Token_expired()
    {
        var (client, platform) = Client("token_expired", Application, Differences.ExtraParameters, Differences.TokenFirst);

        (await client.V1.Chat.CompleteAsync("ernie_speed", Ask("hello"), Given.Token)).Result.ShouldNotBeNullOrEmpty();
        platform.Verify();
    }

    [Fact]
    public async Task Completion_embedding()
    {
        var (client, platform) = Client("completion_embedding", Differences.ExtraParameters, Differences.NoTokenizer);

        (await client.V1.Completions.CompleteAsync("my_comp", new V1CompletionRequest { Prompt = "once upon" }, Given.Token)).Result.ShouldNotBeNullOrEmpty();
        await foreach (var piece in client.V1.Completions.StreamAsync("my_comp", new V1CompletionRequest { Prompt = "once upon" }, Given.Token))
        {
            piece.Result.ShouldNotBeNull();
        }

        (await client.V1.Chat.CompleteAsync("ernie_speed", Ask("simulated by chat"), Given.Token)).Result.ShouldNotBeNullOrEmpty();
        var vectors = await client.V1.Embeddings.CreateAsync(await client.V1.Embeddings.EndpointOfAsync("Embedding-V1", Given.Token), new V1EmbeddingRequest { Input = ["abc", "def"] }, Given.Token);
        vectors.Data.Count.ShouldBe(2);
        await client.V1.Embeddings.CreateAsync("my_emb", new V1EmbeddingRequest { Input = ["abc"], UserId = "u" }, Given.Token);
        platform.Verify();
    }

    [Fact]
    public async Task Chat_v2()
    {
        var (client, platform) = Client("chat_v2", o => o with { AppId = "app-x" }, Differences.ExtraParameters, Differences.EmbeddingExtras, Differences.TokenBody);

        var answer = await client.Chat.CompleteAsync(new ChatCompletionRequest { Model = "ernie-3.5-8k", Messages = [ChatMessage.User("hello")], Temperature = 0.1 }, Given.Token);
        answer.Choices[0].Message!.Content.ShouldNotBeNullOrEmpty();
        var streamed = new ChatCompletionRequest { Model = "ernie-lite-8k", Messages = [ChatMessage.User("hello")], StreamOptions = new ChatStreamOptions { IncludeUsage = true } };
        var pieces = 0;
        await foreach (var piece in client.Chat.StreamAsync(streamed, Given.Token))
        {
            pieces++;
        }

        pieces.ShouldBeGreaterThan(1);
        var two = new ChatCompletionRequest { Model = "ernie-lite-8k", Messages = [ChatMessage.User("a"), ChatMessage.User("b")] };
        var refused = await Should.ThrowAsync<QianfanApiException>(() => client.Chat.CompleteAsync(two, Given.Token));
        refused.Code.ShouldBe("invalid_argument", refused.Message);

        // A new process: the token is fetched anew.
        var second = new QianfanClient(client.Options with { AppId = null }, new HttpClient(platform), RecordingTime);
        await Should.ThrowAsync<QianfanException>(() => second.Embeddings.CreateAsync(new EmbeddingRequest { Model = "embedding-v1", Input = ["abc"], User = "u1" }, Given.Token));
        platform.Verify();
    }

    /// <summary>When the recorded tokens were valid.</summary>
    private static FakeTimeProvider RecordingTime => new(new DateTimeOffset(2026, 11, 23, 7, 28, 5, TimeSpan.Zero));

    private static V1ChatRequest Ask(string question) => new() { Messages = [V1ChatMessage.User(question)] };

    private static async Task<string> Text(IAsyncEnumerable<V1ChatResponse> pieces)
    {
        var text = "";
        await foreach (var piece in pieces)
        {
            text += piece.Result;
        }

        return text;
    }

    /// <summary>The recordings hold placeholders for secrets.</summary>
    private static QianfanOptions Application(QianfanOptions options) => options with { ApplicationKey = "<AK>", ApplicationSecret = "<SK>" };

    private static (QianfanClient Client, ReplayPlatform Platform) Client(string scenario, params Difference[] differences) => Client(scenario, o => o, differences);

    private static (QianfanClient Client, ReplayPlatform Platform) Client(string scenario, Func<QianfanOptions, QianfanOptions> change, params Difference[] differences)
    {
        var platform = new ReplayPlatform(Exchange.Of(scenario), differences);
        var options = Given.Options(ours: false);
        options = options with { InferenceRetry = options.InferenceRetry with { BackoffFactor = TimeSpan.Zero, Jitter = TimeSpan.Zero }, BaseUrl = "http://inference.test" };
        return (new QianfanClient(change(options), new HttpClient(platform), RecordingTime), platform);
    }
}
