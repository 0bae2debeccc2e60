using System.Runtime.CompilerServices;
using System.Text.Json;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>Services over console V2 (<c>/v2/service</c>). Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.</summary>
public sealed class ServicesClient
{
    private const string Path = "/v2/service";
    private readonly QianfanTransport _transport;

    internal ServicesClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Creates a service, which begins to deploy. Never repeated by itself after an unclear failure: look it up by its name.</summary>
    public Task<CreateServiceResult> CreateAsync(CreateServiceRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "CreateService", request, QianfanJson.Wire.CreateServiceRequest, QianfanJson.Wire.CreateServiceResult, false, cancellationToken);

    /// <summary>Tells about a service.</summary>
    public Task<ServiceDescription> DescribeAsync(string serviceId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeService", Id(serviceId), QianfanJson.Wire.ServiceIdRequest, QianfanJson.Wire.ServiceDescription, true, cancellationToken);

    /// <summary>A page of services.</summary>
    public Task<ServiceDescriptionList> DescribeServicesAsync(DescribeServicesRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeServices", request, QianfanJson.Wire.DescribeServicesRequest, QianfanJson.Wire.ServiceDescriptionList, true, cancellationToken);

    /// <summary>All services that match, page by page.</summary>
    public async IAsyncEnumerable<ServiceDescription> ListAsync(DescribeServicesRequest? filter = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var request = (filter ?? new DescribeServicesRequest()) with { MaxKeys = 100 };
        while (true)
        {
            var page = await DescribeServicesAsync(request, cancellationToken).ConfigureAwait(false);
            foreach (var service in page.ServiceList)
            {
                yield return service;
            }

            if (page.PageInfo is not { IsTruncated: true, NextMarker: { Length: > 0 } next } || next == request.Marker)
            {
                yield break;
            }

            request = request with { Marker = next };
        }
    }

    /// <summary>Serves another model version under the same address; on our platform, also gives the service other resources.</summary>
    public Task<bool> ModifyAsync(ModifyServiceRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "ModifyService", request, QianfanJson.Wire.ModifyServiceRequest, QianfanJson.Wire.Boolean, true, cancellationToken);

    /// <summary>Extension of our platform: serves the version again that was served before; a switch that is under way is called off. Never repeated by itself: each call goes one version back.</summary>
    public Task<RollbackServiceResult> RollbackAsync(string serviceId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "RollbackService", Id(serviceId), QianfanJson.Wire.ServiceIdRequest, QianfanJson.Wire.RollbackServiceResult, false, cancellationToken);

    /// <summary>Extension of our platform: deletes a service.</summary>
    public Task<bool> DeleteAsync(string serviceId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DeleteService", Id(serviceId), QianfanJson.Wire.ServiceIdRequest, QianfanJson.Wire.Boolean, false, cancellationToken);

    /// <summary>Extension of our platform: takes a service out of operation; it can be started again.</summary>
    public Task<bool> StopAsync(string serviceId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "StopService", Id(serviceId), QianfanJson.Wire.ServiceIdRequest, QianfanJson.Wire.Boolean, true, cancellationToken);

    /// <summary>Extension of our platform: puts a stopped service into operation again.</summary>
    public Task<bool> StartAsync(string serviceId, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "StartService", Id(serviceId), QianfanJson.Wire.ServiceIdRequest, QianfanJson.Wire.Boolean, true, cancellationToken);

    /// <summary>Calls and tokens of services in a span of time.</summary>
    public Task<ServiceMetrics> DescribeMetricAsync(DescribeServiceMetricRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribeServiceMetric", request, QianfanJson.Wire.DescribeServiceMetricRequest, QianfanJson.Wire.ServiceMetrics, true, cancellationToken);

    /// <summary>The platform's own services. The answer's shape is in no source; it is given as it came.</summary>
    public Task<JsonElement> DescribePresetAsync(DescribePresetServicesRequest request, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync(Path, "DescribePresetServices", request, QianfanJson.Wire.DescribePresetServicesRequest, QianfanJson.Wire.JsonElement, true, cancellationToken);

    private static ServiceIdRequest Id(string serviceId) => new() { ServiceId = serviceId };
}
