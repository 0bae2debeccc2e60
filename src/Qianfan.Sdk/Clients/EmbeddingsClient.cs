using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Telemetry;

namespace Qianfan.Sdk;

/// <summary>Embeddings over inference V2 (<c>/v2/embeddings</c>). Thread-safe.</summary>
public sealed class EmbeddingsClient
{
    private static readonly RecordAnswer<EmbeddingResponse> s_answer = new(QianfanJson.Wire.EmbeddingResponse, "embeddings");
    private static readonly Func<EmbeddingRequest, int> s_estimate = static request => request.Input.Sum(RateLimits.Estimate);
    private readonly QianfanTransport _transport;
    private readonly InferenceRoute _route;

    internal EmbeddingsClient(QianfanTransport transport)
    {
        _transport = transport;
        _route = InferenceRoute.V2(transport, transport.Options.EmbeddingV2Route);
    }

    /// <summary>Turns texts into vectors.</summary>
    /// <exception cref="QianfanApiException">The platform refuses.</exception>
    /// <exception cref="QianfanRequestException">No usable answer comes.</exception>
    public Task<EmbeddingResponse> CreateAsync(EmbeddingRequest request, CancellationToken cancellationToken = default) =>
        InferenceOperation.RunAsync("embeddings", request.Model, request, _transport.Options.ConsoleBaseUrl, _transport.Time, () => SendAsync(request, cancellationToken));

    private async Task<EmbeddingResponse> SendAsync(EmbeddingRequest request, CancellationToken cancellationToken)
    {
        var call = _route.Post(request, QianfanJson.Wire.EmbeddingRequest, s_estimate);
        var answer = await _transport.SendAsync(call, s_answer, cancellationToken).ConfigureAwait(false);
        _transport.Limits?.Settle(call.Cost, answer.Usage?.TotalTokens);
        return answer;
    }
}
