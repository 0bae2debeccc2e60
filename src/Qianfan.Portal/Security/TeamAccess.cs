using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Teams;

namespace Qianfan.Portal.Security;

/// <summary>The team filter: it stands in the WHERE of every query, so that what is not yours does not exist for you.</summary>
public static class TeamAccess
{
    /// <summary>Rows of the actor's teams.</summary>
    public static IQueryable<T> VisibleTo<T>(this IQueryable<T> rows, Actor actor) where T : class, IProjectOwned =>
        rows.Where(r => r.Project.Team.Memberships.Any(m => m.UserId == actor.UserId));

    /// <summary>Projects of the actor's teams.</summary>
    public static IQueryable<Project> VisibleTo(this IQueryable<Project> projects, Actor actor) =>
        projects.Where(p => p.Team.Memberships.Any(m => m.UserId == actor.UserId));

    /// <summary>The actor's teams.</summary>
    public static IQueryable<Team> VisibleTo(this IQueryable<Team> teams, Actor actor) =>
        teams.Where(t => t.Memberships.Any(m => m.UserId == actor.UserId));

    /// <summary>Makes sure that the actor may do something in a project.</summary>
    /// <returns>The project's team and the actor's role in it.</returns>
    /// <exception cref="NotFoundException">There is no such project, or it is another team's: the same answer for both.</exception>
    /// <exception cref="ForbiddenException">The actor's role is too low.</exception>
    public static async Task<(Guid TeamId, TeamRole Role)> RequireProjectAsync(this PortalDbContext db, Actor actor, Guid projectId, Permission permission, CancellationToken cancellationToken)
    {
        var found = await db.Memberships
            .Where(m => m.UserId == actor.UserId && db.Projects.Any(p => p.Id == projectId && p.TeamId == m.TeamId))
            .Select(m => new { m.TeamId, m.Role })
            .SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("project");
        return found.Role.Allows(permission) ? (found.TeamId, found.Role) : throw new ForbiddenException(permission);
    }

    /// <summary>Makes sure that the actor may do something in a team.</summary>
    /// <returns>The actor's role.</returns>
    /// <exception cref="NotFoundException">There is no such team, or the actor is not in it.</exception>
    /// <exception cref="ForbiddenException">The actor's role is too low.</exception>
    public static async Task<TeamRole> RequireTeamAsync(this PortalDbContext db, Actor actor, Guid teamId, Permission permission, CancellationToken cancellationToken)
    {
        var role = await db.Memberships
            .Where(m => m.UserId == actor.UserId && m.TeamId == teamId)
            .Select(m => (TeamRole?)m.Role)
            .SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("team");
        return role.Allows(permission) ? role : throw new ForbiddenException(permission);
    }
}
