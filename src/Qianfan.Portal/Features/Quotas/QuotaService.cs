using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Quotas;

/// <summary>Limits; null is none.</summary>
public sealed record QuotaLimits(long? TokensPerMonth, int? ConcurrentRuns, long? StorageBytes);

/// <summary>The limits of a team or project, as admins see them.</summary>
/// <param name="Id">The project, or the team when it is the team's.</param>
/// <param name="Team">Name of the team.</param>
/// <param name="Project">Name of the project; null when it is the team's.</param>
/// <param name="Limits">The limits.</param>
public sealed record QuotaRow(Guid Id, string Team, string? Project, QuotaLimits Limits);

/// <summary>Limits of teams and projects: admins set them, the platform keeps to them. Thread-safe.</summary>
public sealed class QuotaService(IDbContextFactory<PortalDbContext> contexts, AuditLog audit, TimeProvider time)
{
    /// <summary>What a team's account in the platform's ledger begins with; its id follows.</summary>
    public const string TeamAccount = "team:";

    /// <summary>What a project's account in the platform's ledger begins with; its id follows.</summary>
    public const string ProjectAccount = "project:";

    // How long a change by another node may go unnoticed; by this one it takes effect at once.
    private static readonly TimeSpan CacheTime = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, (IReadOnlyList<PlatformQuota> Quotas, DateTimeOffset Until)> _cache = new(StringComparer.Ordinal);

    /// <summary>The quotas of all teams and projects, those without limits too.</summary>
    public async Task<IReadOnlyList<QuotaRow>> ListAsync(Actor actor, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireAdminAsync(actor, cancellationToken);
        var limits = await db.Quotas.ToDictionaryAsync(q => q.Id, q => new QuotaLimits(q.TokensPerMonth, q.ConcurrentRuns, q.StorageBytes), cancellationToken);
        var teams = await db.Teams.Select(t => new { t.Id, t.Name }).ToListAsync(cancellationToken);
        var projects = await db.Projects.Select(p => new { p.Id, p.Name, Team = p.Team.Name }).ToListAsync(cancellationToken);
        var none = new QuotaLimits(null, null, null);
        return
        [
            .. teams.Select(t => new QuotaRow(t.Id, t.Name, null, limits.GetValueOrDefault(t.Id, none)))
                .Concat(projects.Select(p => new QuotaRow(p.Id, p.Team, p.Name, limits.GetValueOrDefault(p.Id, none))))
                .OrderBy(q => q.Team, StringComparer.CurrentCultureIgnoreCase).ThenBy(q => q.Project, StringComparer.CurrentCultureIgnoreCase),
        ];
    }

    /// <summary>Sets the limits of a team or project.</summary>
    /// <param name="actor">An admin.</param>
    /// <param name="id">The project or team.</param>
    /// <param name="limits">The limits, each 0 or more.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="UserErrorException"><c>QuotaNegative</c>.</exception>
    public async Task SetAsync(Actor actor, Guid id, QuotaLimits limits, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(limits);
        if (limits is { TokensPerMonth: < 0 } or { ConcurrentRuns: < 0 } or { StorageBytes: < 0 })
            throw new UserErrorException("QuotaNegative");
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireAdminAsync(actor, cancellationToken);
        var project = await db.Projects.Where(p => p.Id == id).Select(p => new { p.Name, p.TeamId }).SingleOrDefaultAsync(cancellationToken);
        var team = project is null ? await db.Teams.Where(t => t.Id == id).Select(t => new { t.Name }).SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("team") : null;
        var teamId = project?.TeamId ?? id;
        var quota = await db.Quotas.SingleOrDefaultAsync(q => q.Id == id, cancellationToken);
        if (quota is null)
            db.Quotas.Add(quota = new Quota { Id = id, TeamId = teamId, ProjectId = project is null ? null : id });
        var before = new QuotaLimits(quota.TokensPerMonth, quota.ConcurrentRuns, quota.StorageBytes);
        (quota.TokensPerMonth, quota.ConcurrentRuns, quota.StorageBytes) = (limits.TokensPerMonth, limits.ConcurrentRuns, limits.StorageBytes);
        audit.Add(db, actor, AuditActions.QuotaChanged, (id, project?.Name ?? team!.Name), teamId, project is null ? null : id, new Dictionary<string, string> { ["from"] = Text(before), ["to"] = Text(limits) });
        await db.SaveChangesAsync(cancellationToken);
        // A team's quota binds all of its projects.
        _cache.Clear();
    }

    /// <summary>The quotas that bind what a project's keys and runs do: its own, and its team's.</summary>
    /// <param name="ownerId">The project, as the platform names it.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public async ValueTask<IReadOnlyList<PlatformQuota>> FindAsync(string ownerId, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_cache.TryGetValue(ownerId, out var cached) && cached.Until > now)
            return cached.Quotas;
        var quotas = await ReadAsync(ownerId, cancellationToken);
        _cache[ownerId] = (quotas, now + CacheTime);
        return quotas;
    }

    private async Task<IReadOnlyList<PlatformQuota>> ReadAsync(string ownerId, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(ownerId, out var projectId))
            return [];
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        if (await db.Projects.Where(p => p.Id == projectId).Select(p => (Guid?)p.TeamId).SingleOrDefaultAsync(cancellationToken) is not { } teamId)
            return [];
        var projects = await db.Projects.Where(p => p.TeamId == teamId).Select(p => p.Id).ToListAsync(cancellationToken);
        var limits = await db.Quotas.AsNoTracking().Where(q => q.Id == projectId || q.Id == teamId).ToDictionaryAsync(q => q.Id, cancellationToken);
        return [Quota(ProjectAccount, projectId, [projectId]), Quota(TeamAccount, teamId, projects)];

        PlatformQuota Quota(string account, Guid id, IReadOnlyList<Guid> owners)
        {
            var found = limits.GetValueOrDefault(id);
            return new PlatformQuota(account + id, [.. owners.Select(owner => owner.ToString())]) { TokensPerMonth = found?.TokensPerMonth, ConcurrentRuns = found?.ConcurrentRuns, StorageBytes = found?.StorageBytes };
        }
    }

    private static string Text(QuotaLimits limits) => string.Create(
        CultureInfo.InvariantCulture, $"{limits.TokensPerMonth?.ToString(CultureInfo.InvariantCulture) ?? "∞"} / {limits.ConcurrentRuns?.ToString(CultureInfo.InvariantCulture) ?? "∞"} / {limits.StorageBytes?.ToString(CultureInfo.InvariantCulture) ?? "∞"}");
}
