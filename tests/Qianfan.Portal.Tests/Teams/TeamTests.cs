using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Teams;

public class TeamTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_last_owner_can_neither_leave_nor_become_less()
    {
        await using var portal = new PortalFactory();
        var teams = portal.Get<TeamService>();
        var owner = await portal.ActorAsync();
        await portal.AddUserAsync("maintainer@example.com", TeamRole.Maintainer);

        (await Should.ThrowAsync<UserErrorException>(() => teams.RemoveAsync(owner, portal.TeamId, owner.UserId, Cancel))).Code.ShouldBe("LastOwner");
        (await Should.ThrowAsync<UserErrorException>(() => teams.ChangeRoleAsync(owner, portal.TeamId, owner.UserId, TeamRole.Viewer, Cancel))).Code.ShouldBe("LastOwner");

        var second = await portal.AddUserAsync("second@example.com", TeamRole.Owner);
        await teams.RemoveAsync(owner, portal.TeamId, owner.UserId, Cancel);
        (await teams.ListMembersAsync(second, portal.TeamId, Cancel)).ShouldNotContain(m => m.UserId == owner.UserId);
    }

    [Fact]
    public async Task Two_owners_who_leave_at_the_same_moment_do_not_both_get_away()
    {
        await using var portal = new PortalFactory();
        var teams = portal.Get<TeamService>();
        var first = await portal.ActorAsync();
        var second = await portal.AddUserAsync("second@example.com", TeamRole.Owner);

        var results = await Task.WhenAll(new[] { first, second }.Select(async actor =>
        {
            try
            {
                await teams.RemoveAsync(actor, portal.TeamId, actor.UserId, Cancel);
                return true;
            }
            catch (UserErrorException e) when (e.Code == "LastOwner")
            {
                return false;
            }
        }));

        results.Count(left => left).ShouldBe(1);
        await using var db = portal.Db();
        (await db.Memberships.CountAsync(m => m.TeamId == portal.TeamId && m.Role == TeamRole.Owner, Cancel)).ShouldBe(1);
    }

    [Theory]
    [InlineData(TeamRole.Maintainer)]
    [InlineData(TeamRole.Member)]
    [InlineData(TeamRole.Viewer)]
    public async Task Only_owners_manage_a_team(TeamRole role)
    {
        await using var portal = new PortalFactory();
        var teams = portal.Get<TeamService>();
        var invitations = portal.Get<InvitationService>();
        var owner = await portal.ActorAsync();
        var actor = await portal.AddUserAsync("somebody@example.com", role);

        await Should.ThrowAsync<ForbiddenException>(() => teams.RenameAsync(actor, portal.TeamId, "Mine", Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => teams.DeleteAsync(actor, portal.TeamId, Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => teams.ChangeRoleAsync(actor, portal.TeamId, actor.UserId, TeamRole.Owner, Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => teams.RemoveAsync(actor, portal.TeamId, owner.UserId, Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => invitations.CreateAsync(actor, portal.TeamId, TeamRole.Owner, Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => invitations.ListAsync(actor, portal.TeamId, Cancel));

        await teams.RemoveAsync(actor, portal.TeamId, actor.UserId, Cancel);
        (await teams.ListAsync(actor, Cancel)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_team_of_others_does_not_exist_for_anybody_else()
    {
        await using var portal = new PortalFactory();
        var teams = portal.Get<TeamService>();
        var stranger = await portal.AddUserAsync("stranger@example.com");

        await Should.ThrowAsync<NotFoundException>(() => teams.GetAsync(stranger, portal.TeamId, Cancel));
        await Should.ThrowAsync<NotFoundException>(() => teams.ListMembersAsync(stranger, portal.TeamId, Cancel));
        await Should.ThrowAsync<NotFoundException>(() => teams.RenameAsync(stranger, portal.TeamId, "Mine", Cancel));
        await Should.ThrowAsync<NotFoundException>(() => teams.DeleteAsync(stranger, portal.TeamId, Cancel));
        await Should.ThrowAsync<NotFoundException>(() => portal.Get<InvitationService>().CreateAsync(stranger, portal.TeamId, TeamRole.Viewer, Cancel));
    }

    [Fact]
    public async Task A_team_with_projects_is_not_deleted()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();

        var error = await Should.ThrowAsync<UserErrorException>(() => portal.Get<TeamService>().DeleteAsync(owner, portal.TeamId, Cancel));

        error.Code.ShouldBe("TeamHasProjects");
        await using var db = portal.Db();
        (await db.Teams.AnyAsync(t => t.Id == portal.TeamId, Cancel)).ShouldBeTrue();
    }
}
