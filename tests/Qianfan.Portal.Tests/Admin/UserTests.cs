using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Account;
using Qianfan.Portal.Features.Admin;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Admin;

public class UserTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_account_made_by_an_admin_signs_in_with_its_first_password()
    {
        await using var portal = new PortalFactory();

        var password = await portal.Get<UserService>().CreateAsync(await portal.ActorAsync(), "ann@example.com", "Ann", Cancel);

        (await portal.CreateClientAsync("ann@example.com", password)).Dispose();
        portal.Logs.Lines.ShouldNotContain(line => line.Contains(password, StringComparison.Ordinal));
        await using var db = portal.Db();
        (await db.AuditEntries.SingleAsync(a => a.Action == "user.created" && a.SubjectName == "ann@example.com", Cancel)).TeamId.ShouldBeNull();
    }

    [Fact]
    public async Task The_last_admin_stays_one_and_nobody_deletes_or_locks_themselves()
    {
        await using var portal = new PortalFactory();
        var users = portal.Get<UserService>();
        var admin = await portal.ActorAsync();

        (await Should.ThrowAsync<UserErrorException>(() => users.SetAdminAsync(admin, admin.UserId, false, Cancel))).Code.ShouldBe("LastAdmin");
        (await Should.ThrowAsync<UserErrorException>(() => users.DeleteAsync(admin, admin.UserId, Cancel))).Code.ShouldBe("NotYourself");
        (await Should.ThrowAsync<UserErrorException>(() => users.SetLockedAsync(admin, admin.UserId, true, Cancel))).Code.ShouldBe("NotYourself");

        var second = await portal.AddUserAsync("second@example.com");
        await users.SetAdminAsync(admin, second.UserId, true, Cancel);
        await users.SetAdminAsync(admin, admin.UserId, false, Cancel);
        await Should.ThrowAsync<ForbiddenException>(() => users.ListAsync(admin, Cancel));
    }

    [Fact]
    public async Task A_teams_only_owner_is_not_deleted()
    {
        await using var portal = new PortalFactory();
        await portal.AddTeamAsync("other@example.com", "Others");
        var other = await portal.ActorAsync("other@example.com");

        var error = await Should.ThrowAsync<UserErrorException>(async () => await portal.Get<UserService>().DeleteAsync(await portal.ActorAsync(), other.UserId, Cancel));

        error.Code.ShouldBe("LastOwnerOf");
        error.Arguments.ShouldBe(["Others"]);
    }

    [Fact]
    public async Task A_locked_account_does_not_get_in_until_it_is_unlocked()
    {
        await using var portal = new PortalFactory();
        var users = portal.Get<UserService>();
        var admin = await portal.ActorAsync();
        var ann = await portal.AddUserAsync("ann@example.com");

        (await portal.CreateClientAsync("ann@example.com")).Dispose();
        await users.SetLockedAsync(admin, ann.UserId, true, Cancel);
        (await users.ListAsync(admin, Cancel)).Single(u => u.Id == ann.UserId).IsLocked.ShouldBeTrue();
        using (var browser = portal.CreateBrowser())
        using (var refused = await PortalFactory.PostFormAsync(browser, Urls.Login, new() { ["Input.Email"] = "ann@example.com", ["Input.Password"] = PortalFactory.Password }))
            (await refused.Content.ReadAsStringAsync(Cancel)).ShouldContain("this account is locked");
        await users.SetLockedAsync(admin, ann.UserId, false, Cancel);
        (await users.ListAsync(admin, Cancel)).Single(u => u.Id == ann.UserId).IsLocked.ShouldBeFalse();
        (await portal.CreateClientAsync("ann@example.com")).Dispose();
    }

    [Fact]
    public async Task Nobody_but_an_admin_manages_accounts()
    {
        await using var portal = new PortalFactory();
        var users = portal.Get<UserService>();
        var member = await portal.AddUserAsync("member@example.com", TeamRole.Owner);

        await Should.ThrowAsync<ForbiddenException>(() => users.ListAsync(member, Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => users.CreateAsync(member, "x@example.com", "", Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => users.ResetPasswordAsync(member, member.UserId, Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => users.SetAdminAsync(member with { IsAdmin = true }, member.UserId, true, Cancel));
        await Should.ThrowAsync<ForbiddenException>(() => users.DeleteAsync(member, member.UserId, Cancel));
    }

    [Fact]
    public async Task An_address_can_be_used_once()
    {
        await using var portal = new PortalFactory();

        var error = await Should.ThrowAsync<AccountException>(async () => await portal.Get<UserService>().CreateAsync(await portal.ActorAsync(), "OWNER@example.com", "", Cancel));

        error.Message.ShouldContain("already");
    }
}
