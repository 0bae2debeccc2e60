using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;

namespace Qianfan.Portal.Security;

/// <summary>The system role, looked up where it counts: a cookie may be a minute older than the truth.</summary>
public static class AdminAccess
{
    /// <summary>Makes sure that the actor is an admin.</summary>
    /// <exception cref="ForbiddenException">They are not.</exception>
    public static async Task RequireAdminAsync(this PortalDbContext db, Actor actor, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(db);
        ArgumentNullException.ThrowIfNull(actor);
        if (!await db.Admins().AnyAsync(u => u.Id == actor.UserId, cancellationToken))
            throw new ForbiddenException(Permission.ManageTeam);
    }

    /// <summary>All admins.</summary>
    public static IQueryable<PortalUser> Admins(this PortalDbContext db)
    {
        ArgumentNullException.ThrowIfNull(db);
        return db.Users.Where(u => db.UserRoles.Any(r => r.UserId == u.Id && db.Roles.Any(role => role.Id == r.RoleId && role.Name == SystemRoles.Admin)));
    }
}
