using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Projects;

public class ProjectTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_project_comes_with_its_own_key_and_the_built_in_platform()
    {
        await using var portal = new PortalFactory();

        var id = await portal.Get<ProjectService>().CreateAsync(await portal.ActorAsync(), portal.TeamId, " Support ", Cancel);

        await using var db = portal.Db();
        (await db.Projects.SingleAsync(p => p.Id == id, Cancel)).Name.ShouldBe("Support");
        var key = await db.ApiKeys.SingleAsync(k => k.ProjectId == id, Cancel);
        var connection = await db.Connections.SingleAsync(c => c.ProjectId == id, Cancel);
        (key.Hidden, connection.Kind).ShouldBe((true, ConnectionKind.Embedded));
        var live = await portal.Get<ApiKeyService>().FindAsync(connection.AccessKey, Cancel);
        live!.ProjectId.ShouldBe(id);
        live.SecretKey.ShouldBe(portal.Get<SecretProtector>().Unprotect(connection.ProtectedSecretKey));
    }

    [Fact]
    public async Task Names_are_unique_in_a_team_only()
    {
        await using var portal = new PortalFactory();
        var projects = portal.Get<ProjectService>();
        var (otherTeam, _) = await portal.AddTeamAsync("other@example.com");

        (await Should.ThrowAsync<UserErrorException>(async () => await projects.CreateAsync(await portal.ActorAsync(), portal.TeamId, "First project", Cancel))).Code.ShouldBe("NameTaken");
        await Should.NotThrowAsync(async () => await projects.CreateAsync(await portal.ActorAsync("other@example.com"), otherTeam, "First project", Cancel));
    }

    [Fact]
    public async Task An_empty_project_is_deleted_with_its_keys_and_finished_runs()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var connection = await ConnectionIdAsync(portal);
        var key = await portal.Get<ApiKeyService>().CreateAsync(owner, portal.ProjectId, "bot", ApiKeyScopes.Full, Cancel);
        await portal.Get<ApiKeyService>().FindAsync(key.AccessKey, Cancel);
        await using (var db = portal.Db())
        {
            var run = new Run { ProjectId = portal.ProjectId, ConnectionId = connection, Name = "old", Status = RunStatus.Done };
            db.Runs.Add(run);
            db.RunEvents.Add(new RunEvent { RunId = run.Id, Sequence = 1 });
            await db.SaveChangesAsync(Cancel);
        }

        await portal.Get<ProjectService>().DeleteAsync(owner, portal.ProjectId, Cancel);

        await using var after = portal.Db();
        (await after.Projects.AnyAsync(Cancel)).ShouldBeFalse();
        (await after.Connections.AnyAsync(Cancel)).ShouldBeFalse();
        (await after.RunEvents.AnyAsync(Cancel)).ShouldBeFalse();
        (await portal.Get<ApiKeyService>().FindAsync(key.AccessKey, Cancel)).ShouldBeNull();
        (await after.AuditEntries.OrderBy(a => a.Id).LastAsync(Cancel)).Action.ShouldBe("project.deleted");
    }

    [Fact]
    public async Task A_project_with_a_run_under_way_is_not_deleted()
    {
        await using var portal = new PortalFactory();
        await using var db = portal.Db();
        db.Runs.Add(new Run { ProjectId = portal.ProjectId, ConnectionId = await ConnectionIdAsync(portal), Name = "now", Status = RunStatus.Running });
        await db.SaveChangesAsync(Cancel);

        var error = await Should.ThrowAsync<UserErrorException>(async () => await portal.Get<ProjectService>().DeleteAsync(await portal.ActorAsync(), portal.ProjectId, Cancel));

        error.Code.ShouldBe("ProjectInUse");
        error.Arguments.ShouldBe([0, 0, 0, 1]);
    }

    [Fact]
    public async Task The_start_page_counts_what_is_mine()
    {
        await using var portal = new PortalFactory();
        await portal.AddTeamAsync("other@example.com");
        await using var db = portal.Db();
        db.Runs.Add(new Run { ProjectId = portal.ProjectId, ConnectionId = await ConnectionIdAsync(portal), Name = "now", Status = RunStatus.Running });
        await db.SaveChangesAsync(Cancel);

        var card = (await portal.Get<ProjectService>().ListAsync(await portal.ActorAsync(), Cancel)).ShouldHaveSingleItem();

        (card.Id, card.Runs, card.ActiveRuns, card.Services).ShouldBe((portal.ProjectId, 1, 1, 0));
    }

    private static async Task<Guid> ConnectionIdAsync(PortalFactory portal)
    {
        await using var db = portal.Db();
        return await db.Connections.Where(c => c.ProjectId == portal.ProjectId).Select(c => c.Id).SingleAsync(Cancel);
    }
}
