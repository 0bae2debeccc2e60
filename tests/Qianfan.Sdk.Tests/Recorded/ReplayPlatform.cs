using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>Answers with what the official client was answered, as long as the same is asked for: method, path, query, body, kind of authorization, in the recorded order. Everything else must be one of the differences named.</summary>
internal sealed class ReplayPlatform(IReadOnlyList<Exchange> recorded, params Difference[] differences) : HttpMessageHandler
{
    private readonly Lock _sync = new();
    private readonly HashSet<Exchange> _served = [];
    private readonly HashSet<Difference> _occurred = [];
    private readonly List<string> _faults = [];
    private int _position = -1;

    /// <summary>Called after a request was answered, with its call.</summary>
    public Func<string, Task> After { get; set; } = _ => Task.CompletedTask;

    /// <summary>Fails when something recorded wasn't sent, sent in another order, or a named difference didn't occur.</summary>
    public void Verify()
    {
        foreach (var missing in recorded.Where(e => !_served.Contains(e)))
        {
            if (Array.Find(differences, d => d.Left?.Invoke(missing) == true) is { } reason)
            {
                _occurred.Add(reason);
            }
            else
            {
                _faults.Add("not sent: " + missing);
            }
        }

        _faults.AddRange(differences.Where(d => !_occurred.Contains(d)).Select(d => "this difference didn't occur: " + d.Name));
        _faults.ShouldBeEmpty();
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var text = request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken);
        var body = text.Length == 0 ? null : JsonNode.Parse(text);
        var call = $"{request.Method} {request.RequestUri!.AbsolutePath}{Uri.UnescapeDataString(request.RequestUri.Query)}";
        HttpResponseMessage answer;
        lock (_sync)
        {
            answer = Answer(call, body, request);
        }

        await After(call);
        return answer;
    }

    private HttpResponseMessage Answer(string call, JsonNode? body, HttpRequestMessage request)
    {
        var candidates = recorded.Where(e => !_served.Contains(e) && e.Call == call).ToList();
        foreach (var exchange in candidates)
        {
            if (Matches(exchange, body))
            {
                Serve(exchange, request);
                return Response(exchange.Status, Answer(exchange), exchange.IsStream);
            }
        }

        foreach (var difference in differences)
        {
            if (difference.Added?.Invoke(call, body) is { } answer)
            {
                _occurred.Add(difference);
                return Response(200, answer, false);
            }
        }

        var fault = $"not recorded: {call} {Exchange.Canonical(body)}\n  recorded are: {string.Join("\n  ", candidates)}";
        _faults.Add(fault);
        return Response(418, new JsonObject { ["error_code"] = 1, ["error_msg"] = fault }.ToJsonString(), false);
    }

    private string Answer(Exchange exchange)
    {
        foreach (var difference in differences)
        {
            if (difference.Answered?.Invoke(exchange) is { } answer)
            {
                _occurred.Add(difference);
                return answer;
            }
        }

        return exchange.Answer;
    }

    private bool Matches(Exchange exchange, JsonNode? sent)
    {
        if (sent is null && Array.Find(differences, d => d.LeftBody?.Invoke(exchange) == true) is { } left)
        {
            _occurred.Add(left);
            return true;
        }

        if (exchange.Body is not JsonObject expected || sent is not JsonObject actual)
        {
            return Exchange.Canonical(exchange.Body) == Exchange.Canonical(sent);
        }

        var meant = (JsonObject)expected.DeepClone();
        var applied = differences.Where(d => d.Changed?.Invoke(exchange, meant, actual) == true).ToList();
        if (Exchange.Canonical(meant) != Exchange.Canonical(actual))
        {
            return false;
        }

        _occurred.UnionWith(applied);
        return true;
    }

    private void Serve(Exchange exchange, HttpRequestMessage request)
    {
        _served.Add(exchange);
        if (Array.Find(differences, d => d.Moved?.Invoke(exchange) == true) is { } moved)
        {
            _occurred.Add(moved);
        }
        else if (recorded.ToList().IndexOf(exchange) is var index && index < _position)
        {
            _faults.Add($"out of order: {exchange} after {recorded[_position]}");
        }
        else
        {
            _position = index;
        }

        var scheme = request.Headers.TryGetValues("Authorization", out var authorization) ? authorization.Single().Split('/', ' ')[0] : null;
        if (scheme != exchange.Auth)
        {
            _faults.Add($"{exchange}: authorization is {scheme}, recorded is {exchange.Auth}");
        }

        var type = request.Content?.Headers.ContentType?.MediaType;
        if (request.Content is not null && type != "application/json")
        {
            _faults.Add($"{exchange}: content type is {type}");
        }

        if (exchange.AppId is not null && !(request.Headers.TryGetValues("appid", out var app) && app.Single() == exchange.AppId))
        {
            _faults.Add($"{exchange}: the header appid is missing");
        }

        if (exchange.RequestId is not null && !(request.Headers.TryGetValues("Request_id", out var id) && id.Single() == exchange.RequestId))
        {
            if (Array.Find(differences, d => d.LeftHeader == "Request_id") is { } left)
            {
                _occurred.Add(left);
            }
            else
            {
                _faults.Add($"{exchange}: the header Request_id is missing");
            }
        }
    }

    private static HttpResponseMessage Response(int status, string body, bool isStream) => new((HttpStatusCode)status)
    {
        Content = new StringContent(body, Encoding.UTF8, isStream ? "text/event-stream" : "application/json"),
    };
}
