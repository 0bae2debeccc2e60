using System.Net;
using System.Text;

namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>Answers each request with the next answer of a list, and keeps the requests' headers.</summary>
internal sealed class ScriptedHandler(params Func<HttpRequestMessage, HttpResponseMessage>[] answers) : HttpMessageHandler
{
    private readonly Lock _sync = new();
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public List<HttpRequestMessage> Requests { get; } = [];

    public static Func<HttpRequestMessage, HttpResponseMessage> Json(string body, HttpStatusCode status = HttpStatusCode.OK, string? retryAfter = null) => _ =>
    {
        var response = new HttpResponseMessage(status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (retryAfter is not null)
        {
            response.Headers.TryAddWithoutValidation("Retry-After", retryAfter);
        }

        return response;
    };

    public static Func<HttpRequestMessage, HttpResponseMessage> Throws(Exception exception) => _ => throw exception;

    public static Func<HttpRequestMessage, HttpResponseMessage> Stream(Stream body) => _ =>
        new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(body) { Headers = { { "Content-Type", "text/event-stream; charset=utf-8" } } } };

    /// <summary>Ends when so many requests have come.</summary>
    public async Task ArrivedAsync(int count, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task arrived;
            lock (_sync)
            {
                if (Requests.Count >= count)
                {
                    return;
                }

                arrived = _arrived.Task;
            }

            await arrived.WaitAsync(cancellationToken);
        }
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        int index;
        lock (_sync)
        {
            index = Requests.Count;
            Requests.Add(request);
            _arrived.SetResult();
            _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        return Task.FromResult(answers[Math.Min(index, answers.Length - 1)](request));
    }
}
