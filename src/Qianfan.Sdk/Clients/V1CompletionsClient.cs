using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>
/// Completion of a prompt over inference V1 (<c>.../completions/{endpoint}</c>), for models that are not chat models; for self-hosted platforms, since Baidu switched V1 inference off in August 2026.
/// Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.
/// </summary>
/// <remarks>Seed: <c>qianfan.Completion</c>, which sends prompts for chat models to chat as one message; here that is <see cref="V1ChatClient"/>.</remarks>
public sealed class V1CompletionsClient
{
    private readonly V1Route<V1CompletionRequest, V1CompletionResponse> _route;

    internal V1CompletionsClient(QianfanTransport transport, V1ServicesClient services) => _route = new(
        "completions",
        transport,
        new V1Endpoints("completions", transport, services),
        V1Endpoints.Completions,
        QianfanJson.Wire.V1CompletionRequest,
        QianfanJson.Wire.V1CompletionResponse,
        static request => RateLimits.Estimate(request.Prompt));

    /// <summary>The endpoint of a model, by its name in any case: a built-in one, else one that the platform lists.</summary>
    /// <exception cref="InvalidArgumentException">There is no such model.</exception>
    public ValueTask<string> EndpointOfAsync(string model, CancellationToken cancellationToken = default) => _route.EndpointOfAsync(model, cancellationToken);

    /// <summary>Completes a prompt and waits for the whole text.</summary>
    /// <param name="endpoint">The service's endpoint; see <see cref="EndpointOfAsync"/> for models.</param>
    /// <param name="request">The prompt.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public Task<V1CompletionResponse> CompleteAsync(string endpoint, V1CompletionRequest request, CancellationToken cancellationToken = default) =>
        _route.SendAsync(endpoint, request with { Stream = false }, static answer => answer.Usage?.TotalTokens, cancellationToken);

    /// <summary>Completes a prompt piece by piece. Only the opening of the stream is retried. Ending the enumeration early ends the generation.</summary>
    /// <param name="endpoint">The service's endpoint; see <see cref="EndpointOfAsync"/> for models.</param>
    /// <param name="request">The prompt.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="QianfanRequestException">The stream broke before the answer was complete; the pieces so far are valid.</exception>
    public IAsyncEnumerable<V1CompletionResponse> StreamAsync(string endpoint, V1CompletionRequest request, CancellationToken cancellationToken = default) =>
        _route.StreamAsync(endpoint, request with { Stream = true }, static answer => answer.Usage?.TotalTokens, static answer => answer.IsEnd == true, cancellationToken);
}
