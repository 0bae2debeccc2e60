using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Account;

/// <summary>Identity's user manager that leaves an audit entry when an account locks itself.</summary>
internal sealed class PortalUserManager(
    IUserStore<PortalUser> store,
    IOptions<IdentityOptions> options,
    IPasswordHasher<PortalUser> hasher,
    IEnumerable<IUserValidator<PortalUser>> userValidators,
    IEnumerable<IPasswordValidator<PortalUser>> passwordValidators,
    ILookupNormalizer normalizer,
    IdentityErrorDescriber errors,
    IServiceProvider services,
    ILogger<UserManager<PortalUser>> logger,
    PortalDbContext db,
    AuditLog audit) : UserManager<PortalUser>(store, options, hasher, userValidators, passwordValidators, normalizer, errors, services, logger)
{
    public override Task<IdentityResult> AccessFailedAsync(PortalUser user)
    {
        ArgumentNullException.ThrowIfNull(user);
        // The store saves the same context: entry and lock land in one transaction.
        if (user.AccessFailedCount + 1 >= Options.Lockout.MaxFailedAccessAttempts)
            audit.Add(db, Actor.System, AuditActions.UserLockedOut, (user.Id, user.UserName ?? ""));
        return base.AccessFailedAsync(user);
    }
}
