using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>
/// Services over console V1 (<c>/wenxinworkshop/service/*</c>). Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.
/// </summary>
/// <remarks>Seed: <c>qianfan.resources.Service</c>.</remarks>
public sealed class V1ServicesClient
{
    private const string Root = "/wenxinworkshop/service/";
    private readonly QianfanTransport _transport;

    internal V1ServicesClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Creates a service, which begins to deploy. Never repeated by itself after an unclear failure.</summary>
    public Task<V1ApplyServiceResult> ApplyAsync(V1ApplyServiceRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "apply", null, request, QianfanJson.Wire.V1ApplyServiceRequest, QianfanJson.Wire.V1ApplyServiceResult, false, cancellationToken);

    /// <summary>Tells about a service.</summary>
    public Task<V1ServiceDetail> GetDetailAsync(string serviceId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "detail", null, new V1ServiceRequest { ServiceId = serviceId }, QianfanJson.Wire.V1ServiceRequest, QianfanJson.Wire.V1ServiceDetail, true, cancellationToken);

    /// <summary>The services that inference can call by model name.</summary>
    /// <param name="apiTypes">Kinds to filter by: <c>chat</c>, <c>completions</c>, <c>embeddings</c>, <c>text2image</c>, <c>image2text</c>; all when null.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    public Task<PresetServiceList> ListAsync(IReadOnlyList<string>? apiTypes = null, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Root + "list", null, new PresetServiceListRequest { ApiTypeFilter = apiTypes }, QianfanJson.Wire.PresetServiceListRequest, QianfanJson.Wire.PresetServiceList, true, cancellationToken);

    /// <summary>The applications of the account, with the key pairs that OAuth takes. Handle with care.</summary>
    public async Task<V1AppList> ListAppsAsync(CancellationToken cancellationToken = default)
    {
        var call = new QianfanCall
        {
            Method = HttpMethod.Get,
            BaseUrl = _transport.Options.ConsoleBaseUrl,
            Path = Root + "appList",
            Authentication = CallAuthentication.Signature,
            Retry = _transport.Options.ConsoleRetry,
            Timeout = _transport.Options.ConsoleTimeout,
        };
        return await _transport.SendAsync(call, new ConsoleAnswer<V1AppList>(QianfanJson.Wire.V1AppList, "service/appList"), cancellationToken).ConfigureAwait(false);
    }
}
