using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Usage;

/// <summary><c>/v2/usage</c>, ours: what the caller's owner used.</summary>
internal static class UsageApi
{
    public static ActionTable<UsageService> Actions { get; } = new ActionTable<UsageService>()
        .Read<DescribeUsageRequest>("DescribeUsage", async (usage, caller, request, cancellationToken) => await usage.DescribeAsync(caller.OwnerId, request, cancellationToken));

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.ConsoleV2)
        .Actions("/v2/usage", Actions);
}
