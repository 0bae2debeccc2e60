using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Teams;

/// <summary>An invitation that can still be used, as the team's owners see it: without its link.</summary>
public sealed record InvitationRow(Guid Id, TeamRole Role, string? CreatedBy, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt);

/// <summary>What somebody who opened an invitation's link may know.</summary>
public sealed record OpenInvitation(Guid Id, Guid TeamId, string TeamName, TeamRole Role);

/// <summary>Invitations by link: good once, for a while, until revoked. Thread-safe.</summary>
public sealed class InvitationService(IDbContextFactory<PortalDbContext> contexts, AuditLog audit, TimeProvider time, IOptions<PortalOptions> options)
{
    /// <summary>A team's invitations that can still be used, newest first.</summary>
    public async Task<IReadOnlyList<InvitationRow>> ListAsync(Actor actor, Guid teamId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireTeamAsync(actor, teamId, Permission.ManageTeam, cancellationToken);
        return await Open(db).Where(i => i.TeamId == teamId)
            .OrderByDescending(i => i.CreatedAt)
            .Select(i => new InvitationRow(i.Id, i.Role, db.Users.Where(u => u.Id == i.CreatedById).Select(u => u.DisplayName).FirstOrDefault(), i.CreatedAt, i.ExpiresAt))
            .ToListAsync(cancellationToken);
    }

    /// <summary>Makes an invitation.</summary>
    /// <returns>Its link, which can't be had again.</returns>
    public async Task<string> CreateAsync(Actor actor, Guid teamId, TeamRole role, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireTeamAsync(actor, teamId, Permission.ManageTeam, cancellationToken);
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var now = time.GetUtcNow();
        var invitation = new Invitation
        {
            TeamId = teamId,
            Role = role,
            TokenHash = Hash(token),
            CreatedById = actor.UserId,
            CreatedAt = now,
            ExpiresAt = now + options.Value.InvitationLifetime,
        };
        db.Invitations.Add(invitation);
        audit.Add(db, actor, AuditActions.MemberInvited, (invitation.Id, ""), teamId, parameters: new Dictionary<string, string> { ["role"] = role.ToString() });
        await db.SaveChangesAsync(cancellationToken);
        return options.Value.PublicUrl + Urls.Invitation(token);
    }

    /// <summary>Makes a link useless.</summary>
    public async Task RevokeAsync(Actor actor, Guid teamId, Guid invitationId, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.RequireTeamAsync(actor, teamId, Permission.ManageTeam, cancellationToken);
        var invitation = await Open(db).SingleOrDefaultAsync(i => i.Id == invitationId && i.TeamId == teamId, cancellationToken) ?? throw new NotFoundException("invitation");
        invitation.RevokedAt = time.GetUtcNow();
        audit.Add(db, actor, AuditActions.InvitationRevoked, (invitation.Id, ""), teamId, parameters: new Dictionary<string, string> { ["role"] = invitation.Role.ToString() });
        await db.SaveChangesAsync(cancellationToken);
    }

    /// <summary>What a link leads to; null if it is unknown, used, revoked or too old: the link's opener can't tell which.</summary>
    public async Task<OpenInvitation?> FindAsync(string token, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var hash = Hash(token);
        return await Open(db).Where(i => i.TokenHash == hash)
            .Select(i => new OpenInvitation(i.Id, i.TeamId, i.Team.Name, i.Role))
            .SingleOrDefaultAsync(cancellationToken);
    }

    /// <summary>Lets the actor join.</summary>
    /// <returns>The team.</returns>
    /// <exception cref="UserErrorException"><c>InvitationGone</c>, or <c>AlreadyMember</c>, which leaves the link unused.</exception>
    public async Task<Guid> AcceptAsync(Actor actor, string token, CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var teamId = await AcceptAsync(db, actor, token, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return teamId;
    }

    /// <summary>As <see cref="AcceptAsync(Actor, string, CancellationToken)"/>, in the caller's transaction: for whoever makes an account on the way.</summary>
    internal async Task<Guid> AcceptAsync(PortalDbContext db, Actor actor, string token, CancellationToken cancellationToken)
    {
        var hash = Hash(token);
        var now = time.GetUtcNow();
        // Taken by an update that only one can win, before anything is read: two who click at once must not both join.
        var taken = await Open(db).Where(i => i.TokenHash == hash)
            .ExecuteUpdateAsync(set => set.SetProperty(i => i.AcceptedById, actor.UserId).SetProperty(i => i.AcceptedAt, now), cancellationToken);
        if (taken == 0)
            throw new UserErrorException("InvitationGone");
        var invitation = await db.Invitations.AsNoTracking().SingleAsync(i => i.TokenHash == hash, cancellationToken);
        if (await db.Memberships.AnyAsync(m => m.TeamId == invitation.TeamId && m.UserId == actor.UserId, cancellationToken))
            throw new UserErrorException("AlreadyMember");
        db.Memberships.Add(new Membership { TeamId = invitation.TeamId, UserId = actor.UserId, Role = invitation.Role, JoinedAt = now });
        audit.Add(db, actor, AuditActions.MemberJoined, (actor.UserId, actor.Name), invitation.TeamId, parameters: new Dictionary<string, string> { ["role"] = invitation.Role.ToString() });
        await db.SaveChangesAsync(cancellationToken);
        return invitation.TeamId;
    }

    private static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private IQueryable<Invitation> Open(PortalDbContext db)
    {
        var now = time.GetUtcNow();
        return db.Invitations.Where(i => i.AcceptedAt == null && i.RevokedAt == null && i.ExpiresAt > now);
    }
}
