using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Security;

/// <summary>What each role may do through the services: pages hide buttons, services decide.</summary>
public class RoleTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static readonly (string Name, Permission Needs, Func<PortalFactory, Actor, Guid, Task> Act)[] Operations =
    [
        ("see the overview", Permission.View, (p, a, project) => p.Get<ProjectService>().GetOverviewAsync(a, project, Cancel)),
        ("see the keys", Permission.View, (p, a, project) => p.Get<ApiKeyService>().ListAsync(a, project, Cancel)),
        ("see the connections", Permission.View, (p, a, project) => p.Get<ConnectionService>().ListAsync(a, project, Cancel)),
        ("see the audit", Permission.View, (p, a, project) => p.Get<AuditService>().ListProjectAsync(a, project, new AuditFilter(), 0, 10, Cancel)),
        ("make a key", Permission.ManageCredentials, (p, a, project) => p.Get<ApiKeyService>().CreateAsync(a, project, "key", ApiKeyScopes.Full, Cancel)),
        ("add a connection", Permission.ManageCredentials, (p, a, project) => p.Get<ConnectionService>().CreateAsync(a, project, new NewConnection(Guid.NewGuid().ToString(), ConnectionKind.Cloud, null, "access", "secret", null), Cancel)),
        ("rename the project", Permission.ManageProjects, (p, a, project) => p.Get<ProjectService>().RenameAsync(a, project, "Name " + Guid.NewGuid(), Cancel)),
    ];

    [Theory]
    [InlineData(TeamRole.Owner)]
    [InlineData(TeamRole.Maintainer)]
    [InlineData(TeamRole.Member)]
    [InlineData(TeamRole.Viewer)]
    public async Task A_role_may_do_what_its_permissions_say_and_nothing_else(TeamRole role)
    {
        await using var portal = new PortalFactory();
        var actor = await portal.AddUserAsync("somebody@example.com", role);

        foreach (var (name, needs, act) in Operations)
        {
            if (role.Allows(needs))
                await Should.NotThrowAsync(() => act(portal, actor, portal.ProjectId), $"{role} may {name}");
            else
                await Should.ThrowAsync<ForbiddenException>(() => act(portal, actor, portal.ProjectId), $"{role} may not {name}");
        }
    }

    [Fact]
    public async Task Another_teams_owner_finds_nothing_not_even_as_an_admin()
    {
        await using var portal = new PortalFactory();
        var (_, otherProject) = await portal.AddTeamAsync("other@example.com");
        var stranger = await portal.ActorAsync("other@example.com");
        var admin = await portal.ActorAsync();
        admin.IsAdmin.ShouldBeTrue();

        foreach (var (name, _, act) in Operations)
        {
            await Should.ThrowAsync<NotFoundException>(() => act(portal, stranger, portal.ProjectId), name);
            await Should.ThrowAsync<NotFoundException>(() => act(portal, admin, otherProject), name);
        }
    }

    [Fact]
    public void Every_permission_is_the_owners_and_no_lower_role_has_more_than_a_higher_one()
    {
        foreach (var permission in Enum.GetValues<Permission>())
        {
            TeamRole.Owner.Allows(permission).ShouldBeTrue();
            var roles = Enum.GetValues<TeamRole>().Select(r => r.Allows(permission)).ToList();
            roles.ShouldBe([.. roles.OrderByDescending(allowed => allowed)], permission.ToString());
        }
    }
}
