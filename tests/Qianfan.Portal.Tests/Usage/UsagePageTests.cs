using System.Globalization;
using System.Text.Json.Nodes;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Usage;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Usage;

/// <summary>What the usage page makes of a platform's report.</summary>
public sealed class UsagePageTests : PortalPages
{
    private const string Ask = "POST /v2/usage DescribeUsage";

    [Fact]
    public async Task Quotas_say_what_is_used_of_what_and_where_there_is_no_limit()
    {
        Report("", """
            {"account":"team:t","tokensPerMonth":1000,"tokensUsed":300,"concurrentRuns":2,"runningRuns":1,"storageBytes":null,"storageUsed":2048},
            {"account":"project:p","tokensPerMonth":null,"tokensUsed":7,"concurrentRuns":null,"runningRuns":0,"storageBytes":1048576,"storageUsed":0}
            """);

        var page = await ShowAsync();

        Rows(page.WaitForElement("[data-testid=quotas]")).ShouldBe(
        [
            $"Team | 300 of {Number(1000)} | 1 of 2 | 2 KB (no limit)",
            "This project | 7 (no limit) | 0 (no limit) | 0 B of 1 MB",
        ]);
        page.Find(".qf-empty").TextContent.ShouldContain("No calls yet");
    }

    [Fact]
    public async Task Calls_are_summed_by_model_key_api_and_day_and_keys_have_their_names()
    {
        var key = await Portal.Get<ApiKeyService>().CreateAsync(await Portal.ActorAsync(), Portal.ProjectId, "bot", ApiKeyScopes.Full, Cancel);
        await using var db = Portal.Db();
        var own = db.ApiKeys.Single(k => k.ProjectId == Portal.ProjectId && k.Hidden).AccessKey;
        Report($$"""
            {"date":"2026-01-01","accessKey":"{{key.AccessKey}}","api":"OpenAI","model":"bikes","callTotal":1200,"failureCallTotal":1,"inputTokensTotal":10,"outputTokensTotal":20},
            {"date":"2026-01-02","accessKey":"{{own}}","api":"V2","model":"bikes","callTotal":3,"failureCallTotal":0,"inputTokensTotal":5,"outputTokensTotal":6},
            {"date":"2026-01-02","accessKey":"ALTAKgone","api":"V2","model":"","callTotal":2,"failureCallTotal":2,"inputTokensTotal":0,"outputTokensTotal":0}
            """, "");

        var page = await ShowAsync();
        page.WaitForAssertion(() => page.FindAll("section h2").Select(h => h.TextContent).ShouldBe(["Quotas", "Total", "By model", "By API key", "By API", "By day"]));

        var sections = page.FindAll("section.qf-section");
        sections.Select(section => section.QuerySelector("th")!.TextContent).ShouldBe(["Name", "Name", "Model", "API key", "API", "Day"]);
        Rows(sections[1]).ShouldBe([$"All calls | {Number(1205)} | 3 | 15 | 26"]);
        Rows(sections[2]).ShouldBe(["(no such model) | 2 | 2 | 0 | 0", $"bikes | {Number(1203)} | 1 | 15 | 26"]);
        Rows(sections[3]).ShouldBe(["ALTAKgone | 2 | 2 | 0 | 0", "This portal | 3 | 0 | 5 | 6", $"bot ({key.AccessKey}) | {Number(1200)} | 1 | 10 | 20"]);
        Rows(sections[4]).ShouldBe([$"OpenAI | {Number(1200)} | 1 | 10 | 20", "V2 | 5 | 2 | 5 | 6"]);
        // The newest day first.
        Rows(sections[5]).ShouldBe(["2026-01-02 | 5 | 2 | 5 | 6", $"2026-01-01 | {Number(1200)} | 1 | 10 | 20"]);
        page.Markup.ShouldNotContain(own);
    }

    [Theory]
    [InlineData("", 30)]
    [InlineData("?days=7", 7)]
    [InlineData("?days=90", 90)]
    [InlineData("?days=12345", 30)]
    public async Task The_span_stands_in_the_address(string query, int days)
    {
        Report("", "");
        await SignInAsync();
        Services.GetRequiredService<NavigationManager>().NavigateTo(Urls.Usage(Portal.ProjectId) + query);

        var page = Show<UsagePage>();
        page.WaitForElement(".qf-empty");

        // The portal counts on its own clock, which is the system's: at midnight a day more may have begun.
        var first = DateTimeOffset.Parse((string)JsonNode.Parse(Platform.BodiesOf(Ask).Single())!["startDate"]!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        (Time.GetUtcNow().Date - first.Date).TotalDays.ShouldBeInRange(days - 2, days);
        page.Find("[data-testid=span]").OuterHtml.ShouldContain($"last {days} days");
    }

    [Fact]
    public async Task Another_span_is_another_address()
    {
        Report("", "");
        var page = await ShowAsync();
        page.WaitForElement(".qf-empty");
        var span = page.FindComponent<MudBlazor.MudSelect<int>>();

        await span.InvokeAsync(() => span.Instance.ValueChanged.InvokeAsync(7));

        Address.ShouldEndWith(Urls.Usage(Portal.ProjectId, 7));
    }

    [Fact]
    public async Task A_platform_that_does_not_tell_is_said_so()
    {
        Platform.Answers[Ask] = _ => ScriptedPlatform.Json("""{"requestId":"r","code":"OperationDenied","message":"It is being mended"}""", System.Net.HttpStatusCode.BadRequest);

        var page = await ShowAsync();

        page.WaitForElement("[role=alert]").TextContent.ShouldContain("It is being mended");
        page.FindAll("[data-testid=quotas]").ShouldBeEmpty();
    }

    private void Report(string sums, string quotas) =>
        Platform.Answers[Ask] = _ => ScriptedPlatform.Json($$$"""{"requestId":"r","result":{"startDate":"2026-01-01","endDate":"2026-01-02","usageList":[{{{sums}}}],"quotaList":[{{{quotas}}}]}}""");

    private async Task<IRenderedComponent<IComponent>> ShowAsync()
    {
        await SignInAsync();
        return Show<UsagePage>();
    }

    private static List<string> Rows(AngleSharp.Dom.IElement table) =>
        [.. table.QuerySelectorAll("tbody tr").Select(row => string.Join(" | ", row.QuerySelectorAll("td, th").Select(cell => cell.TextContent.Trim())))];

    private static string Number(long number) => number.ToString("N0", CultureInfo.CurrentCulture);
}
