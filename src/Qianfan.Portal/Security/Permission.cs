using Qianfan.Portal.Features.Teams;

namespace Qianfan.Portal.Security;

/// <summary>What a member of a team may be allowed to do.</summary>
public enum Permission
{
    /// <summary>See everything of the team except secrets.</summary>
    View,

    /// <summary>Talk to models in the console.</summary>
    UseConsole,

    /// <summary>Upload and delete datasets.</summary>
    EditDatasets,

    /// <summary>Start, stop, resume and delete runs.</summary>
    EditRuns,

    /// <summary>Delete models; deploy, stop, start and delete services.</summary>
    EditServices,

    /// <summary>Make and revoke API keys; add, change and delete connections.</summary>
    ManageCredentials,

    /// <summary>Create, rename and delete projects.</summary>
    ManageProjects,

    /// <summary>Invite, change and remove members; rename and delete the team.</summary>
    ManageTeam,
}

/// <summary>Which role may do what.</summary>
public static class Permissions
{
    /// <summary>The roles that have a permission.</summary>
    public static TeamRole[] RolesWith(Permission permission) => permission switch
    {
        Permission.View or Permission.UseConsole => [TeamRole.Owner, TeamRole.Maintainer, TeamRole.Member, TeamRole.Viewer],
        Permission.EditDatasets or Permission.EditRuns or Permission.EditServices => [TeamRole.Owner, TeamRole.Maintainer, TeamRole.Member],
        Permission.ManageCredentials or Permission.ManageProjects => [TeamRole.Owner, TeamRole.Maintainer],
        // Whatever is added later and forgotten here is for owners alone.
        _ => [TeamRole.Owner],
    };

    /// <summary>Whether a role has a permission.</summary>
    public static bool Allows(this TeamRole role, Permission permission) => RolesWith(permission).Contains(role);
}
