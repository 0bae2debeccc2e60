using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Qianfan.Sdk.Authentication;

namespace Qianfan.Sdk.Http;

/// <summary>Sends calls: signs each attempt anew, repeats what may be repeated, turns every failure into one of our exceptions. Thread-safe.</summary>
internal sealed class QianfanTransport
{
    private readonly HttpClient _http;
    private readonly CallPipeline _pipeline;
    private readonly RequestBuilder _requests;

    public QianfanTransport(QianfanOptions options, HttpClient http, TimeProvider time)
    {
        Options = options;
        Time = time;
        _http = http;
        Limits = RateLimits.Of(options, time);
        Errors = new ApiErrors(time);
        _pipeline = new CallPipeline(Limits, time);
        _requests = new RequestBuilder(options, new BearerTokenSource(this), new AccessTokenSource(this), time);
    }

    public QianfanOptions Options { get; }

    public TimeProvider Time { get; }

    /// <summary>The client's own limits; null where there are none.</summary>
    public RateLimits? Limits { get; }

    public ApiErrors Errors { get; }

    /// <summary>Sends a call and reads its answer.</summary>
    public ValueTask<T> SendAsync<T>(QianfanCall call, Answer<T> answer, CancellationToken cancellationToken) => _pipeline.ExecuteAsync(
        call,
        static (context, state) => state.Transport.AttemptAsync(state.Call, state.Answer, static (transport, response, answer, token) => transport.ReadAsync(response, answer, token), context.CancellationToken),
        (Transport: this, Call: call, Answer: answer),
        cancellationToken);

    /// <summary>Opens a stream of server-sent events; the caller disposes the answer.</summary>
    public ValueTask<HttpResponseMessage> OpenEventStreamAsync(QianfanCall call, CancellationToken cancellationToken) => _pipeline.ExecuteAsync(
        call,
        static (context, state) => state.Transport.AttemptAsync(state.Call, 0, static (transport, response, _, token) => transport.OpenAsync(response, token), context.CancellationToken),
        (Transport: this, Call: call),
        cancellationToken);

    /// <summary>Opens a file that needs credentials, or a part of it; the caller disposes the answer.</summary>
    public ValueTask<HttpResponseMessage> OpenFileAsync(QianfanCall call, CancellationToken cancellationToken) => _pipeline.ExecuteAsync(
        call,
        static (context, state) => state.Transport.AttemptAsync(state.Call, 0, static (transport, response, _, token) => transport.OpenFileAsync(response, token), context.CancellationToken),
        (Transport: this, Call: call),
        cancellationToken);

    /// <summary>The wait after a failed attempt, counted from 1.</summary>
    internal static TimeSpan Wait(RetryOptions retry, int attempt, QianfanException? failure) => CallPipeline.Wait(retry, attempt, failure);

    // Tokens may stand in the query, keys in headers: neither is told.
    internal static string Where(QianfanCall call) => Uri.TryCreate(call.BaseUrl, UriKind.Absolute, out var uri) ? uri.Authority : "the platform";

    private async ValueTask<T> AttemptAsync<T, TState>(
        QianfanCall call,
        TState state,
        Func<QianfanTransport, HttpResponseMessage, TState, CancellationToken, ValueTask<T>> read,
        CancellationToken cancellationToken)
    {
        var mended = false;
        while (true)
        {
            string? token = null;
            try
            {
                (var request, token) = await _requests.BuildAsync(call, cancellationToken).ConfigureAwait(false);
                using (request)
                {
                    var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
                    Limits?.Hear(response);
                    return await read(this, response, state, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (QianfanAuthenticationException e) when (!mended && _requests.CanMend(call, token, e))
            {
                mended = true;
            }
            catch (QianfanApiException e) when (Limits is not null)
            {
                Limits.Hear(e);
                throw;
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
    }

    private async ValueTask<T> ReadAsync<T>(HttpResponseMessage response, Answer<T> answer, CancellationToken cancellationToken)
    {
        using (response)
        {
            using var body = await AnswerBody.ReadAsync(response, Options.MaxAnswerBytes, cancellationToken).ConfigureAwait(false);
            return response.IsSuccessStatusCode ? answer.Read(body.Bytes, response, Errors) : throw Errors.FromFailure(response, body.Bytes);
        }
    }

    private async ValueTask<HttpResponseMessage> OpenAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode && response.Content.Headers.ContentType?.MediaType == "text/event-stream")
        {
            return response;
        }

        using (response)
        {
            using var body = await AnswerBody.ReadAsync(response, Options.MaxAnswerBytes, cancellationToken).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
            {
                throw Errors.FromFailure(response, body.Bytes);
            }

            using var document = Json.Parse(body.Bytes, response, Errors);
            throw new QianfanRequestException("The platform answered with a document where a stream of events was asked for.", response.StatusCode);
        }
    }

    private async ValueTask<HttpResponseMessage> OpenFileAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode || response.StatusCode == System.Net.HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return response;
        }

        using (response)
        {
            using var body = await AnswerBody.ReadAsync(response, Options.MaxAnswerBytes, cancellationToken).ConfigureAwait(false);
            throw Errors.FromFailure(response, body.Bytes);
        }
    }

    private static string Reason(HttpRequestException e) => e.HttpRequestError == HttpRequestError.Unknown ? "the connection broke" : e.HttpRequestError.ToString();

    /// <summary>Reads the events of an open stream as text.</summary>
    public IAsyncEnumerable<SseItem<string>> ReadEventsAsync(HttpResponseMessage response, CancellationToken cancellationToken) =>
        ReadEventsAsync(response, static (_, data) => Encoding.UTF8.GetString(data), cancellationToken);

    /// <summary>Reads the events of an open stream; breaks in it become our exception.</summary>
    public async IAsyncEnumerable<SseItem<T>> ReadEventsAsync<T>(HttpResponseMessage response, SseItemParser<T> parse, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var guarded = new IdleTimeoutStream(body, Options.StreamIdleTimeout, Time, cancellationToken);
        await using (guarded.ConfigureAwait(false))
        {
            var events = SseParser.Create(guarded, parse).EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
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
    public Task<TResult> ConsoleAsync<TRequest, TResult>(
        string path,
        string? action,
        TRequest request,
        JsonTypeInfo<TRequest> requestType,
        JsonTypeInfo<TResult> resultType,
        bool idempotent,
        CancellationToken cancellationToken) =>
        SendAsync(ConsoleCall(path, action, JsonSerializer.SerializeToUtf8Bytes(request, requestType), idempotent), new ConsoleAnswer<TResult>(resultType, action ?? path), cancellationToken).AsTask();

    /// <summary>The same, with the answer as it came, for answers that are passed on.</summary>
    public Task<(TResult Result, JsonElement Raw)> ConsoleRawAsync<TRequest, TResult>(
        string path,
        string? action,
        TRequest request,
        JsonTypeInfo<TRequest> requestType,
        JsonTypeInfo<TResult> resultType,
        CancellationToken cancellationToken) =>
        SendAsync(ConsoleCall(path, action, JsonSerializer.SerializeToUtf8Bytes(request, requestType), idempotent: true), new RawAnswer<TResult>(resultType, action ?? path), cancellationToken).AsTask();

    private QianfanCall ConsoleCall(string path, string? action, byte[] json, bool idempotent) => new()
    {
        Method = HttpMethod.Post,
        BaseUrl = Options.ConsoleBaseUrl,
        Path = path,
        Query = action is null ? [] : [KeyValuePair.Create("Action", action)],
        Json = json,
        Authentication = CallAuthentication.Signature,
        Retry = Options.ConsoleRetry,
        Timeout = Options.ConsoleTimeout,
        Idempotent = idempotent,
    };
}
