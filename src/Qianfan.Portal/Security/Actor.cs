using System.Security.Claims;
using Qianfan.Portal.Data;

namespace Qianfan.Portal.Security;

/// <summary>What kind of actor changes something.</summary>
public enum ActorKind
{
    User,
    ApiKey,

    /// <summary>The portal itself, such as a job that publishes what a run has trained.</summary>
    System,
}

/// <summary>Who is acting. Services take it as their first argument and put it into queries and audit entries.</summary>
/// <param name="Kind">Person, key or the portal.</param>
/// <param name="Id">User id or key id; null for the portal.</param>
/// <param name="Name">Shown in the audit log.</param>
/// <param name="IsAdmin">Has the system role Admin.</param>
public sealed record Actor(ActorKind Kind, Guid? Id, string Name, bool IsAdmin = false)
{
    /// <summary>The portal itself.</summary>
    public static Actor System { get; } = new(ActorKind.System, null, "Portal");

    /// <summary>The user id, or an id that no user has: filters with it find nothing.</summary>
    public Guid UserId => Kind is ActorKind.User && Id is { } id ? id : Guid.Empty;

    /// <summary>The person behind a principal; null when nobody is signed in.</summary>
    public static Actor? From(ClaimsPrincipal principal) =>
        principal.Identity?.IsAuthenticated is true && Guid.TryParse(principal.FindFirstValue(ClaimTypes.NameIdentifier), out var id)
            ? new Actor(ActorKind.User, id, principal.Identity.Name ?? "", principal.IsInRole(SystemRoles.Admin))
            : null;
}
