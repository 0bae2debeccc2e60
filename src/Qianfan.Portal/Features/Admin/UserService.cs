using System.Data;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Account;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Admin;

/// <summary>An account as admins see it.</summary>
public sealed record UserRow(Guid Id, string DisplayName, string Email, bool IsAdmin, bool IsLocked, int Teams, DateTimeOffset CreatedAt);

/// <summary>Accounts, for admins. Thread-safe.</summary>
public sealed class UserService(IServiceScopeFactory scopes, AuditLog audit, TimeProvider time)
{
    // Without characters that look alike: somebody reads it out.
    private const string PasswordAlphabet = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    /// <summary>All accounts, by address.</summary>
    public async Task<IReadOnlyList<UserRow>> ListAsync(Actor actor, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<PortalDbContext>();
        await db.RequireAdminAsync(actor, cancellationToken);
        var now = time.GetUtcNow();
        var admins = db.Admins();
        return await db.Users.OrderBy(u => u.Email)
            .Select(u => new UserRow(
                u.Id,
                u.DisplayName,
                u.Email!,
                admins.Any(a => a.Id == u.Id),
                u.LockoutEnd != null && u.LockoutEnd > now,
                db.Memberships.Count(m => m.UserId == u.Id),
                u.CreatedAt))
            .ToListAsync(cancellationToken);
    }

    /// <summary>Makes an account.</summary>
    /// <returns>Its first password, which can't be had again.</returns>
    /// <exception cref="AccountException">The address won't do.</exception>
    public Task<string> CreateAsync(Actor actor, string email, string displayName, CancellationToken cancellationToken) =>
        InTransactionAsync(actor, async (db, users) =>
        {
            var user = PortalUsers.New(email, displayName, time.GetUtcNow());
            var password = NewPassword();
            (await users.CreateAsync(user, password)).ThrowIfFailed();
            audit.Add(db, actor, AuditActions.UserCreated, (user.Id, user.UserName!));
            return password;
        }, cancellationToken);

    /// <summary>Gives an account a new password and unlocks it.</summary>
    /// <returns>The password, which can't be had again.</returns>
    public Task<string> ResetPasswordAsync(Actor actor, Guid userId, CancellationToken cancellationToken) =>
        InTransactionAsync(actor, async (db, users) =>
        {
            var user = await FindAsync(users, userId);
            var password = NewPassword();
            (await users.ResetPasswordAsync(user, await users.GeneratePasswordResetTokenAsync(user), password)).ThrowIfFailed();
            (await users.SetLockoutEndDateAsync(user, null)).ThrowIfFailed();
            (await users.ResetAccessFailedCountAsync(user)).ThrowIfFailed();
            audit.Add(db, actor, AuditActions.UserPasswordReset, (user.Id, user.UserName!));
            return password;
        }, cancellationToken);

    /// <summary>Locks an account until it is unlocked, or unlocks it. Locking ends its logins within a minute.</summary>
    /// <exception cref="UserErrorException"><c>NotYourself</c>.</exception>
    public Task SetLockedAsync(Actor actor, Guid userId, bool locked, CancellationToken cancellationToken) =>
        InTransactionAsync(actor, async (db, users) =>
        {
            RequireOther(actor, userId);
            var user = await FindAsync(users, userId);
            (await users.SetLockoutEndDateAsync(user, locked ? DateTimeOffset.MaxValue : null)).ThrowIfFailed();
            if (locked)
                (await users.UpdateSecurityStampAsync(user)).ThrowIfFailed();
            else
                (await users.ResetAccessFailedCountAsync(user)).ThrowIfFailed();
            audit.Add(db, actor, locked ? AuditActions.UserLocked : AuditActions.UserUnlocked, (user.Id, user.UserName!));
            return 0;
        }, cancellationToken);

    /// <summary>Gives or takes the system role Admin.</summary>
    /// <exception cref="UserErrorException"><c>LastAdmin</c>: nobody would be left to manage the portal.</exception>
    public Task SetAdminAsync(Actor actor, Guid userId, bool isAdmin, CancellationToken cancellationToken) =>
        InTransactionAsync(actor, async (db, users) =>
        {
            var user = await FindAsync(users, userId);
            if (await users.IsInRoleAsync(user, SystemRoles.Admin) == isAdmin)
                return 0;
            if (!isAdmin)
                await RequireAnotherAdminAsync(db, userId, cancellationToken);
            (isAdmin ? await users.AddToRoleAsync(user, SystemRoles.Admin) : await users.RemoveFromRoleAsync(user, SystemRoles.Admin)).ThrowIfFailed();
            // Roles are in the cookie: a new stamp makes it be written again.
            (await users.UpdateSecurityStampAsync(user)).ThrowIfFailed();
            audit.Add(db, actor, AuditActions.UserRoleChanged, (user.Id, user.UserName!), parameters: new Dictionary<string, string> { ["to"] = isAdmin ? SystemRoles.Admin : "User" });
            return 0;
        }, cancellationToken);

    /// <summary>Deletes an account and its memberships.</summary>
    /// <exception cref="UserErrorException"><c>NotYourself</c>, <c>LastAdmin</c>, or <c>LastOwnerOf</c> with the name of a team that would have no owner.</exception>
    public Task DeleteAsync(Actor actor, Guid userId, CancellationToken cancellationToken) =>
        InTransactionAsync(actor, async (db, users) =>
        {
            RequireOther(actor, userId);
            var user = await FindAsync(users, userId);
            if (await users.IsInRoleAsync(user, SystemRoles.Admin))
                await RequireAnotherAdminAsync(db, userId, cancellationToken);
            var orphan = await db.Memberships
                .Where(m => m.UserId == userId && m.Role == TeamRole.Owner && !m.Team.Memberships.Any(o => o.UserId != userId && o.Role == TeamRole.Owner))
                .Select(m => m.Team.Name)
                .FirstOrDefaultAsync(cancellationToken);
            if (orphan is not null)
                throw new UserErrorException("LastOwnerOf", orphan);
            audit.Add(db, actor, AuditActions.UserDeleted, (user.Id, user.UserName!));
            (await users.DeleteAsync(user)).ThrowIfFailed();
            return 0;
        }, cancellationToken);

    private static string NewPassword() => RandomNumberGenerator.GetString(PasswordAlphabet, 16);

    private static async Task<PortalUser> FindAsync(UserManager<PortalUser> users, Guid userId) =>
        await users.FindByIdAsync(userId.ToString()) ?? throw new NotFoundException("user");

    private static void RequireOther(Actor actor, Guid userId)
    {
        if (actor.UserId == userId)
            throw new UserErrorException("NotYourself");
    }

    private static async Task RequireAnotherAdminAsync(PortalDbContext db, Guid userId, CancellationToken cancellationToken)
    {
        if (!await db.Admins().AnyAsync(u => u.Id != userId, cancellationToken))
            throw new UserErrorException("LastAdmin");
    }

    // Identity saves at each step; the transaction makes it one change, and no second admin can leave at the same moment.
    private async Task<T> InTransactionAsync<T>(Actor actor, Func<PortalDbContext, UserManager<PortalUser>, Task<T>> change, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<PortalDbContext>();
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.Serializable, cancellationToken);
        await db.RequireAdminAsync(actor, cancellationToken);
        var result = await change(db, scope.ServiceProvider.GetRequiredService<UserManager<PortalUser>>());
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return result;
    }
}
