using Microsoft.AspNetCore.Identity;

namespace Qianfan.Portal.Data;

/// <summary>A person who signs in.</summary>
public sealed class PortalUser : IdentityUser<Guid>
{
    /// <summary>Name shown to other members.</summary>
    public string DisplayName { get; set; } = "";

    /// <summary>When the account was made.</summary>
    public DateTimeOffset CreatedAt { get; set; }
}

/// <summary>System-wide roles; what a person may do inside a team is in <see cref="Membership"/>.</summary>
public static class SystemRoles
{
    /// <summary>Manages users, settings and the audit log. Sees no team's data unless a member of that team.</summary>
    public const string Admin = "Admin";
}
