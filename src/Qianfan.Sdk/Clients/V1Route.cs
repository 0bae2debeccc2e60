using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json.Serialization.Metadata;
using Qianfan.Sdk.Authentication;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Telemetry;

namespace Qianfan.Sdk;

/// <summary>V1 inference of one kind: finds the endpoint, posts, reads whole or streamed answers. Thread-safe.</summary>
/// <typeparam name="TRequest">Body.</typeparam>
/// <typeparam name="TResponse">Answer, or piece of one.</typeparam>
/// <param name="kind"><c>chat</c>, <c>completions</c> or <c>embeddings</c>.</param>
/// <param name="transport">Sends.</param>
/// <param name="endpoints">Finds endpoints that are not built in.</param>
/// <param name="builtIn">Endpoints by model.</param>
/// <param name="requestType">Type of the body.</param>
/// <param name="responseType">Type of the answer.</param>
/// <param name="estimate">Estimates the tokens of a call.</param>
internal sealed class V1Route<TRequest, TResponse>(
    string kind,
    QianfanTransport transport,
    V1Endpoints endpoints,
    IReadOnlyDictionary<string, string> builtIn,
    JsonTypeInfo<TRequest> requestType,
    JsonTypeInfo<TResponse> responseType,
    Func<TRequest, int> estimate)
    where TRequest : class
    where TResponse : class
{
    private readonly string _operation = kind == "completions" ? "text_completion" : kind;
    private readonly RecordAnswer<TResponse> _answer = new(responseType, kind);
    private readonly ConcurrentDictionary<string, InferenceRoute> _routes = new(StringComparer.Ordinal);

    /// <summary>The endpoint of a model.</summary>
    /// <exception cref="InvalidArgumentException">Neither the official client nor the platform knows such a model.</exception>
    public async ValueTask<string> EndpointOfAsync(string model, CancellationToken cancellationToken) =>
        builtIn.TryGetValue(model, out var endpoint)
            ? endpoint
            : await endpoints.FindListedAsync(model, cancellationToken).ConfigureAwait(false)
                ?? throw new InvalidArgumentException($"No {kind} model is called \"{model}\". For a service of your own, give its endpoint.");

    public Task<TResponse> SendAsync(string endpoint, TRequest request, Func<TResponse, int?> tokens, CancellationToken cancellationToken) =>
        InferenceOperation.RunAsync(_operation, endpoint, request, transport.Options.BaseUrl, transport.Time, () => AskAsync(endpoint, request, tokens, cancellationToken));

    /// <summary>V1 has no mark of its own for the end of a stream: the last piece says so, and the body ends.</summary>
    public IAsyncEnumerable<TResponse> StreamAsync(string endpoint, TRequest request, Func<TResponse, int?> tokens, Func<TResponse, bool> isLast, CancellationToken cancellationToken) =>
        InferenceOperation.Watch(_operation, endpoint, request, transport.Options.BaseUrl, transport.Time, ReadAsync(endpoint, request, tokens, isLast, cancellationToken));

    private async Task<TResponse> AskAsync(string endpoint, TRequest request, Func<TResponse, int?> tokens, CancellationToken cancellationToken)
    {
        var call = Call(endpoint, request);
        var answer = await transport.SendAsync(call, _answer, cancellationToken).ConfigureAwait(false);
        transport.Limits?.Settle(call.Cost, tokens(answer));
        return answer;
    }

    private async IAsyncEnumerable<TResponse> ReadAsync(string endpoint, TRequest request, Func<TResponse, int?> tokens, Func<TResponse, bool> isLast, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var call = Call(endpoint, request);
        using var response = await transport.OpenEventStreamAsync(call, cancellationToken).ConfigureAwait(false);
        var complete = false;
        await foreach (var item in transport.ReadEventsAsync(response, (_, data) => _answer.Read(data, response, transport.Errors), cancellationToken).ConfigureAwait(false))
        {
            complete |= isLast(item.Data);
            transport.Limits?.Settle(call.Cost, tokens(item.Data));
            yield return item.Data;
        }

        if (!complete)
        {
            throw new QianfanRequestException("The stream ended before the answer was complete.");
        }
    }

    private QianfanCall Call(string endpoint, TRequest request)
    {
        ArgumentException.ThrowIfNullOrEmpty(endpoint);
        return _routes.GetOrAdd(endpoint, static (name, route) => InferenceRoute.V1(route.Transport, route.Kind, IamSigner.Encode(name)), (Transport: transport, Kind: kind)).Post(request, requestType, estimate);
    }
}
