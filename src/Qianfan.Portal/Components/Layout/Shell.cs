using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Components.Layout;

/// <summary>A project as the layout knows it. Cascaded to the pages of that project.</summary>
/// <param name="Id">The project's id.</param>
/// <param name="Name">The project's name.</param>
/// <param name="TeamId">Its team's id.</param>
/// <param name="TeamName">Its team's name.</param>
/// <param name="Role">Role of the person at this browser in that team.</param>
public sealed record ProjectContext(Guid Id, string Name, Guid TeamId, string TeamName, TeamRole Role)
{
    /// <summary>Whether the person may do something in the project: for hiding buttons. Services check again.</summary>
    public bool Allows(Permission permission) => Role.Allows(permission);
}

/// <summary>What the frame around the pages shows: the person and their projects. One per circuit.</summary>
public sealed class Shell(IDbContextFactory<PortalDbContext> contexts, CurrentUser currentUser)
{
    /// <summary>Something in it changed; render again.</summary>
    public event Func<Task>? Changed;

    /// <summary>Name of the person.</summary>
    public string DisplayName { get; private set; } = "";

    /// <summary>Address that the person signs in with.</summary>
    public string Email { get; private set; } = "";

    /// <summary>Whether the person has the system role Admin.</summary>
    public bool IsAdmin { get; private set; }

    /// <summary>The projects of the person's teams, by team and name.</summary>
    public IReadOnlyList<ProjectContext> Projects { get; private set; } = [];

    /// <summary>Reads it again; pages call it after they made, renamed or deleted what it shows.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var actor = await currentUser.GetAsync();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        DisplayName = await db.Users.Where(u => u.Id == actor.UserId).Select(u => u.DisplayName).SingleOrDefaultAsync(cancellationToken) is { Length: > 0 } name ? name : actor.Name;
        Email = actor.Name;
        IsAdmin = actor.IsAdmin;
        Projects = await db.Memberships
            .Where(m => m.UserId == actor.UserId)
            .Join(db.Projects, m => m.TeamId, p => p.TeamId, (m, p) => new { Project = p, TeamName = m.Team.Name, m.Role })
            .OrderBy(p => p.TeamName).ThenBy(p => p.Project.Name)
            .Select(p => new ProjectContext(p.Project.Id, p.Project.Name, p.Project.TeamId, p.TeamName, p.Role))
            .ToListAsync(cancellationToken);
        if (Changed is { } changed)
            await changed();
    }

    /// <summary>The project whose pages an address belongs to; null for other addresses.</summary>
    public static Guid? ProjectIdOf(string relativePath)
    {
        ArgumentNullException.ThrowIfNull(relativePath);
        var parts = relativePath.Split('?', '#')[0].Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts is ["projects", var id, ..] && Guid.TryParse(id, out var projectId) ? projectId : null;
    }
}
