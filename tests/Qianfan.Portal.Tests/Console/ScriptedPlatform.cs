using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Hosting;

namespace Qianfan.Portal.Tests.Console;

/// <summary>A platform that answers as a test wants, behind the HTTP clients of the embedded one and of others: the SDK in front of it is the real one.</summary>
public sealed class ScriptedPlatform : HttpMessageHandler
{
    private readonly ConcurrentQueue<(string What, string Body)> _requests = new();

    /// <summary>What was asked, in order: method, path and Action, such as <c>POST /v2/service DeleteService</c>.</summary>
    public IReadOnlyList<string> Asked => [.. _requests.Select(r => r.What)];

    /// <summary>Answers by what is asked; these go before the usual ones. Given the request's body.</summary>
    public ConcurrentDictionary<string, Func<string, HttpResponseMessage>> Answers { get; } = new();

    /// <summary>Completes when a dataset is deleted; carries its id's request.</summary>
    public TaskCompletionSource<string> DatasetDeleted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Bodies of the requests of one kind.</summary>
    public IReadOnlyList<string> BodiesOf(string what) => [.. _requests.Where(r => r.What == what).Select(r => r.Body)];

    /// <summary>A portal whose embedded platform this is.</summary>
    public PortalFactory CreatePortal() => new()
    {
        ConfigureServices = Replace,
    };

    /// <summary>Puts it in the place of the embedded platform, and of all others.</summary>
    public void Replace(IServiceCollection services)
    {
        foreach (var client in new[] { PlatformHosting.EmbeddedClient, PlatformClients.RemoteClient })
            services.AddHttpClient(client).ConfigurePrimaryHttpMessageHandler(() => this);
    }

    /// <summary>A JSON answer.</summary>
    public static HttpResponseMessage Json(string json, HttpStatusCode status = HttpStatusCode.OK) =>
        new(status) { Content = new StringContent(json, Encoding.UTF8, "application/json") };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var action = System.Web.HttpUtility.ParseQueryString(request.RequestUri!.Query)["Action"];
        var what = $"{request.Method} {request.RequestUri.AbsolutePath}{(action is null ? "" : $" {action}")}";
        var body = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        _requests.Enqueue((what, body));
        if (Answers.TryGetValue(what, out var answer))
            return answer(body);
        switch (what)
        {
            case "POST /v1/files":
                return Json("""{"id":"file-1","object":"file","bytes":1,"created_at":1,"filename":"rows.jsonl","purpose":"fine-tune","status":"processed"}""");
            case "DELETE /v1/files/file-1":
                return Json("""{"id":"file-1","object":"file","deleted":true}""");
            case "POST /wenxinworkshop/dataset/create":
                return Dataset("""{"datasetId":"ds-1"}""");
            case "POST /wenxinworkshop/dataset/import" or "POST /wenxinworkshop/dataset/release":
                return Dataset("true");
            case "POST /wenxinworkshop/dataset/info":
                return Info(importStatus: 2);
            case "POST /wenxinworkshop/dataset/delete":
                DatasetDeleted.TrySetResult(body);
                return Dataset("""{"versionCount":0}""");
            case "POST /v2/model DeleteModel" or "POST /v2/model DeleteModelSet" or "POST /v2/service StopService" or "POST /v2/service StartService" or "POST /v2/service DeleteService":
                return Json("""{"requestId":"r-1","result":true}""");
            default:
                return Json($$"""{"requestId":"r-1","code":"NotFound","message":"{{what}} does not exist"}""", HttpStatusCode.NotFound);
        }
    }

    /// <summary>The state of a dataset.</summary>
    public static HttpResponseMessage Info(int importStatus) =>
        Dataset($$$"""{"name":"x","versionInfo":{"datasetPK":"ds-1","importStatus":{{{importStatus}}},"releaseStatus":2,"templateType":2000,"projectType":20,"entityCount":2,"importErrorInfo":"the disk is full"}}""");

    private static HttpResponseMessage Dataset(string result) => Json($$"""{"log_id":"1","status":200,"success":true,"result":{{result}}}""");
}

/// <summary>A chat answer that a test sends piece by piece, and that tells when the portal lets go of it.</summary>
public sealed class ScriptedAnswer
{
    private readonly Pipe _pipe = new();

    /// <summary>Completes when the portal closes the stream.</summary>
    public TaskCompletionSource Closed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The response whose body this is.</summary>
    public HttpResponseMessage Response
    {
        get
        {
            var content = new StreamContent(new NoticedStream(_pipe.Reader.AsStream(), Closed));
            content.Headers.ContentType = new("text/event-stream");
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
        }
    }

    /// <summary>Sends a piece of the answer.</summary>
    public Task SayAsync(string text, string? finishReason = null) =>
        SendAsync($$$"""data: {"id":"as-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":{{{System.Text.Json.JsonSerializer.Serialize(text)}}} },"finish_reason":{{{(finishReason is null ? "null" : $"\"{finishReason}\"")}}} }]}""" + "\n\n");

    /// <summary>Sends anything.</summary>
    public async Task SendAsync(string text) => await _pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(text), TestContext.Current.CancellationToken);

    /// <summary>Sends raw bytes, such as half of a character.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await _pipe.Writer.WriteAsync(bytes, TestContext.Current.CancellationToken);

    /// <summary>Ends the answer properly.</summary>
    public async Task EndAsync()
    {
        await SendAsync("""data: {"id":"as-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}""" + "\n\ndata: [DONE]\n\n");
        await _pipe.Writer.CompleteAsync();
    }

    private sealed class NoticedStream(Stream inner, TaskCompletionSource closed) : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
            // Nothing is written to it.
        }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);
        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => inner.ReadAsync(buffer, offset, count, cancellationToken);
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            closed.TrySetResult();
            base.Dispose(disposing);
        }
    }
}
