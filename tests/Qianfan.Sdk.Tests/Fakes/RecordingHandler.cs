using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>Gives one answer after the other and keeps the bodies of the requests.</summary>
internal sealed class RecordingHandler(params Func<HttpResponseMessage>[] answers) : HttpMessageHandler
{
    public List<JsonNode?> Bodies { get; } = [];

    public List<HttpRequestMessage> Requests { get; } = [];

    public static Func<HttpResponseMessage> Json(string body, HttpStatusCode status = HttpStatusCode.OK) => () =>
        new HttpResponseMessage(status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    /// <summary>A stream of events; each piece is the data of one.</summary>
    public static Func<HttpResponseMessage> Events(params string[] data) => () => new HttpResponseMessage(HttpStatusCode.OK)
    {
        Content = new StringContent(string.Concat(data.Append("[DONE]").Select(d => $"data: {d}\n\n")), Encoding.UTF8, "text/event-stream"),
    };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var body = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
        Bodies.Add(body is null ? null : JsonNode.Parse(body));
        Requests.Add(request);
        return answers[Math.Min(Requests.Count - 1, answers.Length - 1)]();
    }
}
