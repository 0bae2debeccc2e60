using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Usage;

/// <summary>What a project used of the embedded platform.</summary>
/// <param name="Report">The platform's report.</param>
/// <param name="KeyNames">Names of the project's keys by their public halves; the portal's own has none.</param>
public sealed record ProjectUsage(UsageReport Report, IReadOnlyDictionary<string, string?> KeyNames);

/// <summary>Sums of calls that have something in common.</summary>
public sealed record UsageTotal(string Name, long Calls, long Failed, long InputTokens, long OutputTokens)
{
    /// <summary>Sums by what calls have in common, the name first in order.</summary>
    public static IReadOnlyList<UsageTotal> By(IEnumerable<UsageSum> sums, Func<UsageSum, string> name) =>
        [.. sums.GroupBy(name, StringComparer.Ordinal)
            .Select(group => new UsageTotal(group.Key, group.Sum(s => s.CallTotal), group.Sum(s => s.FailureCallTotal), group.Sum(s => s.InputTokensTotal), group.Sum(s => s.OutputTokensTotal)))
            .OrderBy(total => total.Name, StringComparer.Ordinal)];
}

/// <summary>Asks the embedded platform what a project used, with the project's own connection as any client would. Thread-safe.</summary>
public sealed class UsageReader(IDbContextFactory<PortalDbContext> contexts, PlatformClients clients, TimeProvider time)
{
    /// <summary>The usage of the last days, today included. Days are those of UTC.</summary>
    /// <exception cref="UserErrorException">The platform refuses or can't be reached.</exception>
    public async Task<ProjectUsage> ReadAsync(Actor actor, Guid projectId, int days, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var connection = await db.Connections.VisibleTo(actor).Where(c => c.ProjectId == projectId && c.Kind == ConnectionKind.Embedded).Select(c => c.Id).FirstAsync(cancellationToken);
        var keys = await db.ApiKeys.VisibleTo(actor).Where(k => k.ProjectId == projectId).ToDictionaryAsync(k => k.AccessKey, k => k.Hidden ? null : k.Name, cancellationToken);
        var client = await clients.ForAsync(connection, cancellationToken);
        var first = time.GetUtcNow().UtcDateTime.AddDays(1 - days).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        var report = await PlatformErrors.TranslateAsync(() => client.Usage.DescribeAsync(new DescribeUsageRequest { StartDate = first }, cancellationToken));
        return new ProjectUsage(report, keys);
    }
}
