using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Telemetry;

namespace Qianfan.Sdk;

/// <summary>Embeddings over inference V2 (<c>/v2/embeddings</c>). Thread-safe.</summary>
public sealed class EmbeddingsClient
{
    private readonly QianfanTransport _transport;

    internal EmbeddingsClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Turns texts into vectors.</summary>
    /// <exception cref="QianfanApiException">The platform refuses.</exception>
    /// <exception cref="QianfanRequestException">No usable answer comes.</exception>
    public async Task<EmbeddingResponse> CreateAsync(EmbeddingRequest request, CancellationToken cancellationToken = default)
    {
        using var operation = InferenceOperation.Start(request, _transport.Options, _transport.Time);
        try
        {
            var call = InferenceCalls.Post(_transport, "/v2/embeddings", QianfanTransport.Json(request, QianfanJson.Wire.EmbeddingRequest));
            using var document = await _transport.SendAsync(call, cancellationToken).ConfigureAwait(false);
            var answer = QianfanTransport.Deserialize(document.RootElement, QianfanJson.Wire.EmbeddingResponse, "embeddings");
            operation?.Answered(answer);
            return answer;
        }
        catch (Exception e)
        {
            operation?.Failed(e);
            throw;
        }
    }
}
