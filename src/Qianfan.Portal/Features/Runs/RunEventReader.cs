using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Reads stored events in order. Whoever calls has made sure that the reader may see the run. Thread-safe.</summary>
public sealed class RunEventReader(IDbContextFactory<PortalDbContext> contexts)
{
    /// <summary>The events after a sequence, at most <paramref name="limit"/>.</summary>
    public async Task<IReadOnlyList<RunEventMessage>> ReadAsync(Guid runId, long afterSequence, int limit, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var events = await db.RunEvents.AsNoTracking()
            .Where(e => e.RunId == runId && e.Sequence > afterSequence)
            .OrderBy(e => e.Sequence)
            .Take(limit)
            .ToListAsync(cancellationToken);
        return events.ConvertAll(RunEventMessage.From);
    }
}
