using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Projects;

/// <summary>A project on the start page.</summary>
public sealed record ProjectCard(Guid Id, string Name, Guid TeamId, string TeamName, TeamRole Role, int Datasets, int Runs, int ActiveRuns, int Services, DateTimeOffset LastActivity);

/// <summary>A run on the project's first page.</summary>
public sealed record RecentRun(Guid Id, string Name, RunStatus Status, int Progress, DateTimeOffset CreatedAt);

/// <summary>The project's first page.</summary>
public sealed record ProjectOverview(Guid Id, string Name, int Datasets, int GoodRows, int Runs, int ActiveRuns, int ModelVersions, int Services, int ApiKeys, IReadOnlyList<RecentRun> RecentRuns);

/// <summary>Projects of the actor's teams. Thread-safe.</summary>
public sealed class ProjectService(IDbContextFactory<PortalDbContext> contexts, ProjectCreator creator, ApiKeyService keys, AuditLog audit)
{
    private static readonly RunStatus[] Unfinished = [RunStatus.Queued, RunStatus.Running, RunStatus.Stopping, RunStatus.Interrupted];

    /// <summary>The actor's projects, by team and name.</summary>
    public async Task<IReadOnlyList<ProjectCard>> ListAsync(Actor actor, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var rows = await db.Projects.VisibleTo(actor)
            .OrderBy(p => p.Team.Name).ThenBy(p => p.Name)
            .Select(p => new
            {
                p.Id,
                p.Name,
                p.TeamId,
                TeamName = p.Team.Name,
                p.CreatedAt,
                p.Team.Memberships.Single(m => m.UserId == actor.UserId).Role,
                Datasets = db.Datasets.Count(d => d.ProjectId == p.Id),
                Runs = db.Runs.Count(r => r.ProjectId == p.Id),
                ActiveRuns = db.Runs.Count(r => r.ProjectId == p.Id && Unfinished.Contains(r.Status)),
                Services = db.Services.Count(s => s.ProjectId == p.Id),
                LastEntry = db.AuditEntries.Where(a => a.ProjectId == p.Id).OrderByDescending(a => a.Id).Select(a => (DateTimeOffset?)a.Time).FirstOrDefault(),
            })
            .ToListAsync(cancellationToken);
        return [.. rows.Select(p => new ProjectCard(p.Id, p.Name, p.TeamId, p.TeamName, p.Role, p.Datasets, p.Runs, p.ActiveRuns, p.Services, p.LastEntry ?? p.CreatedAt))];
    }

    /// <summary>What the project's first page shows.</summary>
    public async Task<ProjectOverview> GetOverviewAsync(Actor actor, Guid projectId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireProjectAsync(actor, projectId, Permission.View, cancellationToken);
        var counts = await db.Projects.VisibleTo(actor).Where(p => p.Id == projectId)
            .Select(p => new
            {
                p.Name,
                Datasets = db.Datasets.Count(d => d.ProjectId == p.Id),
                GoodRows = db.Datasets.Where(d => d.ProjectId == p.Id).Sum(d => d.GoodRows),
                Runs = db.Runs.Count(r => r.ProjectId == p.Id),
                ActiveRuns = db.Runs.Count(r => r.ProjectId == p.Id && Unfinished.Contains(r.Status)),
                Models = db.ModelVersions.Count(v => v.ProjectId == p.Id),
                Services = db.Services.Count(s => s.ProjectId == p.Id),
                Keys = db.ApiKeys.Count(k => k.ProjectId == p.Id && !k.Hidden && k.RevokedAt == null),
            })
            .SingleAsync(cancellationToken);
        var recent = await db.Runs.VisibleTo(actor).Where(r => r.ProjectId == projectId)
            .OrderByDescending(r => r.CreatedAt)
            .Take(5)
            .Select(r => new RecentRun(r.Id, r.Name, r.Status, r.Progress, r.CreatedAt))
            .ToListAsync(cancellationToken);
        return new ProjectOverview(projectId, counts.Name, counts.Datasets, counts.GoodRows, counts.Runs, counts.ActiveRuns, counts.Models, counts.Services, counts.Keys, recent);
    }

    /// <summary>Makes a project in a team.</summary>
    /// <exception cref="UserErrorException">The name won't do, or the team has a project of that name (<c>NameTaken</c>).</exception>
    public async Task<Guid> CreateAsync(Actor actor, Guid teamId, string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireTeamAsync(actor, teamId, Permission.ManageProjects, cancellationToken);
        var project = creator.Add(db, actor, teamId, name);
        await RequireFreeNameAsync(db, teamId, project.Name, cancellationToken);
        await db.SaveChangesAsync(cancellationToken);
        return project.Id;
    }

    /// <summary>Gives a project another name.</summary>
    public async Task RenameAsync(Actor actor, Guid projectId, string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.ManageProjects, cancellationToken);
        var project = await db.Projects.VisibleTo(actor).SingleAsync(p => p.Id == projectId, cancellationToken);
        var newName = Names.Require(name);
        if (newName == project.Name)
            return;
        await RequireFreeNameAsync(db, teamId, newName, cancellationToken);
        audit.Add(db, actor, AuditActions.ProjectRenamed, (project.Id, newName), teamId, project.Id, new Dictionary<string, string> { ["from"] = project.Name });
        project.Name = newName;
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Deletes a project with everything in it.</summary>
    /// <exception cref="UserErrorException"><c>ProjectInUse</c>: it still has services, models or datasets on a platform, or runs under way, which would be orphaned there.</exception>
    public async Task DeleteAsync(Actor actor, Guid projectId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var (teamId, _) = await db.RequireProjectAsync(actor, projectId, Permission.ManageProjects, cancellationToken);
        var services = await db.Services.CountAsync(s => s.ProjectId == projectId, cancellationToken);
        var models = await db.ModelSets.CountAsync(m => m.ProjectId == projectId, cancellationToken);
        var datasets = await db.Datasets.CountAsync(d => d.ProjectId == projectId, cancellationToken);
        var runs = await db.Runs.CountAsync(r => r.ProjectId == projectId && Unfinished.Contains(r.Status), cancellationToken);
        if (services + models + datasets + runs > 0)
            throw new UserErrorException("ProjectInUse", services, models, datasets, runs);

        var project = await db.Projects.VisibleTo(actor).SingleAsync(p => p.Id == projectId, cancellationToken);
        var accessKeys = await db.ApiKeys.Where(k => k.ProjectId == projectId).Select(k => k.AccessKey).ToListAsync(cancellationToken);
        // Runs point at connections, and a connection can't go before they do.
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await db.Runs.Where(r => r.ProjectId == projectId).ExecuteDeleteAsync(cancellationToken);
        db.Projects.Remove(project);
        audit.Add(db, actor, AuditActions.ProjectDeleted, (project.Id, project.Name), teamId, project.Id);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        keys.Forget(accessKeys);
    }

    private static async Task RequireFreeNameAsync(PortalDbContext db, Guid teamId, string name, CancellationToken cancellationToken)
    {
        if (await db.Projects.AnyAsync(p => p.TeamId == teamId && p.Name == name, cancellationToken))
            throw new UserErrorException("NameTaken", name);
    }
}
