using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Spending;

/// <summary>Holds owners to their fine-tuning tasks at a time: others wait in the queue. Thread-safe.</summary>
internal sealed class RunLimits(IPlatformAccess access, IDbContextFactory<PlatformDbContext> contexts)
{
    /// <summary>Whether none of the owner's tasks may start now.</summary>
    public async Task<bool> AreReachedAsync(string ownerId, CancellationToken cancellationToken)
    {
        foreach (var quota in await access.FindQuotasAsync(ownerId, cancellationToken))
        {
            if (quota.ConcurrentRuns is { } most && await RunningAsync(quota.Owners, cancellationToken) >= most) return true;
        }

        return false;
    }

    /// <summary>How many tasks of some owners run.</summary>
    public async Task<int> RunningAsync(IReadOnlyList<string> owners, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Tasks.CountAsync(task => task.State == TaskState.Running && owners.Contains(task.OwnerId), cancellationToken);
    }

    /// <summary>Refuses a task that would wait for ever.</summary>
    /// <exception cref="PlatformException">The owner may run none at all.</exception>
    public async Task RequireSomeAsync(string ownerId, CancellationToken cancellationToken)
    {
        var quotas = await access.FindQuotasAsync(ownerId, cancellationToken);
        if (quotas.Any(quota => quota.ConcurrentRuns == 0)) throw new PlatformException(PlatformError.QuotaExceeded, "You exceeded your current quota: it allows no fine-tuning").As(ConsoleCodes.JobLimit);
    }
}
