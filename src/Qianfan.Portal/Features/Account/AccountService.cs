using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Account;

/// <summary>What people do with their own account. Thread-safe.</summary>
public sealed class AccountService(IServiceScopeFactory scopes, AuditLog audit, InvitationService invitations, TimeProvider time)
{
    /// <summary>Makes an account for somebody with an invitation and lets them join: both, or nothing.</summary>
    /// <returns>The team.</returns>
    /// <exception cref="AccountException">The address or the password won't do.</exception>
    /// <exception cref="UserErrorException"><c>InvitationGone</c>.</exception>
    public async Task<Guid> RegisterAsync(string token, string email, string displayName, string password, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<PortalDbContext>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var user = PortalUsers.New(email, displayName, time.GetUtcNow());
        var actor = new Actor(ActorKind.User, user.Id, user.UserName!);
        audit.Add(db, actor, AuditActions.UserCreated, (user.Id, user.UserName!));
        (await scope.ServiceProvider.GetRequiredService<UserManager<PortalUser>>().CreateAsync(user, password)).ThrowIfFailed();
        var teamId = await invitations.AcceptAsync(db, actor, token, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return teamId;
    }

    /// <summary>Changes the actor's password; every other login of theirs ends.</summary>
    /// <exception cref="AccountException">The current password is wrong, or the new one won't do.</exception>
    public async Task ChangePasswordAsync(Actor actor, string current, string password, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<PortalDbContext>();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var (users, user) = await FindAsync(scope, actor);
        (await users.ChangePasswordAsync(user, current, password)).ThrowIfFailed();
        audit.Add(db, actor, AuditActions.UserPasswordChanged, (user.Id, user.UserName!));
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>The actor's name as others see it.</summary>
    public async Task<string> GetDisplayNameAsync(Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(actor);
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<PortalDbContext>();
        return await db.Users.Where(u => u.Id == actor.UserId).Select(u => u.DisplayName).SingleOrDefaultAsync(cancellationToken) ?? throw new NotFoundException("user");
    }

    /// <summary>Changes the actor's name as others see it.</summary>
    public async Task ChangeDisplayNameAsync(Actor actor, string displayName, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<PortalDbContext>();
        var (users, user) = await FindAsync(scope, actor);
        user.DisplayName = Names.Require(displayName);
        // The store saves the same context: entry and change land in one transaction.
        audit.Add(db, actor, AuditActions.UserRenamed, (user.Id, user.UserName!), parameters: new Dictionary<string, string> { ["to"] = user.DisplayName });
        (await users.UpdateAsync(user)).ThrowIfFailed();
    }

    private static async Task<(UserManager<PortalUser> Users, PortalUser User)> FindAsync(AsyncServiceScope scope, Actor actor)
    {
        var users = scope.ServiceProvider.GetRequiredService<UserManager<PortalUser>>();
        return (users, await users.FindByIdAsync(actor.UserId.ToString()) ?? throw new NotFoundException("user"));
    }
}
