using System.Net;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Teams;

public class InvitationTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_invitation_makes_an_account_and_a_membership_once()
    {
        await using var portal = new PortalFactory();
        var path = await InviteAsync(portal, TeamRole.Member);
        using var browser = portal.CreateBrowser();

        using var response = await RegisterAsync(browser, path, "new@example.com");

        response.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        var actor = await portal.ActorAsync("new@example.com");
        (await portal.Get<TeamService>().GetAsync(actor, portal.TeamId, Cancel)).Role.ShouldBe(TeamRole.Member);
        using var home = await browser.GetAsync("/", Cancel);
        home.StatusCode.ShouldBe(HttpStatusCode.OK);

        using var again = portal.CreateBrowser();
        using var page = await again.GetAsync(path, Cancel);
        (await page.Content.ReadAsStringAsync(Cancel)).ShouldContain("This invitation is no longer good");
        await using var db = portal.Db();
        (await db.AuditEntries.Select(a => a.Action).ToListAsync(Cancel)).ShouldContain("member.joined");
    }

    [Fact]
    public async Task Somebody_who_is_signed_in_joins_with_one_click()
    {
        await using var portal = new PortalFactory();
        var path = await InviteAsync(portal, TeamRole.Viewer);
        var actor = await portal.AddUserAsync("ann@example.com");
        using var browser = await portal.CreateClientAsync("ann@example.com");

        using var response = await PortalFactory.PostFormAsync(browser, path, []);

        response.Headers.Location!.ToString().ShouldContain($"/teams/{portal.TeamId}");
        (await portal.Get<TeamService>().GetAsync(actor, portal.TeamId, Cancel)).Role.ShouldBe(TeamRole.Viewer);
    }

    [Fact]
    public async Task A_member_does_not_use_a_link_up()
    {
        await using var portal = new PortalFactory();
        var token = (await InviteAsync(portal, TeamRole.Viewer)).Split('/')[^1];
        var owner = await portal.ActorAsync();
        var invitations = portal.Get<InvitationService>();

        (await Should.ThrowAsync<UserErrorException>(() => invitations.AcceptAsync(owner, token, Cancel))).Code.ShouldBe("AlreadyMember");

        (await invitations.FindAsync(token, Cancel)).ShouldNotBeNull();
        (await portal.Get<TeamService>().GetAsync(owner, portal.TeamId, Cancel)).Role.ShouldBe(TeamRole.Owner);
    }

    [Fact]
    public async Task Of_two_who_use_a_link_at_the_same_moment_one_joins()
    {
        await using var portal = new PortalFactory();
        var token = (await InviteAsync(portal, TeamRole.Viewer)).Split('/')[^1];
        var actors = new[] { await portal.AddUserAsync("a@example.com"), await portal.AddUserAsync("b@example.com") };
        var invitations = portal.Get<InvitationService>();

        var joined = await Task.WhenAll(actors.Select(async actor =>
        {
            try
            {
                await invitations.AcceptAsync(actor, token, Cancel);
                return true;
            }
            catch (UserErrorException e) when (e.Code == "InvitationGone")
            {
                return false;
            }
        }));

        joined.Count(yes => yes).ShouldBe(1);
        await using var db = portal.Db();
        (await db.Memberships.CountAsync(m => m.TeamId == portal.TeamId, Cancel)).ShouldBe(2);
    }

    [Fact]
    public async Task A_revoked_or_expired_link_is_good_for_nothing()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var portal = new PortalFactory { ConfigureServices = services => services.AddSingleton<TimeProvider>(time) };
        var owner = await portal.ActorAsync();
        var invitations = portal.Get<InvitationService>();
        var revoked = (await InviteAsync(portal, TeamRole.Viewer)).Split('/')[^1];
        await invitations.RevokeAsync(owner, portal.TeamId, (await invitations.ListAsync(owner, portal.TeamId, Cancel)).Single().Id, Cancel);
        var expired = (await InviteAsync(portal, TeamRole.Viewer)).Split('/')[^1];
        time.Advance(TimeSpan.FromDays(7));

        (await invitations.FindAsync(revoked, Cancel)).ShouldBeNull();
        (await invitations.FindAsync(expired, Cancel)).ShouldBeNull();
        (await invitations.ListAsync(owner, portal.TeamId, Cancel)).ShouldBeEmpty();
        var stranger = await portal.AddUserAsync("stranger@example.com");
        (await Should.ThrowAsync<UserErrorException>(() => invitations.AcceptAsync(stranger, expired, Cancel))).Code.ShouldBe("InvitationGone");
    }

    [Fact]
    public async Task A_bad_password_leaves_neither_account_nor_used_link()
    {
        await using var portal = new PortalFactory();
        var path = await InviteAsync(portal, TeamRole.Member);
        using var browser = portal.CreateBrowser();

        using var response = await RegisterAsync(browser, path, "new@example.com", "short");

        (await response.Content.ReadAsStringAsync(Cancel)).ShouldContain("at least 8 characters");
        await using var db = portal.Db();
        (await db.Users.AnyAsync(u => u.Email == "new@example.com", Cancel)).ShouldBeFalse();
        (await portal.Get<InvitationService>().FindAsync(path.Split('/')[^1], Cancel)).ShouldNotBeNull();
    }

    [Fact]
    public async Task The_link_is_neither_stored_nor_logged()
    {
        await using var portal = new PortalFactory();
        var token = (await InviteAsync(portal, TeamRole.Member)).Split('/')[^1];

        await using var db = portal.Db();
        (await db.Invitations.SingleAsync(Cancel)).TokenHash.ShouldNotContain(token);
        portal.Logs.Lines.ShouldNotContain(line => line.Contains(token, StringComparison.Ordinal));
    }

    private static async Task<string> InviteAsync(PortalFactory portal, TeamRole role) =>
        new Uri(await portal.Get<InvitationService>().CreateAsync(await portal.ActorAsync(), portal.TeamId, role, Cancel)).AbsolutePath;

    private static Task<HttpResponseMessage> RegisterAsync(HttpClient browser, string path, string email, string password = PortalFactory.Password) =>
        PortalFactory.PostFormAsync(browser, path, new()
        {
            ["Input.Email"] = email,
            ["Input.DisplayName"] = "New",
            ["Input.Password"] = password,
            ["Input.Repeat"] = password,
        });
}
