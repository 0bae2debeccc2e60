using System.Globalization;
using System.Net;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Tests.Console;

namespace Qianfan.Portal.Tests.Datasets;

/// <summary>What the page of a dataset asks its platform for: tokens, an export, the end of it.</summary>
public sealed class DatasetPageTests : PortalPages
{
    private const string Info = "POST /wenxinworkshop/dataset/info";
    private const string Export = "POST /wenxinworkshop/dataset/export";
    private const string Records = "POST /wenxinworkshop/dataset/exportRecord";

    private const string Counted = """
        {"model":"qianfan-tiny","rowCount":200,"tokenCount":12345,"meanTokens":61.7,"medianTokens":58,"percentile95Tokens":120,"maxTokens":613,"maxSeqLen":512,"truncatedRowCount":3}
        """;

    private volatile string _tokens = Counted;

    public DatasetPageTests() => Platform.Answers[Info] = _ => Answer($$$"""{"name":"x","versionInfo":{"datasetPK":"ds-1","importStatus":2,"releaseStatus":2,"tokenStatistics":[{{{_tokens}}}]}}""");

    [Fact]
    public async Task The_panel_tells_the_tokens_of_the_rows_for_each_base_model()
    {
        _tokens = $$"""{{Counted}},{"model":"qianfan-large","error":"Its tokenizer is not there"}""";
        await SignInAsync();

        var panels = ShowWith(Tokens, 2);

        panels[0].QuerySelector("h2")!.TextContent.ShouldContain("qianfan-tiny");
        panels[0].QuerySelectorAll("dt").Zip(panels[0].QuerySelectorAll("dd"), (term, figure) => (term.TextContent, figure.TextContent)).ShouldBe(
        [
            ("Tokens", 12345.ToString("N0", CultureInfo.CurrentCulture)), ("Per row", 61.7.ToString("N1", CultureInfo.CurrentCulture)), ("Median", "58"), ("95th percentile", "120"), ("Longest row", "613"),
            ("Rows above 512 tokens", "3"),
        ]);
        panels[0].QuerySelector("[data-bad] dd")!.TextContent.ShouldBe("3");
        panels[1].TextContent.ShouldContain("could not be counted: Its tokenizer is not there");
    }

    [Fact]
    public async Task Rows_that_all_fit_are_no_warning()
    {
        _tokens = Counted.Replace("\"truncatedRowCount\":3", "\"truncatedRowCount\":0", StringComparison.Ordinal);
        await SignInAsync();

        ShowWith(Tokens, 1)[0].QuerySelectorAll("[data-bad]").ShouldBeEmpty();
    }

    [Fact]
    public async Task Tokens_that_are_still_being_counted_come_by_themselves()
    {
        _tokens = "";
        await SignInAsync();
        var page = Page();
        page.WaitForAssertion(() => page.Find(Tokens).TextContent.ShouldContain("still being counted"));

        _tokens = Counted;
        Time.Advance(TimeSpan.FromSeconds(3));

        page.WaitForAssertion(() => page.Find(Tokens).TextContent.ShouldContain("95th percentile"));
        page.Markup.ShouldNotContain("still being counted");
        var asked = Asked(Info);
        Time.Advance(TimeSpan.FromMinutes(1));
        Asked(Info).ShouldBe(asked);
    }

    [Fact]
    public async Task Whoever_leaves_the_page_has_nothing_more_asked()
    {
        _tokens = "";
        await SignInAsync();
        var page = Page();
        page.WaitForAssertion(() => page.Find(Tokens).TextContent.ShouldContain("still being counted"));

        await DisposeComponentsAsync();
        Time.Advance(TimeSpan.FromMinutes(1));

        Asked(Info).ShouldBe(1);
    }

    [Fact]
    public async Task A_platform_that_can_not_be_asked_keeps_nobody_from_the_rest_of_the_page()
    {
        Platform.Answers[Info] = _ => ScriptedPlatform.Json("""{"log_id":"1","status":400,"success":false,"code":500,"message":"It is being mended"}""");
        await SignInAsync();

        ShowWith(Tokens, 1)[0].TextContent.ShouldContain("It is being mended");
    }

    [Fact]
    public async Task The_export_button_has_the_rows_exported_and_opens_their_address()
    {
        Platform.Answers[Export] = _ => Answer("true");
        Platform.Answers[Records] = _ => Answer("""[{"status":2,"downloadUrl":"http://localhost/v2/dataset/exports/dexp-1?sign=s"}]""");
        // Whoever may see the rows may have them.
        SignIn(await Portal.AddUserAsync("viewer@example.com", TeamRole.Viewer));
        var page = Page();

        await page.WaitForElement("[data-testid=dataset-export]").ClickAsync();

        page.WaitForAssertion(() => Address.ShouldBe("http://localhost/v2/dataset/exports/dexp-1?sign=s"));
        Platform.BodiesOf(Export).Single().ShouldContain("\"ds-1\"");
        page.Find("[data-testid=dataset-export]").HasAttribute("disabled").ShouldBeFalse();
    }

    [Fact]
    public async Task A_refused_export_says_why_and_stays()
    {
        Platform.Answers[Export] = _ => ScriptedPlatform.Json("""{"log_id":"1","status":400,"success":false,"code":409,"message":"The rows are being imported"}""", HttpStatusCode.OK);
        await SignInAsync();
        var page = Page();
        var before = Address;

        await page.WaitForElement("[data-testid=dataset-export]").ClickAsync();

        page.WaitForAssertion(() => page.Find(".mud-snackbar").TextContent.ShouldContain("The rows are being imported"));
        Address.ShouldBe(before);
        page.Find("[data-testid=dataset-export]").HasAttribute("disabled").ShouldBeFalse();
    }

    [Fact]
    public async Task The_cloud_counts_no_tokens_and_gives_no_exports_and_is_asked_for_neither()
    {
        await MoveToCloudAsync();
        await SignInAsync();

        var page = Page();
        page.WaitForElement("[data-testid=good-rows]");

        page.FindAll("[data-testid=dataset-export]").ShouldBeEmpty();
        page.FindAll(Tokens).ShouldBeEmpty();
        Platform.Asked.ShouldBeEmpty();
    }

    [Fact]
    public async Task Deleting_says_what_goes_and_what_stays_and_ends_on_the_list()
    {
        await SignInAsync();
        var page = Page();

        await AskedAsync(page, "dataset-delete", () =>
        {
            page.Find(".mud-dialog").TextContent.ShouldContain("Its 200 rows are deleted here and on the platform; 1 run that learnt from it stays");
            Platform.Asked.ShouldNotContain("POST /wenxinworkshop/dataset/delete");
            return page.Find("[data-testid=confirm]").ClickAsync();
        });

        Address.ShouldEndWith(Urls.Datasets(Portal.ProjectId));
        page.WaitForAssertion(() => page.Find(".mud-snackbar").TextContent.ShouldContain("Bikes is deleted."));
        await using var db = Portal.Db();
        (await db.Datasets.AnyAsync(Cancel)).ShouldBeFalse();
    }

    [Fact]
    public async Task A_dataset_in_use_says_which_run_needs_it_and_stays()
    {
        await using (var db = Portal.Db())
            await db.Runs.ExecuteUpdateAsync(r => r.SetProperty(x => x.Status, RunStatus.Running), Cancel);
        await SignInAsync();
        var page = Page();

        await ConfirmedAsync(page, "dataset-delete");

        page.WaitForAssertion(() => page.Find(".mud-snackbar").TextContent.ShouldContain("the run \"Bikes run\" has not ended"));
        page.Find("[data-testid=dataset-delete]").HasAttribute("disabled").ShouldBeFalse();
    }

    private const string Tokens = "[data-testid=dataset-tokens]";

    private IRenderedComponent<IComponent> Page() => Show<DatasetPage>(("DatasetId", Published.DatasetId));

    private List<AngleSharp.Dom.IElement> ShowWith(string selector, int count)
    {
        var page = Page();
        page.WaitForAssertion(() => page.FindAll(selector).Count.ShouldBe(count));
        page.Find("[data-testid=good-rows]").TextContent.ShouldBe("200");
        return [.. page.FindAll(selector)];
    }

    private int Asked(string what) => Platform.Asked.Count(asked => asked == what);

    private static HttpResponseMessage Answer(string result) => ScriptedPlatform.Json($$"""{"log_id":"1","status":200,"success":true,"result":{{result}}}""");
}
