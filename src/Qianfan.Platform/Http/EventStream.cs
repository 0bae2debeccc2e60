using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Qianfan.Platform.Http;

/// <summary>Writes server-sent events. What is added goes out with <see cref="FlushAsync"/>.</summary>
internal sealed class EventStream(HttpContext context)
{
    private readonly PipeWriter _writer = context.Response.BodyWriter;

    /// <summary>Sends the headers.</summary>
    public async Task StartAsync()
    {
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await context.Response.StartAsync(context.RequestAborted);
        await _writer.FlushAsync(context.RequestAborted);
    }

    /// <summary>An event with an id and a name. The data is one line.</summary>
    public void Event(long id, string name, string data) =>
        Write(string.Create(CultureInfo.InvariantCulture, $"id: {id}\nevent: {name}\ndata: {data}\n\n"));

    /// <summary>An event that is only data, on one line.</summary>
    public void Data(string data) => Write($"data: {data}\n\n");

    /// <summary>A comment, which keeps the connection open.</summary>
    public void Comment(string text) => Write($": {text}\n\n");

    /// <summary>Sends what was added.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken) => await _writer.FlushAsync(cancellationToken);

    private void Write(string text) => Encoding.UTF8.GetBytes(text, _writer);
}
