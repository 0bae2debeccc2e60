using System.Net;

namespace Qianfan.Portal.Tests.Security;

public class BrowserTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_answer_keeps_browsers_strict()
    {
        await using var portal = new PortalFactory();
        using var browser = portal.CreateBrowser();

        foreach (var path in new[] { "/account/login", "/nowhere", "/theme.css", "/" })
        {
            using var response = await browser.GetAsync(path, Cancel);
            var policy = response.Headers.GetValues("Content-Security-Policy").Single();
            policy.ShouldContain("script-src 'self';");
            policy.ShouldContain("frame-ancestors 'none'");
            response.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
            response.Headers.Contains("Server").ShouldBeFalse();
        }
    }

    [Fact]
    public async Task No_page_carries_a_script_of_its_own()
    {
        await using var portal = new PortalFactory();
        using var browser = await portal.CreateClientAsync();

        foreach (var path in new[] { "/account/login", "/", "/account/profile" })
        {
            var html = await browser.GetStringAsync(path, Cancel);
            foreach (var script in html.Split("<script").Skip(1))
                script.ShouldContain("src=", customMessage: path);
        }
    }

    [Fact]
    public async Task Versioned_files_are_kept_for_good()
    {
        await using var portal = new PortalFactory();
        using var browser = portal.CreateBrowser();

        foreach (var path in new[] { "/theme.css?v=1", "/_content/MudBlazor/MudBlazor.min.css?v=1", "/_content/MudBlazor/MudBlazor.min.js?v=1" })
        {
            using var response = await browser.GetAsync(path, Cancel);
            response.StatusCode.ShouldBe(HttpStatusCode.OK, path);
            response.Headers.CacheControl!.ToString().ShouldContain("immutable");
        }
    }

    [Theory]
    [InlineData("zh", "登录")]
    [InlineData("zh-TW,en;q=0.5", "登录")]
    [InlineData("en;q=0.4, zh-Hans-CN;q=0.9", "登录")]
    [InlineData("fr, en;q=0.8", "Sign in")]
    [InlineData("xx", "Sign in")]
    public async Task The_browsers_language_decides_until_somebody_chooses(string accept, string title)
    {
        await using var portal = new PortalFactory();
        using var browser = portal.CreateBrowser();
        browser.DefaultRequestHeaders.Add("Accept-Language", accept);

        (await ReadAsync(browser)).ShouldContain($"<h1>{title}</h1>");

        using var chosen = await browser.GetAsync("/culture/en?returnUrl=%2Faccount%2Flogin", Cancel);
        chosen.Headers.Location!.ToString().ShouldBe("/account/login");
        (await ReadAsync(browser)).ShouldContain("<h1>Sign in</h1>");
    }

    [Fact]
    public async Task Choosing_a_language_never_leads_to_another_site()
    {
        await using var portal = new PortalFactory();
        using var browser = portal.CreateBrowser();

        using var response = await browser.GetAsync("/culture/zh-CN?returnUrl=" + Uri.EscapeDataString("//evil.example"), Cancel);

        response.Headers.Location!.ToString().ShouldBe("/");
    }

    [Fact]
    public async Task A_form_without_its_token_is_refused_with_a_page_that_says_so()
    {
        await using var portal = new PortalFactory();
        using var browser = await portal.CreateClientAsync();
        using var form = new FormUrlEncodedContent([new("_handler", "logout")]);

        using var response = await browser.PostAsync("/account/logout", form, Cancel);

        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        WebUtility.HtmlDecode(await response.Content.ReadAsStringAsync(Cancel)).ShouldContain("The form was too old");
        using var home = await browser.GetAsync("/", Cancel);
        home.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Query_strings_passwords_and_codes_stay_out_of_every_log()
    {
        await using var portal = new PortalFactory
        {
            Settings = { ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "Trace", ["Logging:LogLevel:Default"] = "Trace" },
        };
        using var browser = await portal.CreateClientAsync();

        using var response = await browser.GetAsync("/teams?secret-in-the-query=1", Cancel);

        portal.Logs.Lines.ShouldNotContain(line => line.Contains("secret-in-the-query", StringComparison.Ordinal));
        portal.Logs.Lines.ShouldNotContain(line => line.Contains(PortalFactory.Password, StringComparison.Ordinal));
    }

    private static async Task<string> ReadAsync(HttpClient browser) => WebUtility.HtmlDecode(await browser.GetStringAsync("/account/login", Cancel));
}
