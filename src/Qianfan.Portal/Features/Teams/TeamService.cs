using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Teams;

/// <summary>A team of the actor's.</summary>
public sealed record TeamRow(Guid Id, string Name, TeamRole Role, int Members, int Projects, DateTimeOffset CreatedAt);

/// <summary>A member of a team.</summary>
public sealed record MemberRow(Guid UserId, string DisplayName, string Email, TeamRole Role, DateTimeOffset JoinedAt);

/// <summary>Teams and their members. Thread-safe.</summary>
public sealed class TeamService(IDbContextFactory<PortalDbContext> contexts, AuditLog audit, TimeProvider time)
{
    /// <summary>The actor's teams, by name.</summary>
    public async Task<IReadOnlyList<TeamRow>> ListAsync(Actor actor, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await Rows(db, db.Memberships.Where(m => m.UserId == actor.UserId).OrderBy(m => m.Team.Name)).ToListAsync(cancellationToken);
    }

    /// <summary>One of the actor's teams.</summary>
    /// <exception cref="NotFoundException">There is no such team, or the actor is not in it.</exception>
    public async Task<TeamRow> GetAsync(Actor actor, Guid teamId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        return await Rows(db, db.Memberships.Where(m => m.UserId == actor.UserId && m.TeamId == teamId)).SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("team");
    }

    /// <summary>Makes a team that the actor owns.</summary>
    public async Task<Guid> CreateAsync(Actor actor, string name, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var team = new Team { Name = Names.Require(name), CreatedAt = time.GetUtcNow() };
        team.Memberships.Add(new Membership { UserId = actor.UserId, Role = TeamRole.Owner, JoinedAt = time.GetUtcNow() });
        db.Teams.Add(team);
        audit.Add(db, actor, AuditActions.TeamCreated, (team.Id, team.Name), team.Id);
        await db.SaveChangesAsync(cancellationToken);
        return team.Id;
    }

    /// <summary>Gives a team another name.</summary>
    public async Task RenameAsync(Actor actor, Guid teamId, string name, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireTeamAsync(actor, teamId, Permission.ManageTeam, cancellationToken);
        var team = await db.Teams.VisibleTo(actor).SingleAsync(t => t.Id == teamId, cancellationToken);
        var newName = Names.Require(name);
        if (newName == team.Name)
            return;
        audit.Add(db, actor, AuditActions.TeamRenamed, (team.Id, newName), teamId, parameters: new Dictionary<string, string> { ["from"] = team.Name });
        team.Name = newName;
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Deletes a team that has no project.</summary>
    /// <exception cref="UserErrorException"><c>TeamHasProjects</c> with their number.</exception>
    public async Task DeleteAsync(Actor actor, Guid teamId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireTeamAsync(actor, teamId, Permission.ManageTeam, cancellationToken);
        var projects = await db.Projects.CountAsync(p => p.TeamId == teamId, cancellationToken);
        if (projects > 0)
            throw new UserErrorException("TeamHasProjects", projects);
        var team = await db.Teams.VisibleTo(actor).SingleAsync(t => t.Id == teamId, cancellationToken);
        db.Teams.Remove(team);
        audit.Add(db, actor, AuditActions.TeamDeleted, (team.Id, team.Name));
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>A team's members: owners first, then by name.</summary>
    public async Task<IReadOnlyList<MemberRow>> ListMembersAsync(Actor actor, Guid teamId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireTeamAsync(actor, teamId, Permission.View, cancellationToken);
        var members = await db.Memberships.Where(m => m.TeamId == teamId)
            .Select(m => new MemberRow(m.UserId, m.User.DisplayName, m.User.Email!, m.Role, m.JoinedAt))
            .ToListAsync(cancellationToken);
        // Roles are stored as words, so the database would sort them by the alphabet.
        return [.. members.OrderBy(m => m.Role).ThenBy(m => m.DisplayName, StringComparer.CurrentCulture)];
    }

    /// <summary>Gives a member another role.</summary>
    /// <exception cref="UserErrorException"><c>LastOwner</c>: nobody would be left to manage the team.</exception>
    public async Task ChangeRoleAsync(Actor actor, Guid teamId, Guid userId, TeamRole role, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(System.Data.IsolationLevel.Serializable, cancellationToken);
        await db.RequireTeamAsync(actor, teamId, Permission.ManageTeam, cancellationToken);
        var member = await FindAsync(db, teamId, userId, cancellationToken);
        if (member.Role == role)
            return;
        if (member.Role is TeamRole.Owner)
            await RequireAnotherOwnerAsync(db, teamId, userId, cancellationToken);
        audit.Add(db, actor, AuditActions.MemberRoleChanged, (userId, member.User.Email ?? ""), teamId, parameters: new Dictionary<string, string> { ["from"] = member.Role.ToString(), ["to"] = role.ToString() });
        member.Role = role;
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Takes a member out of a team; everybody may take themselves out.</summary>
    /// <exception cref="UserErrorException"><c>LastOwner</c>: nobody would be left to manage the team.</exception>
    public async Task RemoveAsync(Actor actor, Guid teamId, Guid userId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(System.Data.IsolationLevel.Serializable, cancellationToken);
        await db.RequireTeamAsync(actor, teamId, userId == actor.UserId ? Permission.View : Permission.ManageTeam, cancellationToken);
        var member = await FindAsync(db, teamId, userId, cancellationToken);
        if (member.Role is TeamRole.Owner)
            await RequireAnotherOwnerAsync(db, teamId, userId, cancellationToken);
        db.Memberships.Remove(member);
        audit.Add(db, actor, AuditActions.MemberRemoved, (userId, member.User.Email ?? ""), teamId);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static IQueryable<TeamRow> Rows(PortalDbContext db, IQueryable<Membership> memberships) =>
        memberships.Select(m => new TeamRow(
            m.TeamId,
            m.Team.Name,
            m.Role,
            m.Team.Memberships.Count,
            db.Projects.Count(p => p.TeamId == m.TeamId),
            m.Team.CreatedAt));

    private static async Task<Membership> FindAsync(PortalDbContext db, Guid teamId, Guid userId, CancellationToken cancellationToken) =>
        await db.Memberships.Include(m => m.User).SingleOrDefaultAsync(m => m.TeamId == teamId && m.UserId == userId, cancellationToken)
        ?? throw new NotFoundException("member");

    private static async Task RequireAnotherOwnerAsync(PortalDbContext db, Guid teamId, Guid userId, CancellationToken cancellationToken)
    {
        if (!await db.Memberships.AnyAsync(m => m.TeamId == teamId && m.UserId != userId && m.Role == TeamRole.Owner, cancellationToken))
            throw new UserErrorException("LastOwner");
    }
}
