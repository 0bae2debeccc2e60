using System.Net;
using System.Text;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Sdk;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Training;

// Uses what trimming could break, against answers in memory, and fails if something is gone: settings, serialization, function arguments, streams, saved pipelines.
var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
{
    ["Qianfan:BearerToken"] = "token",
    ["Qianfan:ConsoleRetry:MaxAttempts"] = "2",
}).Build();
var services = new ServiceCollection();
services.AddQianfan(configuration.GetSection("Qianfan")).ConfigurePrimaryHttpMessageHandler(() => new Answers());
services.AddQianfanChatClient("m").AddQianfanEmbeddingGenerator("e");
await using var provider = services.BuildServiceProvider();
var client = provider.GetRequiredService<QianfanClient>();
Check("settings", client.Options.ConsoleRetry.MaxAttempts == 2);

var chat = provider.GetRequiredService<IChatClient>();
var answer = await chat.GetResponseAsync("hi", new ChatOptions { AdditionalProperties = new() { ["penalty_score"] = 1.1, ["x"] = "y" } });
Check("chat", answer.Text == "你好" && answer.Usage!.TotalTokenCount == 5);
Check("call", answer.Messages[0].Contents.OfType<FunctionCallContent>().Single().Arguments!["city"]!.ToString() == "Xi'an");
Check("stream", string.Concat(await chat.GetStreamingResponseAsync("hi").Select(u => u.Text).ToListAsync()) == "ab");
Check("embedding", (await provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>().GenerateAsync(["t"]))[0].Dimensions == 2);

var trainer = new LlmFinetune(client, "ERNIE-Speed", Dataset.Load("ds-1"), new TrainConfig { Epoch = 1 });
Check("pipeline", Pipeline.Loads(trainer.Pipeline.Dumps(), client).Actions.Count == trainer.Pipeline.Actions.Count);
Console.WriteLine("All is there.");

static void Check(string what, bool works)
{
    if (!works)
    {
        throw new InvalidOperationException($"Lost in trimming: {what}.");
    }
}

internal sealed class Answers : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = await request.Content!.ReadAsStringAsync(cancellationToken);
        return request.RequestUri!.AbsolutePath switch
        {
            "/v2/embeddings" => Answer("application/json", """{"data":[{"index":0,"embedding":[1,2]}]}"""),
            _ when body.Contains("\"stream\":true", StringComparison.Ordinal) => Answer(
                "text/event-stream",
                "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"),
            _ when body.Contains("\"penalty_score\":1.1", StringComparison.Ordinal) && body.Contains("\"x\":\"y\"", StringComparison.Ordinal) => Answer(
                "application/json",
                """{"id":"1","choices":[{"message":{"role":"assistant","content":"你好","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"city\":\"Xi'an\"}"}}]}}],"usage":{"total_tokens":5}}"""),
            _ => new HttpResponseMessage(HttpStatusCode.NotFound),
        };
    }

    private static HttpResponseMessage Answer(string type, string content) => new(HttpStatusCode.OK) { Content = new StringContent(content, Encoding.UTF8, type) };
}
