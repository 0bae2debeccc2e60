using Microsoft.AspNetCore.Components.Routing;
using MudBlazor;

namespace Qianfan.Portal.Components.Layout;

/// <summary>A link of the side navigation.</summary>
/// <param name="TextKey">Resource of its name.</param>
/// <param name="Icon">One of MudBlazor's icons.</param>
/// <param name="Href">Where it leads.</param>
/// <param name="Match">When it counts as the current one.</param>
public sealed record NavItem(string TextKey, string Icon, string Href, NavLinkMatch Match = NavLinkMatch.Prefix);

/// <summary>Links that belong together.</summary>
/// <param name="TitleKey">Resource of the heading; null for none.</param>
/// <param name="Items">The links.</param>
public sealed record NavGroup(string? TitleKey, IReadOnlyList<NavItem> Items);

/// <summary>The side navigation as data.</summary>
public static class NavItems
{
    /// <summary>The links for a project's pages, or for the pages outside of projects.</summary>
    public static IReadOnlyList<NavGroup> For(ProjectContext? project, bool isAdmin)
    {
        List<NavGroup> groups = [];
        if (project is null)
        {
            groups.Add(new(null,
            [
                new("Nav_Projects", Icons.Material.Outlined.GridView, Urls.Home, NavLinkMatch.All),
                new("Nav_Teams", Icons.Material.Outlined.Group, Urls.Teams),
            ]));
            if (isAdmin)
            {
                groups.Add(new("Nav_Admin",
                [
                    new("Nav_Users", Icons.Material.Outlined.ManageAccounts, Urls.AdminUsers),
                    new("Nav_Quotas", Icons.Material.Outlined.DataUsage, Urls.AdminQuotas),
                    new("Nav_SystemAudit", Icons.Material.Outlined.History, Urls.AdminAudit),
                ]));
            }

            return groups;
        }

        var id = project.Id;
        groups.Add(new(null, [new("Nav_Overview", Icons.Material.Outlined.SpaceDashboard, Urls.Project(id), NavLinkMatch.All)]));
        groups.Add(new("Nav_Build",
        [
            new("Nav_Datasets", Icons.Material.Outlined.Dataset, Urls.Datasets(id)),
            new("Nav_Runs", Icons.Material.Outlined.ModelTraining, Urls.Runs(id)),
            new("Nav_Models", Icons.Material.Outlined.ViewInAr, Urls.Models(id)),
        ]));
        groups.Add(new("Nav_Use",
        [
            new("Nav_Services", Icons.Material.Outlined.Dns, Urls.Services(id)),
            new("Nav_Console", Icons.Material.Outlined.Forum, Urls.Console(id)),
        ]));
        groups.Add(new("Nav_Manage",
        [
            new("Nav_ApiKeys", Icons.Material.Outlined.VpnKey, Urls.ApiKeys(id)),
            new("Nav_Connections", Icons.Material.Outlined.Cable, Urls.Connections(id)),
            new("Nav_Usage", Icons.Material.Outlined.QueryStats, Urls.Usage(id)),
            new("Nav_Audit", Icons.Material.Outlined.History, Urls.Audit(id)),
        ]));
        return groups;
    }
}
