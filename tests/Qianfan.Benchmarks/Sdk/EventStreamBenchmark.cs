using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using Qianfan.Sdk;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Benchmarks.Sdk;

/// <summary>The parser of server-sent events over a chat answer in memory: with texts made of the data, with its bytes only, with the records read from them, and all that the chat client does.</summary>
internal static class EventStreamBenchmark
{
    public static async Task ReportAsync(int rounds)
    {
        var stream = ChatStream(megabytes: 32);
        byte[] answer = [.. stream, .. "data: [DONE]\n\n"u8];
        var lines = new List<double>();
        var texts = new List<double>();
        var bytes = new List<double>();
        var records = new List<double>();
        var chats = new List<double>();
        for (var round = 0; round < rounds + 1; round++)
        {
            // The first round only warms up.
            var keep = round > 0;
            Add(lines, keep, await MeasureAsync(stream, SplitAsync));
            Add(texts, keep, await MeasureAsync(stream, s => CountAsync(SseParser.Create(s), item => item.Data.Length)));
            Add(bytes, keep, await MeasureAsync(stream, s => CountAsync(SseParser.Create(s, (_, data) => data.Length), item => item.Data)));
            Add(records, keep, await MeasureAsync(stream, s => CountAsync(SseParser.Create(s, (_, data) => JsonSerializer.Deserialize(data, QianfanJson.Wire.ChatCompletionChunk)), item => item.Data!.Choices.Count)));
            Add(chats, keep, await MeasureAsync(answer, ChatAsync));
        }

        Figures.Print(
            "sse",
            ("bytes_mb_per_core_second", Math.Round(Figures.Median(bytes))),
            ("texts_mb_per_core_second", Math.Round(Figures.Median(texts))),
            ("records_mb_per_core_second", Math.Round(Figures.Median(records))),
            ("chat_client_mb_per_core_second", Math.Round(Figures.Median(chats))),
            ("line_splitting_alone_mb_per_core_second", Math.Round(Figures.Median(lines))),
            ("target", "200 MB/s or more per core"));

        static void Add(List<double> list, bool keep, double value)
        {
            if (keep)
            {
                list.Add(value);
            }
        }
    }

    /// <summary>Megabytes for each second of processor time. The kernel counts that in steps of 10 ms, so that one pass would be too short.</summary>
    private static async Task<double> MeasureAsync(byte[] stream, Func<Stream, Task<long>> parse)
    {
        var (before, passes) = (Cpu(), 0);
        TimeSpan spent;
        do
        {
            using var input = new MemoryStream(stream, writable: false);
            if (await parse(input) == 0)
            {
                throw new InvalidOperationException("There were no events.");
            }

            passes++;
            spent = Cpu() - before;
        }
        while (spent < TimeSpan.FromMilliseconds(500));
        return passes * (stream.Length / 1e6) / spent.TotalSeconds;
    }

    /// <summary>All of the SDK's way, from the answer's bytes to the caller's chunks.</summary>
    private static async Task<long> ChatAsync(Stream stream)
    {
        using var http = new HttpClient(new StreamingHandler(stream));
        var client = new QianfanClient(new QianfanOptions { AccessKey = "ak", SecretKey = "sk", ConsoleBaseUrl = "http://platform.test", PlatformExtensions = true }, http);
        var count = 0L;
        await foreach (var chunk in client.Chat.StreamAsync(new ChatCompletionRequest { Model = "m", Messages = [ChatMessage.User("q")] }))
        {
            count += chunk.Choices.Count;
        }

        return count;
    }

    private static TimeSpan Cpu() => Process.GetCurrentProcess().TotalProcessorTime;

    private static async Task<long> CountAsync<T>(SseParser<T> parser, Func<SseItem<T>, int> size)
    {
        var count = 0L;
        await foreach (var item in parser.EnumerateAsync())
        {
            count += size(item) >= 0 ? 1 : 0;
        }

        return count;
    }

    private static async Task<long> SplitAsync(Stream stream)
    {
        var buffer = new byte[64 * 1024];
        var count = 0L;
        int read;
        while ((read = await stream.ReadAsync(buffer)) > 0)
        {
            var rest = buffer.AsMemory(0, read);
            int end;
            while ((end = rest.Span.IndexOf((byte)'\n')) >= 0)
            {
                count++;
                rest = rest[(end + 1)..];
            }
        }

        return count;
    }

    private static byte[] ChatStream(int megabytes)
    {
        string[] pieces = ["模型", "训练完成", " The lantern", " is a", "自行车", "。\\n", " and so on"];
        using var stream = new MemoryStream();
        for (var i = 0; stream.Length < megabytes * 1_000_000L; i++)
        {
            stream.Write(Encoding.UTF8.GetBytes(
                $"data: {{\"id\":\"as-bcmt5ct4iy\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"qianfan-tiny\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{pieces[i % pieces.Length]}\"}},\"flag\":0}}]}}\n\n"));
        }

        return stream.ToArray();
    }

    private sealed class StreamingHandler(Stream body) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new StreamContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("text/event-stream") } },
        });
    }
}
