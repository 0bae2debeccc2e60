using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>What was used, of our platform (<c>/v2/usage</c>). Thread-safe. Every method raises <see cref="QianfanApiException"/> when the platform refuses and <see cref="QianfanRequestException"/> when no usable answer comes.</summary>
public sealed class UsageClient
{
    private readonly QianfanTransport _transport;

    internal UsageClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Extension of our platform: calls and tokens of the key's owner by day, key, API and model, and what is used of the owner's quotas.</summary>
    public Task<UsageReport> DescribeAsync(DescribeUsageRequest? request = null, CancellationToken cancellationToken = default) =>
        _transport.ConsoleAsync("/v2/usage", "DescribeUsage", request ?? new DescribeUsageRequest(), QianfanJson.Wire.DescribeUsageRequest, QianfanJson.Wire.UsageReport, true, cancellationToken);
}
