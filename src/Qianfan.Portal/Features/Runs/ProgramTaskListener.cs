using Microsoft.EntityFrameworkCore;
using Qianfan.Platform;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Connections;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Notes the tasks that programs put into the embedded platform's queue, before it stores them. The portal's own come with a project's hidden key, by which they are told apart. Thread-safe.</summary>
public sealed class ProgramTaskListener(IDbContextFactory<PortalDbContext> contexts, ProgramRuns runs, TimeProvider time) : ITaskListener
{
    /// <inheritdoc/>
    public async ValueTask CreatingAsync(PlatformKey key, string taskId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var maker = await db.ApiKeys
            .Where(k => k.AccessKey == key.AccessKey && !k.Hidden)
            .Select(k => new { k.Name, Connections = db.Connections.Where(c => c.ProjectId == k.ProjectId && c.Kind == ConnectionKind.Embedded).Select(c => c.Id).ToList() })
            .SingleOrDefaultAsync(cancellationToken);
        if (maker is not { Connections: [var connectionId, ..] })
            return;
        await NoteAsync(db, connectionId, taskId, maker.Name, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask ResumingAsync(string ownerId, string taskId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        // Only what a program made: the portal's own runs know by themselves.
        var run = await db.Runs
            .Where(r => r.TaskId == taskId && r.Kind == RunKind.Followed)
            .Select(r => new { r.ConnectionId, r.StartedByKey })
            .SingleOrDefaultAsync(cancellationToken);
        if (run is not null && !await db.ProgramTasks.AnyAsync(t => t.ConnectionId == run.ConnectionId && t.TaskId == taskId, cancellationToken))
            await NoteAsync(db, run.ConnectionId, taskId, run.StartedByKey ?? "", cancellationToken);
    }

    /// <inheritdoc/>
    public void Queued() => runs.Wake();

    private async Task NoteAsync(PortalDbContext db, Guid connectionId, string taskId, string keyName, CancellationToken cancellationToken)
    {
        db.ProgramTasks.Add(new ProgramTask { ConnectionId = connectionId, TaskId = taskId, KeyName = keyName, AnnouncedAt = time.GetUtcNow() });
        await db.SaveChangesAsync(cancellationToken);
    }
}
