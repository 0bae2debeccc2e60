using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Qianfan.Sdk.Authentication;

namespace Qianfan.Sdk.Http;

/// <summary>Sends calls: signs each attempt anew, repeats what may be repeated, turns every failure into one of our exceptions. Thread-safe.</summary>
internal sealed class QianfanTransport
{
    private static readonly string s_requestSource = "qianfan_csharp_sdk_v" + Version();
    private static readonly MediaTypeHeaderValue s_json = new("application/json");

    private readonly HttpClient _http;
    private readonly BearerTokenSource _tokens;

    public QianfanTransport(QianfanOptions options, HttpClient http, TimeProvider time)
    {
        Options = options;
        Time = time;
        _http = http;
        _tokens = new BearerTokenSource(this);
    }

    public QianfanOptions Options { get; }

    public TimeProvider Time { get; }

    /// <summary>A JSON body that every attempt can send.</summary>
    public static Func<HttpContent> Json<T>(T value, JsonTypeInfo<T> typeInfo)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value, typeInfo);
        return () => new ByteArrayContent(bytes) { Headers = { ContentType = s_json } };
    }

    /// <summary>Sends a call and reads the whole answer as JSON; an error in any envelope is thrown.</summary>
    public Task<JsonDocument> SendAsync(QianfanCall call, CancellationToken cancellationToken) =>
        WithRetryAsync(call, AttemptAsync, cancellationToken);

    /// <summary>Opens a stream of server-sent events; the caller disposes the answer.</summary>
    public Task<HttpResponseMessage> OpenEventStreamAsync(QianfanCall call, CancellationToken cancellationToken) =>
        WithRetryAsync(call, AttemptStreamAsync, cancellationToken);

    /// <summary>Sends a call whose answer has no body that matters.</summary>
    public async Task SendWithoutAnswerAsync(QianfanCall call, CancellationToken cancellationToken) =>
        await WithRetryAsync(call, AttemptWithoutAnswerAsync, cancellationToken).ConfigureAwait(false);

    private static string Version() =>
        typeof(QianfanTransport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    private async Task<T> WithRetryAsync<T>(QianfanCall call, Func<QianfanCall, CancellationToken, Task<T>> attempt, CancellationToken cancellationToken)
    {
        var renewedToken = false;
        for (var number = 1; ; number++)
        {
            QianfanException failure;
            try
            {
                return await attempt(call, cancellationToken).ConfigureAwait(false);
            }
            catch (QianfanAuthenticationException) when (!renewedToken && call.Authentication == CallAuthentication.Bearer && _tokens.CanRenew)
            {
                // The fetched token was revoked or expired early: once, with a new one.
                renewedToken = true;
                _tokens.Invalidate();
                number--;
                continue;
            }
            catch (QianfanException e) when (number < call.Retry.MaxAttempts && IsWorthAnotherAttempt(call, e))
            {
                failure = e;
            }

            await Task.Delay(Wait(call.Retry, number, failure), Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool IsWorthAnotherAttempt(QianfanCall call, QianfanException failure) => failure switch
    {
        QianfanAuthenticationException => false,
        QianfanApiException e => call.Retry.Codes.Contains(e.Code) && (call.Idempotent || e.Code != "500000") || IsBusy(e.StatusCode, call),
        QianfanRequestException { NotSent: true } => true,
        QianfanRequestException { StatusCode: { } status } => IsBusy(status, call),
        QianfanRequestException => call.Idempotent,
        _ => false,
    };

    private static bool IsBusy(HttpStatusCode status, QianfanCall call) =>
        status == HttpStatusCode.TooManyRequests
        || (call.Idempotent && status is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout);

    internal static TimeSpan Wait(RetryOptions retry, int attempt, QianfanException? failure)
    {
        var backoff = (retry.BackoffFactor * Math.Pow(2, attempt - 1)) + (retry.Jitter * Random.Shared.NextDouble());
        var wanted = failure is QianfanApiException { RetryAfter: { } after } && after > backoff ? after : backoff;
        return wanted < retry.MaxWait ? wanted : retry.MaxWait;
    }

    private async Task<JsonDocument> AttemptAsync(QianfanCall call, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(call.Timeout, Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        return await GuardAsync(
            async () =>
            {
                using var request = await BuildAsync(call, linked.Token).ConfigureAwait(false);
                using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, linked.Token).ConfigureAwait(false);
                var body = await response.Content.ReadAsByteArrayAsync(linked.Token).ConfigureAwait(false);
                return response.IsSuccessStatusCode ? Parse(body, response) : throw ApiErrors.FromFailure(response, body);
            },
            call,
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> AttemptWithoutAnswerAsync(QianfanCall call, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(call.Timeout, Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        return await GuardAsync(
            async () =>
            {
                using var request = await BuildAsync(call, linked.Token).ConfigureAwait(false);
                using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, linked.Token).ConfigureAwait(false);
                var body = await response.Content.ReadAsByteArrayAsync(linked.Token).ConfigureAwait(false);
                return response.IsSuccessStatusCode ? true : throw ApiErrors.FromFailure(response, body);
            },
            call,
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> AttemptStreamAsync(QianfanCall call, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(call.Timeout, Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        return await GuardAsync(
            async () =>
            {
                using var request = await BuildAsync(call, linked.Token).ConfigureAwait(false);
                var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, linked.Token).ConfigureAwait(false);
                try
                {
                    if (response.IsSuccessStatusCode && response.Content.Headers.ContentType?.MediaType == "text/event-stream")
                    {
                        return response;
                    }

                    var body = await response.Content.ReadAsByteArrayAsync(linked.Token).ConfigureAwait(false);
                    if (!response.IsSuccessStatusCode)
                    {
                        throw ApiErrors.FromFailure(response, body);
                    }

                    using var document = Parse(body, response);
                    throw new QianfanRequestException("The platform answered with a document where a stream of events was asked for.", response.StatusCode);
                }
                catch
                {
                    response.Dispose();
                    throw;
                }
            },
            call,
            cancellationToken).ConfigureAwait(false);
    }

    private static JsonDocument Parse(byte[] body, HttpResponseMessage response)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body);
        }
        catch (JsonException e)
        {
            throw new QianfanRequestException("The platform's answer is no JSON.", response.StatusCode, e);
        }

        if (ApiErrors.Find(document.RootElement, response) is { } error)
        {
            document.Dispose();
            throw error;
        }

        return document;
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> action, QianfanCall call, CancellationToken cancellationToken)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new QianfanRequestException($"No answer from {Where(call)} in time.", null, e);
        }
        catch (HttpRequestException e)
        {
            throw new QianfanRequestException($"{Where(call)} can't be reached: {Reason(e)}.", e.StatusCode, e)
            {
                NotSent = e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError,
            };
        }
        catch (IOException e)
        {
            throw new QianfanRequestException($"The connection to {Where(call)} broke.", null, e);
        }
    }

    // Addresses hold no secrets here: keys and tokens travel in headers only. The query is left out all the same.
    private static string Where(QianfanCall call) => Uri.TryCreate(call.BaseUrl, UriKind.Absolute, out var uri) ? uri.Authority : "the platform";

    private static string Reason(HttpRequestException e) => e.HttpRequestError == HttpRequestError.Unknown ? "the connection broke" : e.HttpRequestError.ToString();

    private async ValueTask<HttpRequestMessage> BuildAsync(QianfanCall call, CancellationToken cancellationToken)
    {
        var address = call.BaseUrl.TrimEnd('/') + call.Path;
        if (call.Query.Count > 0)
        {
            address += "?" + string.Join('&', call.Query.Select(p => $"{IamSigner.Encode(p.Key)}={IamSigner.Encode(p.Value)}"));
        }

        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri))
        {
            throw new InvalidArgumentException($"\"{call.BaseUrl}\" is no absolute address.");
        }

        var request = new HttpRequestMessage(call.Method, uri) { Content = call.Content?.Invoke() };
        request.Headers.Host = uri.Authority;
        request.Headers.TryAddWithoutValidation("request-source", s_requestSource);
        foreach (var (name, value) in call.Headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (call.Authentication == CallAuthentication.Bearer)
        {
            var token = await _tokens.GetAsync(cancellationToken).ConfigureAwait(false);
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        }
        else
        {
            Authorize(request, uri, call.Query);
        }

        return request;
    }

    private void Authorize(HttpRequestMessage request, Uri uri, IReadOnlyList<KeyValuePair<string, string>> query)
    {
        if (Options is { AccessKey: { Length: > 0 } accessKey, SecretKey: { Length: > 0 } secretKey })
        {
            var timestamp = IamSigner.FormatTimestamp(Time.GetUtcNow());
            var signed = new List<KeyValuePair<string, string>>
            {
                KeyValuePair.Create("host", uri.Authority),
                KeyValuePair.Create("request-source", s_requestSource),
                IamSigner.DateHeaderOf(timestamp),
            };
            if (request.Content?.Headers.ContentType is { MediaType: "application/json" } type)
            {
                signed.Add(KeyValuePair.Create("content-type", type.ToString()));
            }

            request.Headers.TryAddWithoutValidation("x-bce-date", timestamp);
            request.Headers.TryAddWithoutValidation(
                "Authorization",
                IamSigner.Sign(accessKey, secretKey, request.Method.Method, uri.AbsolutePath, query, signed, timestamp, Options.SignatureExpirationSeconds));
        }
        else if (Options.BearerToken is { Length: > 0 } token)
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        }
        else
        {
            throw new InvalidArgumentException("There are no credentials: set AccessKey and SecretKey, or BearerToken.");
        }
    }

    /// <summary>Reads the events of an open stream; breaks in it become our exception.</summary>
    public async IAsyncEnumerable<System.Net.ServerSentEvents.SseItem<string>> ReadEventsAsync(HttpResponseMessage response, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var guarded = new IdleTimeoutStream(body, Options.StreamIdleTimeout, Time);
        await using (guarded.ConfigureAwait(false))
        {
            var events = System.Net.ServerSentEvents.SseParser.Create(guarded).EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (events.ConfigureAwait(false))
            {
                while (true)
                {
                    try
                    {
                        if (!await events.MoveNextAsync().ConfigureAwait(false))
                        {
                            yield break;
                        }
                    }
                    catch (Exception e) when (e is IOException or HttpRequestException)
                    {
                        throw new QianfanRequestException("The stream broke off.", null, e);
                    }

                    yield return events.Current;
                }
            }
        }
    }

    /// <summary>Fetches a file behind a link that needs no credentials; they are not sent. It may take as long as an upload.</summary>
    public async Task DownloadAsync(string address, Stream target, CancellationToken cancellationToken)
    {
        // The link may be signed: no error tells more of it than the host.
        var uri = Uri.TryCreate(address, UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https" ? parsed : throw new QianfanRequestException("The platform's link to the file is no address.");
        using var timeout = new CancellationTokenSource(Options.UploadTimeout, Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            using var response = await _http.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, linked.Token).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                throw new QianfanRequestException($"{uri.Authority} does not give the file.", response.StatusCode);
            }

            await response.Content.CopyToAsync(target, linked.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new QianfanRequestException($"The file can't be fetched from {uri.Authority}.", null, e);
        }
    }

    /// <summary>Console V1, or V2 when <paramref name="action"/> is given; returns what stands under <c>result</c>.</summary>
    public async Task<TResult> ConsoleAsync<TRequest, TResult>(
        string path,
        string? action,
        TRequest request,
        JsonTypeInfo<TRequest> requestType,
        JsonTypeInfo<TResult> resultType,
        bool idempotent,
        CancellationToken cancellationToken)
    {
        using var document = await SendAsync(ConsoleCall(path, action, Json(request, requestType), idempotent), cancellationToken).ConfigureAwait(false);
        return Result(document.RootElement, resultType, action ?? path);
    }

    /// <summary>The same, as JSON, for answers that are passed on as they came.</summary>
    public async Task<(TResult Result, JsonElement Raw)> ConsoleRawAsync<TRequest, TResult>(
        string path,
        string? action,
        TRequest request,
        JsonTypeInfo<TRequest> requestType,
        JsonTypeInfo<TResult> resultType,
        CancellationToken cancellationToken)
    {
        using var document = await SendAsync(ConsoleCall(path, action, Json(request, requestType), idempotent: true), cancellationToken).ConfigureAwait(false);
        return (Result(document.RootElement, resultType, action ?? path), document.RootElement.Clone());
    }

    private QianfanCall ConsoleCall(string path, string? action, Func<HttpContent> content, bool idempotent) => new()
    {
        Method = HttpMethod.Post,
        BaseUrl = Options.ConsoleBaseUrl,
        Path = path,
        Query = action is null ? [] : [KeyValuePair.Create("Action", action)],
        Content = content,
        Authentication = CallAuthentication.Signature,
        Retry = Options.ConsoleRetry,
        Timeout = Options.ConsoleTimeout,
        Idempotent = idempotent,
    };

    /// <summary>Reads what stands under <c>result</c>.</summary>
    public static TResult Result<TResult>(JsonElement root, JsonTypeInfo<TResult> type, string name)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("result", out var result) || result.ValueKind == JsonValueKind.Null)
        {
            throw new QianfanRequestException(string.Create(CultureInfo.InvariantCulture, $"The answer to {name} has no result."), HttpStatusCode.OK);
        }

        return Deserialize(result, type, name);
    }

    /// <summary>Reads a wire record out of an answer.</summary>
    public static T Deserialize<T>(JsonElement element, JsonTypeInfo<T> type, string name)
    {
        try
        {
            return element.Deserialize(type) ?? throw new QianfanRequestException($"The answer to {name} is null.", HttpStatusCode.OK);
        }
        catch (JsonException e)
        {
            throw new QianfanRequestException($"The answer to {name} is not what the protocol says: {e.Path}.", HttpStatusCode.OK, e);
        }
    }
}
