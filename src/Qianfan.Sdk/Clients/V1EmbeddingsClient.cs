using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>Embeddings over inference V1 (<c>.../embeddings/{endpoint}</c>); for self-hosted platforms, since Baidu switched V1 inference off in August 2026. Thread-safe.</summary>
/// <remarks>Seed: <c>qianfan.Embedding</c>.</remarks>
public sealed class V1EmbeddingsClient
{
    private readonly V1Route<V1EmbeddingRequest, EmbeddingResponse> _route;

    internal V1EmbeddingsClient(QianfanTransport transport, V1ServicesClient services) => _route = new(
        "embeddings",
        transport,
        new V1Endpoints("embeddings", transport, services),
        V1Endpoints.Embeddings,
        QianfanJson.Wire.V1EmbeddingRequest,
        QianfanJson.Wire.EmbeddingResponse,
        static request => request.Input.Sum(RateLimits.Estimate));

    /// <summary>The endpoint of a model, by its name in any case: a built-in one, else one that the platform lists.</summary>
    /// <exception cref="InvalidArgumentException">There is no such model.</exception>
    public ValueTask<string> EndpointOfAsync(string model, CancellationToken cancellationToken = default) => _route.EndpointOfAsync(model, cancellationToken);

    /// <summary>Turns texts into vectors.</summary>
    /// <param name="endpoint">The service's endpoint; see <see cref="EndpointOfAsync"/> for models.</param>
    /// <param name="request">The texts.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="QianfanApiException">The platform refuses.</exception>
    /// <exception cref="QianfanRequestException">No usable answer comes.</exception>
    public Task<EmbeddingResponse> CreateAsync(string endpoint, V1EmbeddingRequest request, CancellationToken cancellationToken = default) =>
        _route.SendAsync(endpoint, request, static answer => answer.Usage?.TotalTokens, cancellationToken);
}
