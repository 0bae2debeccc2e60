using System.Net;
using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Setup;

namespace Qianfan.Portal.Tests.Setup;

public partial class SetupTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_page_leads_to_the_set_up_page_while_the_database_is_empty()
    {
        await using var portal = new PortalFactory { Bootstrap = false };
        using var browser = portal.CreateBrowser();

        foreach (var path in new[] { "/", "/account/login", "/teams", "/nowhere" })
        {
            using var response = await browser.GetAsync(path, Cancel);
            response.StatusCode.ShouldBe(HttpStatusCode.Redirect, path);
            response.Headers.Location!.ToString().ShouldBe("/setup");
        }

        using var page = await browser.GetAsync("/setup", Cancel);
        page.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_script_is_told_that_the_portal_is_not_set_up()
    {
        await using var portal = new PortalFactory { Bootstrap = false };
        using var client = portal.CreateClient();

        using var response = await client.GetAsync("/projects", Cancel);

        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/problem+json");
    }

    [Fact]
    public async Task The_code_on_the_console_unlocks_the_set_up_once()
    {
        await using var portal = new PortalFactory { Bootstrap = false };
        using var browser = portal.CreateBrowser();
        await browser.GetAsync("/setup", Cancel);
        var code = CodeInLog().Match(portal.Logs.Lines.Single(l => l.Contains("Set-up code:", StringComparison.Ordinal))).Groups[1].Value;

        using var response = await PortalFactory.PostFormAsync(browser, "/setup", Form(code));

        response.StatusCode.ShouldBe(HttpStatusCode.Redirect);
        response.Headers.Location!.ToString().ShouldContain($"/projects/{portal.ProjectId}");
        await using var db = portal.Db();
        (await db.Users.SingleAsync(Cancel)).DisplayName.ShouldBe("Ann");
        (await db.UserRoles.CountAsync(Cancel)).ShouldBe(1);
        (await db.AuditEntries.Select(a => a.Action).ToListAsync(Cancel)).ShouldBe(["setup.done", "user.created", "team.created", "project.created"], ignoreOrder: true);
        var connection = await db.Connections.SingleAsync(Cancel);
        connection.Kind.ShouldBe(ConnectionKind.Embedded);
        var key = await db.ApiKeys.SingleAsync(Cancel);
        key.Hidden.ShouldBeTrue();
        key.AccessKey.ShouldBe(connection.AccessKey);

        // Signed in, and the door is shut behind.
        using var home = await browser.GetAsync("/", Cancel);
        home.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var again = await browser.GetAsync("/setup", Cancel);
        again.Headers.Location!.ToString().ShouldBe("/");
    }

    [Fact]
    public async Task A_wrong_code_changes_nothing_and_says_so_at_the_field()
    {
        await using var portal = new PortalFactory { Bootstrap = false };
        using var browser = portal.CreateBrowser();

        using var response = await PortalFactory.PostFormAsync(browser, "/setup", Form("AAAA-AAAA"));

        var html = await response.Content.ReadAsStringAsync(Cancel);
        html.ShouldContain("id=\"field-Code-note\" class=\"qf-field-error\"");
        await using var db = portal.Db();
        (await db.Users.AnyAsync(Cancel)).ShouldBeFalse();
    }

    [Fact]
    public async Task Each_missing_field_is_named()
    {
        await using var portal = new PortalFactory { Bootstrap = false };
        using var browser = portal.CreateBrowser();

        using var response = await PortalFactory.PostFormAsync(browser, "/setup", new() { ["Input.Password"] = "one-password", ["Input.Repeat"] = "another" });

        var html = await response.Content.ReadAsStringAsync(Cancel);
        foreach (var field in new[] { "Code", "Email", "DisplayName", "Team", "Project", "Repeat" })
            html.ShouldContain($"id=\"field-{field}-note\" class=\"qf-field-error\"");
    }

    [Fact]
    public void After_five_wrong_codes_in_a_minute_even_the_right_one_has_to_wait()
    {
        var time = new FakeTimeProvider();
        var code = new SetupCode(time);
        for (var i = 0; i < SetupCode.AttemptsPerMinute; i++)
            code.Check("AAAAAAAA").ShouldBe(SetupCodeResult.Wrong);

        code.Check(code.Value).ShouldBe(SetupCodeResult.TooManyAttempts);
        time.Advance(TimeSpan.FromMinutes(1));
        code.Check(code.Value.ToLowerInvariant().Replace("-", " ", StringComparison.Ordinal)).ShouldBe(SetupCodeResult.Right);
    }

    [Fact]
    public async Task Bootstrap_settings_set_an_empty_database_up_with_their_key_pair()
    {
        await using var portal = new PortalFactory { Settings = { ["Portal:Bootstrap:AccessKey"] = "bootstrap-access-key", ["Portal:Bootstrap:SecretKey"] = "bootstrap-secret-key" } };
        portal.CreateBrowser().Dispose();

        var key = await portal.Get<ApiKeyService>().FindAsync("bootstrap-access-key", Cancel);

        key!.SecretKey.ShouldBe("bootstrap-secret-key");
        key.ProjectId.ShouldBe(portal.ProjectId);
        portal.Logs.Lines.ShouldNotContain(l => l.Contains("bootstrap-secret-key", StringComparison.Ordinal) || l.Contains(PortalFactory.Password, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bootstrap_settings_are_ignored_with_a_warning_on_any_other_database()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-portal-test-");
        await using (var first = new PortalFactory { Folder = folder.FullName })
            first.CreateBrowser().Dispose();

        await using var second = new PortalFactory { Folder = folder.FullName, Settings = { ["Portal:Bootstrap:Email"] = "intruder@example.com" } };
        second.CreateBrowser().Dispose();

        await using var db = second.Db();
        (await db.Users.Select(u => u.Email).ToListAsync(Cancel)).ShouldBe([PortalFactory.OwnerEmail]);
        second.Logs.Lines.ShouldContain(l => l.StartsWith("Warning", StringComparison.Ordinal) && l.Contains("Portal:Bootstrap are ignored", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bootstrap_settings_that_can_not_be_used_stop_the_start_and_leave_nothing()
    {
        await using var portal = new PortalFactory { Settings = { ["Portal:Bootstrap:Password"] = "short" } };

        var error = Should.Throw<InvalidOperationException>(() => portal.CreateBrowser());

        error.Message.ShouldContain("Portal:Bootstrap");
        error.Message.ShouldContain("8 characters");
    }

    private static Dictionary<string, string> Form(string code) => new()
    {
        ["Input.Code"] = code,
        ["Input.Email"] = "ann@example.com",
        ["Input.DisplayName"] = "Ann",
        ["Input.Password"] = PortalFactory.Password,
        ["Input.Repeat"] = PortalFactory.Password,
        ["Input.Team"] = "Team",
        ["Input.Project"] = "Project",
    };

    [GeneratedRegex("Set-up code: ([A-Z2-9]{4}-[A-Z2-9]{4})")]
    private static partial Regex CodeInLog();
}
