using System.Net;
using Microsoft.EntityFrameworkCore;

namespace Qianfan.Portal.Tests.Account;

public class LoginTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_wrong_password_and_an_unknown_address_get_the_same_answer()
    {
        await using var portal = new PortalFactory();
        using var browser = portal.CreateBrowser();

        var known = await TryAsync(browser, PortalFactory.OwnerEmail, "wrong password");
        var unknown = await TryAsync(browser, "nobody@example.com", "wrong password");

        known.ShouldContain("Email address or password is wrong.");
        unknown.ShouldContain("Email address or password is wrong.");
    }

    [Fact]
    public async Task An_account_is_locked_after_too_many_wrong_passwords_and_the_audit_log_tells_of_it()
    {
        await using var portal = new PortalFactory { Settings = { ["Portal:LockoutAttempts"] = "3" } };
        using var browser = portal.CreateBrowser();

        for (var i = 0; i < 2; i++)
            (await TryAsync(browser, PortalFactory.OwnerEmail, "wrong password")).ShouldContain("is wrong");
        (await TryAsync(browser, PortalFactory.OwnerEmail, "wrong password")).ShouldContain("this account is locked");

        (await TryAsync(browser, PortalFactory.OwnerEmail, PortalFactory.Password)).ShouldContain("this account is locked");
        await using var db = portal.Db();
        (await db.AuditEntries.SingleAsync(a => a.Action == "user.locked-out", Cancel)).SubjectName.ShouldBe(PortalFactory.OwnerEmail);
    }

    [Fact]
    public async Task Signing_in_leads_back_to_the_page_that_asked_for_it_but_never_to_another_site()
    {
        await using var portal = new PortalFactory();
        using var browser = portal.CreateBrowser();
        using var page = await browser.GetAsync("/teams?x=1", Cancel);
        var login = page.Headers.Location!.PathAndQuery;
        login.ShouldStartWith("/account/login?returnUrl=");
        using var back = await SignInAsync(browser, login);
        back.Headers.Location!.PathAndQuery.ShouldBe("/teams?x=1");

        foreach (var evil in new[] { "https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)" })
        {
            using var other = portal.CreateBrowser();
            using var response = await SignInAsync(other, "/account/login?returnUrl=" + Uri.EscapeDataString(evil));
            new Uri(browser.BaseAddress!, response.Headers.Location!).ToString().ShouldBe("http://localhost/");
        }
    }

    [Fact]
    public async Task The_login_cookie_is_out_of_reach_of_scripts_and_other_sites()
    {
        await using var portal = new PortalFactory();
        using var browser = portal.CreateBrowser();

        using var response = await SignInAsync(browser, "/account/login");

        var cookie = response.Headers.GetValues("Set-Cookie").Single(c => c.StartsWith("qianfan-portal=", StringComparison.Ordinal));
        cookie.ShouldContain("httponly");
        cookie.ShouldContain("samesite=lax");
    }

    [Fact]
    public async Task Signing_out_ends_the_login()
    {
        await using var portal = new PortalFactory();
        using var browser = await portal.CreateClientAsync();

        using var response = await PortalFactory.PostFormAsync(browser, Urls.Logout, []);

        response.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        using var home = await browser.GetAsync("/", Cancel);
        home.StatusCode.ShouldBe(HttpStatusCode.Redirect);
    }

    [Fact]
    public async Task A_script_without_a_login_gets_a_status_and_no_redirect()
    {
        await using var portal = new PortalFactory();
        using var script = portal.CreateClient(new() { AllowAutoRedirect = false });

        using var response = await script.GetAsync($"/projects/{portal.ProjectId}", Cancel);

        response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    private static async Task<string> TryAsync(HttpClient browser, string email, string password)
    {
        using var response = await PortalFactory.PostFormAsync(browser, Urls.Login, new() { ["Input.Email"] = email, ["Input.Password"] = password });
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return WebUtility.HtmlDecode(await response.Content.ReadAsStringAsync(Cancel));
    }

    private static Task<HttpResponseMessage> SignInAsync(HttpClient browser, string url) =>
        PortalFactory.PostFormAsync(browser, url, new() { ["Input.Email"] = PortalFactory.OwnerEmail, ["Input.Password"] = PortalFactory.Password });
}
