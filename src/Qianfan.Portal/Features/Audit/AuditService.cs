using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Audit;

/// <summary>An entry as pages show it.</summary>
public sealed record AuditRow(long Id, DateTimeOffset Time, ActorKind ActorKind, string ActorName, string Action, string? SubjectId, string? SubjectName, IReadOnlyDictionary<string, string> Parameters);

/// <summary>Which entries somebody wants to see.</summary>
/// <param name="Action">One of <see cref="AuditActions"/>; null for all.</param>
/// <param name="ActorName">Part of the actor's name; null for all.</param>
/// <param name="From">Not before; null for no limit.</param>
/// <param name="Until">Before; null for no limit.</param>
public sealed record AuditFilter(string? Action = null, string? ActorName = null, DateTimeOffset? From = null, DateTimeOffset? Until = null);

/// <summary>A page of entries, newest first, and how many there are in all.</summary>
public sealed record AuditEntries(IReadOnlyList<AuditRow> Rows, int Total);

/// <summary>Reads the audit log. Thread-safe.</summary>
public sealed class AuditService(IDbContextFactory<PortalDbContext> contexts)
{
    /// <summary>Most rows of one page.</summary>
    public const int MaxTake = 200;

    /// <summary>Entries of a project, and of its team as far as they belong to no other project.</summary>
    public async Task<AuditEntries> ListProjectAsync(Actor actor, Guid projectId, AuditFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        return await PageAsync(db.AuditEntries.Where(a => a.TeamId == teamId && (a.ProjectId == projectId || a.ProjectId == null)), filter, skip, take, cancellationToken);
    }

    /// <summary>Entries that are no team's business: set-up, accounts, deleted teams. For admins alone.</summary>
    /// <exception cref="ForbiddenException">The actor is no admin.</exception>
    public async Task<AuditEntries> ListSystemAsync(Actor actor, AuditFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireAdminAsync(actor, cancellationToken);
        // Of teams an admin sees that they came to be and went, not what is done in them.
        string[] ofTeams = [AuditActions.TeamCreated, AuditActions.TeamRenamed];
        return await PageAsync(db.AuditEntries.Where(a => a.TeamId == null || ofTeams.Contains(a.Action)), filter, skip, take, cancellationToken);
    }

    private static async Task<AuditEntries> PageAsync(IQueryable<AuditEntry> entries, AuditFilter filter, int skip, int take, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        if (filter.Action is { } action)
            entries = entries.Where(a => a.Action == action);
        if (filter.ActorName?.Trim() is { Length: > 0 } name)
        {
            var pattern = $"%{Escape(name.ToUpperInvariant())}%";
#pragma warning disable CA1304, CA1311 // The database does it: SQL knows no culture.
            entries = entries.Where(a => EF.Functions.Like(a.ActorName.ToUpper(), pattern, "\\"));
#pragma warning restore CA1304, CA1311
        }

        if (filter.From is { } from)
            entries = entries.Where(a => a.Time >= from);
        if (filter.Until is { } until)
            entries = entries.Where(a => a.Time < until);
        var total = await entries.CountAsync(cancellationToken);
        var rows = await entries.AsNoTracking()
            .OrderByDescending(a => a.Id)
            .Skip(Math.Max(0, skip))
            .Take(Math.Clamp(take, 1, MaxTake))
            .ToListAsync(cancellationToken);
        return new AuditEntries([.. rows.Select(Row)], total);
    }

    private static AuditRow Row(AuditEntry entry) =>
        new(entry.Id, entry.Time, entry.ActorKind, entry.ActorName, entry.Action, entry.SubjectId, entry.SubjectName, JsonSerializer.Deserialize<Dictionary<string, string>>(entry.ParametersJson) ?? []);

    private static string Escape(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal);
}
