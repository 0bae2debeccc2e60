using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using Qianfan.Sdk;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Benchmarks.Sdk;

/// <summary>A chat call over a handler in memory, beside a bare <see cref="HttpClient"/> that sends and reads the same JSON with the same records.</summary>
public class ChatBenchmark
{
    private const string Address = "http://platform.test/v2/chat/completions";

    private readonly HttpClient _http = new(new AnsweringHandler());
    private readonly ChatCompletionRequest _request = new() { Model = "qianfan-tiny", Messages = [ChatMessage.System("Answer briefly."), ChatMessage.User("你好，请介绍一下你自己。")] };
    private readonly QianfanClient _client;

    public ChatBenchmark() => _client = new QianfanClient(
        new QianfanOptions { AccessKey = "ak", SecretKey = "sk", ConsoleBaseUrl = "http://platform.test", PlatformExtensions = true }, _http);

    [Benchmark]
    public async Task<ChatCompletion> Qianfan() => await _client.Chat.CompleteAsync(_request);

    [Benchmark(Baseline = true)]
    public async Task<ChatCompletion> Bare()
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, Address)
        {
            Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(_request, QianfanJson.Wire.ChatCompletionRequest)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        message.Headers.TryAddWithoutValidation("Authorization", "Bearer bce-v3/ak/sk");
        using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead);
        var body = await response.Content.ReadAsByteArrayAsync();
        return JsonSerializer.Deserialize(body, QianfanJson.Wire.ChatCompletion)!;
    }

    internal static void Report(int rounds)
    {
        var measured = Rounds.Run<ChatBenchmark>(rounds);
        var (sdk, bare) = (measured[nameof(Qianfan)], measured[nameof(Bare)]);
        var one = new ChatBenchmark();
        var cpu = Rounds.Cpu(rounds, (nameof(Qianfan), one.Qianfan), (nameof(Bare), one.Bare));
        Figures.Print(
            "chat",
            ("added_cpu_us", Math.Round(cpu[nameof(Qianfan)] - cpu[nameof(Bare)], 2)),
            ("cpu_us", Math.Round(cpu[nameof(Qianfan)], 2)),
            ("bare_cpu_us", Math.Round(cpu[nameof(Bare)], 2)),
            ("added_us", Math.Round(sdk.Microseconds - bare.Microseconds, 2)),
            ("added_bytes", sdk.Allocated - bare.Allocated),
            ("median_us", Math.Round(sdk.Microseconds, 2)),
            ("allocated_bytes", sdk.Allocated),
            ("bare_us", Math.Round(bare.Microseconds, 2)),
            ("bare_bytes", bare.Allocated),
            ("target", "adds under 20 us and 8192 bytes"));
    }

    private sealed class AnsweringHandler : HttpMessageHandler
    {
        private static readonly byte[] s_answer = Encoding.UTF8.GetBytes(
            """{"id":"as-1","object":"chat.completion","created":1760000000,"model":"qianfan-tiny","choices":[{"index":0,"message":{"role":"assistant","content":"我是一个小模型，可以回答简单的问题。"},"finish_reason":"stop","flag":0}],"usage":{"prompt_tokens":12,"completion_tokens":14,"total_tokens":26}}""");

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new ByteArrayContent(s_answer) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        });
    }
}
