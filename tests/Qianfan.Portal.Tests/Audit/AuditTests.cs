using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Audit;

public class AuditTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_change_that_fails_leaves_no_entry_and_an_entry_that_fails_leaves_no_change()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        await using (var db = portal.Db())
            await db.Database.ExecuteSqlRawAsync("CREATE TRIGGER no_audit BEFORE INSERT ON AuditEntries BEGIN SELECT RAISE(ABORT, 'no audit today'); END", Cancel);

        await Should.ThrowAsync<DbUpdateException>(() => portal.Get<ApiKeyService>().CreateAsync(owner, portal.ProjectId, "key", ApiKeyScopes.Full, Cancel));
        await Should.ThrowAsync<DbUpdateException>(() => portal.Get<TeamService>().RenameAsync(owner, portal.TeamId, "New name", Cancel));
        await Should.ThrowAsync<DbUpdateException>(() => portal.Get<ProjectService>().CreateAsync(owner, portal.TeamId, "New project", Cancel));
        await Should.ThrowAsync<DbUpdateException>(() => portal.Get<InvitationService>().CreateAsync(owner, portal.TeamId, TeamRole.Viewer, Cancel));

        await using var after = portal.Db();
        (await after.ApiKeys.CountAsync(k => !k.Hidden, Cancel)).ShouldBe(0);
        (await after.Teams.SingleAsync(Cancel)).Name.ShouldBe("First team");
        (await after.Projects.CountAsync(Cancel)).ShouldBe(1);
        (await after.Invitations.CountAsync(Cancel)).ShouldBe(0);
    }

    [Fact]
    public async Task A_project_sees_its_own_entries_and_its_teams_newest_first()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        await portal.AddTeamAsync("other@example.com");
        var second = await portal.Get<ProjectService>().CreateAsync(owner, portal.TeamId, "Second", Cancel);
        await portal.Get<ApiKeyService>().CreateAsync(owner, second, "elsewhere", ApiKeyScopes.Full, Cancel);
        await portal.Get<ApiKeyService>().CreateAsync(owner, portal.ProjectId, "here", ApiKeyScopes.Full, Cancel);

        var entries = await portal.Get<AuditService>().ListProjectAsync(owner, portal.ProjectId, new AuditFilter(), 0, 50, Cancel);

        entries.Rows.Select(r => (r.Action, r.SubjectName)).ShouldBe([("api-key.created", "here"), ("project.created", "First project"), ("team.created", "First team")]);
        entries.Total.ShouldBe(3);
    }

    [Fact]
    public async Task Filters_narrow_by_action_person_and_time()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var audit = portal.Get<AuditService>();
        await portal.Get<ApiKeyService>().CreateAsync(owner, portal.ProjectId, "key", ApiKeyScopes.Full, Cancel);

        async Task<int> CountAsync(AuditFilter filter) => (await audit.ListProjectAsync(owner, portal.ProjectId, filter, 0, 50, Cancel)).Total;
        var all = await CountAsync(new AuditFilter());
        (await CountAsync(new AuditFilter(Action: "api-key.created"))).ShouldBe(1);
        (await CountAsync(new AuditFilter(ActorName: "OWNER@"))).ShouldBe(all);
        (await CountAsync(new AuditFilter(ActorName: "%"))).ShouldBe(0);
        var now = portal.Get<TimeProvider>().GetUtcNow();
        (await CountAsync(new AuditFilter(From: now.AddHours(-1), Until: now.AddHours(1)))).ShouldBe(all);
        (await CountAsync(new AuditFilter(Until: now.AddHours(-1)))).ShouldBe(0);
    }

    [Fact]
    public async Task Only_admins_read_the_system_audit_and_it_holds_nothing_of_what_teams_do()
    {
        await using var portal = new PortalFactory();
        var audit = portal.Get<AuditService>();
        var member = await portal.AddUserAsync("member@example.com", TeamRole.Owner);
        await portal.Get<ApiKeyService>().CreateAsync(member, portal.ProjectId, "key", ApiKeyScopes.Full, Cancel);

        await Should.ThrowAsync<ForbiddenException>(() => audit.ListSystemAsync(member, new AuditFilter(), 0, 50, Cancel));

        var entries = await audit.ListSystemAsync(await portal.ActorAsync(), new AuditFilter(), 0, 50, Cancel);
        entries.Rows.Select(r => r.Action).ShouldBe(["setup.done", "user.created", "team.created"], ignoreOrder: true);
    }

    [Theory]
    [InlineData("en", "changed the role of ann@example.com from Member to Owner")]
    [InlineData("zh-CN", "将 ann@example.com 的角色由“成员”改为“所有者”")]
    public async Task Entries_are_told_in_the_readers_language(string culture, string expected)
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var ann = await portal.AddUserAsync("ann@example.com", TeamRole.Member);
        await portal.Get<TeamService>().ChangeRoleAsync(owner, portal.TeamId, ann.UserId, TeamRole.Owner, Cancel);
        var entry = (await portal.Get<AuditService>().ListProjectAsync(owner, portal.ProjectId, new AuditFilter(), 0, 1, Cancel)).Rows.Single();

        CultureInfo.CurrentUICulture = CultureInfo.GetCultureInfo(culture);

        portal.Get<AuditSentences>().Of(entry).ShouldBe(expected);
    }

    [Fact]
    public async Task Every_action_has_a_name_and_a_sentence_in_each_language()
    {
        await using var portal = new PortalFactory();
        var sentences = portal.Get<AuditSentences>();
        foreach (var culture in new[] { "en", "zh-CN" })
        {
            CultureInfo.CurrentUICulture = CultureInfo.GetCultureInfo(culture);
            foreach (var action in AuditSentences.All())
            {
                sentences.NameOf(action).ShouldNotBe(action);
                sentences.Of(new AuditRow(1, default, ActorKind.User, "a", action, null, "SUBJECT", new Dictionary<string, string>())).ShouldNotContain(action + ":");
            }
        }
    }
}
