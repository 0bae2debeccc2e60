using System.Text;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests;

public sealed class ChatStreamTests
{
    private const string Answer =
        """
        : keep-alive

        data: {"id":"as-1","choices":[{"index":0,"delta":{"role":"assistant","content":"你好"}}]}

        data:{"id":"as-1","choices":[{"index":0,"delta":{"content":"，世界 😀"}}]}

        data: {"id":"as-1","choices":[{"index":0,"delta":{"content":"!"},"finish_reason":"stop"}],
        data: "usage":{"prompt_tokens":1,"completion_tokens":3,"total_tokens":4}}

        data: [DONE]


        """;

    private static readonly ChatCompletionRequest s_question = new() { Model = "svc_1", Messages = [ChatMessage.User("hi")] };

    public static TheoryData<int, string> Cuts
    {
        get
        {
            var data = new TheoryData<int, string>();
            foreach (var newline in new[] { "\n", "\r\n", "\r" })
            {
                foreach (var size in new[] { 1, 2, 3, 5, 7, 11, 64, 100_000 })
                {
                    data.Add(size, newline);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task A_stream_reads_the_same_however_it_is_cut(int size, string newline)
    {
        var bytes = Encoding.UTF8.GetBytes(Answer.ReplaceLineEndings(newline));
        var chunks = await ReadAsync(new CutStream(bytes, _ => size));

        string.Concat(chunks.Select(c => c.Text)).ShouldBe("你好，世界 😀!");
        chunks[^1].ShouldSatisfyAllConditions(c => c.Choices[0].FinishReason.ShouldBe("stop"), c => c.Usage!.TotalTokens.ShouldBe(4));
    }

    [Fact]
    public async Task A_stream_reads_the_same_under_random_cuts()
    {
        var bytes = Encoding.UTF8.GetBytes(Answer);
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var chunks = await ReadAsync(new CutStream(bytes, _ => random.Next(1, 20)));
            string.Concat(chunks.Select(c => c.Text)).ShouldBe("你好，世界 😀!", $"seed {seed}");
        }
    }

    [Fact]
    public async Task A_stream_that_breaks_keeps_its_pieces_and_then_tells()
    {
        var bytes = Encoding.UTF8.GetBytes(Answer)[..120];
        var pieces = new List<string>();

        await Should.ThrowAsync<QianfanRequestException>(async () =>
        {
            await foreach (var chunk in Client(ScriptedHandler.Stream(new CutStream(bytes, _ => 9, new IOException("reset")))).Chat.StreamAsync(s_question, Given.Token))
            {
                pieces.Add(chunk.Text);
            }
        });

        pieces.ShouldBe(["你好"]);
    }

    [Fact]
    public async Task A_stream_that_just_ends_is_not_taken_for_a_whole_answer()
    {
        var bytes = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"u8.ToArray();
        await Should.ThrowAsync<QianfanRequestException>(() => ReadAsync(new CutStream(bytes, _ => 100)));
    }

    [Fact]
    public async Task An_error_inside_the_stream_is_raised()
    {
        var bytes = "data: {\"error\":{\"code\":\"context_length\",\"message\":\"too long\"},\"id\":\"as-2\"}\n\n"u8.ToArray();
        var error = await Should.ThrowAsync<QianfanApiException>(() => ReadAsync(new CutStream(bytes, _ => 100)));
        error.ShouldSatisfyAllConditions(e => e.Code.ShouldBe("context_length"), e => e.RequestId.ShouldBe("as-2"));
    }

    [Fact]
    public async Task An_error_in_place_of_a_stream_is_raised()
    {
        var client = Client(ScriptedHandler.Json("""{"error":{"code":"invalid_messages","message":"odd"},"id":"as-3"}""", System.Net.HttpStatusCode.BadRequest));
        var error = await Should.ThrowAsync<QianfanApiException>(async () => await client.Chat.StreamAsync(s_question, Given.Token).ToListAsync(Given.Token));
        error.Code.ShouldBe("invalid_messages");
    }

    [Fact]
    public async Task A_silent_stream_is_taken_for_broken()
    {
        var time = new FakeTimeProvider();
        var silent = new SilentStream();
        var client = new QianfanClient(Given.Options(), new HttpClient(new ScriptedHandler(ScriptedHandler.Stream(silent))), time);
        var reading = client.Chat.StreamAsync(s_question, Given.Token).ToListAsync(Given.Token).AsTask();
        await silent.Reading.Task.WaitAsync(Given.Token);

        time.Advance(TimeSpan.FromSeconds(91));

        await Should.ThrowAsync<QianfanRequestException>(() => reading);
    }

    [Fact]
    public async Task Leaving_early_closes_the_connection()
    {
        var stream = new CutStream(Encoding.UTF8.GetBytes(Answer), _ => 50);
        await foreach (var chunk in Client(ScriptedHandler.Stream(stream)).Chat.StreamAsync(s_question, Given.Token))
        {
            chunk.Text.ShouldBe("你好");
            break;
        }

        stream.Disposed.ShouldBeTrue();
    }

    [Fact]
    public async Task The_request_is_the_recorded_one()
    {
        var handler = new ScriptedHandler(ScriptedHandler.Stream(new CutStream(Encoding.UTF8.GetBytes(Answer), _ => 100)));
        string? body = null;
        var spy = new BodySpy(handler, text => body = text);
        var client = new QianfanClient(Given.Options(), new HttpClient(spy));

        await client.Chat.StreamAsync(s_question with { StreamOptions = new ChatStreamOptions { IncludeUsage = true }, Temperature = 0.1 }, Given.Token).ToListAsync(Given.Token);

        handler.Requests.Single().RequestUri!.AbsolutePath.ShouldBe("/v2/chat/completions");
        body.ShouldBe("""{"model":"svc_1","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true},"temperature":0.1}""");
    }

    private static QianfanClient Client(Func<HttpRequestMessage, HttpResponseMessage> answer) => new(Given.Options(), new HttpClient(new ScriptedHandler(answer)));

    private static async Task<List<ChatCompletionChunk>> ReadAsync(Stream stream) =>
        await Client(ScriptedHandler.Stream(stream)).Chat.StreamAsync(s_question, Given.Token).ToListAsync(Given.Token);

    private sealed class CutStream(byte[] content, Func<int, int> size, Exception? end = null) : MemoryStream(content)
    {
        public bool Disposed { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position == Length && end is not null)
            {
                throw end;
            }

            return base.ReadAsync(buffer[..Math.Min(size((int)Position), buffer.Length)], cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            Disposed = true;
            base.Dispose(disposing);
        }
    }

    private sealed class SilentStream : MemoryStream
    {
        public TaskCompletionSource Reading { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Reading.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            return 0;
        }
    }
}
