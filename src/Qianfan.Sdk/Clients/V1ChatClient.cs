using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>
/// Chat over inference V1 (<c>/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/{endpoint}</c>), with an OAuth token or a signature; for self-hosted platforms, since Baidu switched V1 inference off in August 2026.
/// Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.
/// </summary>
/// <remarks>Seed: <c>qianfan.ChatCompletion</c>.</remarks>
public sealed class V1ChatClient
{
    private readonly V1Route<V1ChatRequest, V1ChatResponse> _route;

    internal V1ChatClient(QianfanTransport transport, V1ServicesClient services) => _route = new(
        "chat",
        transport,
        new V1Endpoints("chat", transport, services),
        V1Endpoints.Chat,
        QianfanJson.Wire.V1ChatRequest,
        QianfanJson.Wire.V1ChatResponse,
        static request => request.Messages.Sum(m => RateLimits.Estimate(m.Content)) + RateLimits.Estimate(request.System) + (request.MaxOutputTokens ?? 0));

    /// <summary>The endpoint of a model, by its name in any case: a built-in one, else one that the platform lists.</summary>
    /// <exception cref="InvalidArgumentException">There is no such model.</exception>
    public ValueTask<string> EndpointOfAsync(string model, CancellationToken cancellationToken = default) => _route.EndpointOfAsync(model, cancellationToken);

    /// <summary>Asks and waits for the whole answer.</summary>
    /// <param name="endpoint">The service's endpoint; see <see cref="EndpointOfAsync"/> for models.</param>
    /// <param name="request">The question.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public Task<V1ChatResponse> CompleteAsync(string endpoint, V1ChatRequest request, CancellationToken cancellationToken = default) =>
        _route.SendAsync(endpoint, request with { Stream = false }, static answer => answer.Usage?.TotalTokens, cancellationToken);

    /// <summary>Asks and gives the answer piece by piece. Only the opening of the stream is retried. Ending the enumeration early ends the generation.</summary>
    /// <param name="endpoint">The service's endpoint; see <see cref="EndpointOfAsync"/> for models.</param>
    /// <param name="request">The question.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="QianfanRequestException">The stream broke before the answer was complete; the pieces so far are valid.</exception>
    public IAsyncEnumerable<V1ChatResponse> StreamAsync(string endpoint, V1ChatRequest request, CancellationToken cancellationToken = default) =>
        _route.StreamAsync(endpoint, request with { Stream = true }, static answer => answer.Usage?.TotalTokens, static answer => answer.IsEnd == true, cancellationToken);
}
