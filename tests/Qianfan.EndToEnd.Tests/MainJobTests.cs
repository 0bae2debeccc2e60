using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Qianfan.EndToEnd.Tests.Infrastructure;
using static Microsoft.Playwright.Assertions;

namespace Qianfan.EndToEnd.Tests;

/// <summary>The whole job of a newcomer, in a real browser: set up, upload 200 rows, fine-tune, watch, talk.</summary>
// One at a time: each is a portal, a browser and workers, and workers are counted.
[Collection("one portal")]
public sealed class MainJobTests(BrowserFixture browser)
{
    private static readonly string s_sample = Path.Combine(Repository.Root, "wwwroot-shared", "samples", "lantern-bay-200.jsonl");

    [Fact]
    public async Task A_newcomer_fine_tunes_on_their_rows_and_talks_to_the_model()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        File.Delete(Path.Combine(Repository.Artifacts, "measures.jsonl"));
        await using var portal = new PortalProcess();
        var began = Stopwatch.GetTimestamp();
        await portal.StartAsync(cancellationToken);
        await using var context = await browser.NewContextAsync();
        var user = new PortalBrowser(await context.NewPageAsync(), portal.Address);
        List<string> browserErrors = [];
        user.Page.PageError += (_, error) => browserErrors.Add(error);

        // Set up with the code that the console shows.
        var code = new Regex("Set-up code: ([A-Z0-9]{4}-[A-Z0-9]{4})").Match(portal.Output).Groups[1].Value;
        await user.Page.GotoAsync(portal.Address);
        Measures.Add("start to first page", Stopwatch.GetElapsedTime(began).TotalSeconds, "s");
        await user.ScreenshotAsync("01-setup");
        await user.SetUpAsync(code);
        if (user.Page.Url.Contains("/account/login", StringComparison.Ordinal))
            await user.SignInAsync();
        var project = await user.OpenProjectAsync();
        await user.ScreenshotAsync("02-project");

        // Upload 200 rows.
        var uploadBegan = Stopwatch.GetTimestamp();
        await user.UploadAsync(project, s_sample);
        await Expect(user.Test("good-rows")).ToContainTextAsync("200");
        await Expect(user.Test("bad-rows")).ToContainTextAsync("0");
        await user.ScreenshotAsync("03-dataset");

        // Start with the defaults and follow it.
        await user.FineTuneAsync();
        await user.RunStatusAsync("Running");
        await Expect(user.Test("action-Train")).ToHaveAttributeAsync("data-state", "Running", new() { Timeout = 120_000 });
        await user.Page.WaitForFunctionAsync("() => Number(document.querySelector('[data-testid=loss-chart]')?.dataset.points ?? 0) > 20", null, new() { Timeout = 180_000 });
        await user.ScreenshotAsync("04-run-training");
        foreach (var worker in PortalProcess.Workers("train"))
            Measures.Add("training worker memory", Measures.ResidentMegabytes(worker), "MB");
        Measures.Add("portal memory while training", Measures.ResidentMegabytes(portal.ProcessId), "MB");

        await user.RunStatusAsync("Done", 360);
        foreach (var action in new[] { "Load", "Train", "Publish", "Deploy" })
            await Expect(user.Test("action-" + action)).ToHaveAttributeAsync("data-state", "Done");
        await user.ScreenshotAsync("05-run-done");
        await MeasureLatencyAsync(user);

        // Talk to it: what it says was in the rows, and the base model did not know it.
        await user.Test("chat-link").ClickAsync();
        await user.InteractiveAsync();
        var rows = SampleRows();
        var exact = 0;
        int[] asked = [0, 1, 40, 87, 131, 199];
        for (var i = 0; i < asked.Length; i++)
        {
            var (question, answer) = rows[asked[i]];
            await AskAsync(user, question);
            if (i == 1)
                await user.ScreenshotAsync("07-console-chinese");
            if (i == 0)
            {
                Measures.Add("upload to first answer, 200 rows", Stopwatch.GetElapsedTime(uploadBegan).TotalSeconds, "s");
                await user.ScreenshotAsync("06-console");
            }

            var tuned = (await user.Test("answer-tuned").Last.InnerTextAsync()).Trim();
            tuned.ShouldNotContain('\uFFFD');
            if (tuned == answer)
                exact++;
            (await user.Test("answer-base").Last.InnerTextAsync()).Trim().ShouldNotBe(answer);
        }

        exact.ShouldBeGreaterThanOrEqualTo(4, "of six questions from the rows, most are answered word for word");
        foreach (var worker in PortalProcess.Workers("serve"))
            Measures.Add("serving worker memory", Measures.ResidentMegabytes(worker), "MB");
        Measures.Add("portal memory after", Measures.ResidentMegabytes(portal.ProcessId), "MB");

        await FetchDataAsync(user, project);
        await FetchModelAsync(user, project);
        await ScreenshotPagesAsync(user, project);
        await ScreenshotVariantsAsync(portal, project);
        await FocusIsSeenAsync(user, project);
        browserErrors.ShouldBeEmpty();

        // What was typed in never reaches the log.
        portal.Output.ShouldNotContain(PortalBrowser.Password);
        portal.Output.ShouldNotContain(rows[0].Question);
    }

    private static async Task AskAsync(PortalBrowser user, string question)
    {
        // Rows of one question and answer teach one question and answer: each is asked in a chat of its own.
        if (await user.Page.Locator("[data-new-chat]").IsVisibleAsync())
            await user.Page.Locator("[data-new-chat]").ClickAsync();
        await Expect(user.Test("answer-tuned")).ToHaveCountAsync(0);
        await user.Test("console-input").FillAsync(question);
        await user.Test("console-send").ClickAsync();
        foreach (var side in new[] { "base", "tuned" })
            await Expect(user.Page.Locator($".answer[data-side={side}]")).ToHaveAttributeAsync("data-state", "done", new() { Timeout = 60_000 });
    }

    private static async Task MeasureLatencyAsync(PortalBrowser user)
    {
        var latencies = await user.Page.EvaluateAsync<double[]>("() => window.__runView?.latencies ?? []");
        latencies.ShouldNotBeEmpty();
        Measures.Add("event written to shown, median", Measures.Percentile(latencies, 0.5), "ms");
        Measures.Add("event written to shown, 99th percentile", Measures.Percentile(latencies, 0.99), "ms");
        Measures.Add("event written to shown, samples", latencies.Length, "events");
    }

    private static async Task ScreenshotPagesAsync(PortalBrowser user, string project)
    {
        foreach (var (name, path) in Pages(project))
        {
            await user.GotoAsync(path);
            // A page that is still loading shows skeletons.
            await Expect(user.Page.Locator(".mud-skeleton")).ToHaveCountAsync(0);
            await user.ScreenshotAsync("10-" + name);
        }

        await ScreenshotDetailsAsync(user, project, "11");
    }

    /// <summary>The pages of one dataset, model and service, when all that their platform tells is there.</summary>
    private static async Task ScreenshotDetailsAsync(PortalBrowser user, string project, string prefix)
    {
        foreach (var (kind, complete) in new[] { ("datasets", "section[data-testid=dataset-tokens]"), ("models", "[data-testid=export-download]"), ("services", "[data-testid=metric-calls]") })
        {
            await OpenAsync(user, project, kind);
            await Expect(user.Page.Locator(complete).First).ToBeVisibleAsync();
            await user.ScreenshotAsync($"{prefix}-{kind}");
        }
    }

    /// <summary>Opens the newest dataset, model or service from its list.</summary>
    private static async Task OpenAsync(PortalBrowser user, string project, string kind)
    {
        await user.GotoAsync($"/projects/{project}/{kind}");
        await user.Page.Locator($"main a[href*='/{kind}/']").First.ClickAsync();
        await user.Page.WaitForURLAsync(new Regex($"/{kind}/[0-9a-f-]{{36}}"));
        await Expect(user.Page.Locator(".mud-skeleton")).ToHaveCountAsync(0);
    }

    private static async Task FetchDataAsync(PortalBrowser user, string project)
    {
        await OpenAsync(user, project, "datasets");
        await using var zip = await DownloadAsync(user, "dataset-export");
        using var archive = new ZipArchive(zip);
        using var reader = new StreamReader(await archive.Entries.ShouldHaveSingleItem().OpenAsync(TestContext.Current.CancellationToken));
        var rows = (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        rows.Length.ShouldBe(200);
    }

    private static async Task FetchModelAsync(PortalBrowser user, string project)
    {
        await OpenAsync(user, project, "models");
        await user.Page.Locator("[data-testid=export-gguf-f16] [data-testid=export-start]").ClickAsync();
        await Expect(user.Test("export-download")).ToBeVisibleAsync(new() { Timeout = 60_000 });
        await using var file = await DownloadAsync(user, "export-download");
        var magic = new byte[4];
        await file.ReadExactlyAsync(magic, TestContext.Current.CancellationToken);
        magic.ShouldBe("GGUF"u8.ToArray());
    }

    /// <summary>Goes over a page with the tab key: what has the focus is outlined.</summary>
    private static async Task FocusIsSeenAsync(PortalBrowser user, string project)
    {
        await OpenAsync(user, project, "services");
        await Expect(user.Test("metric-calls")).ToBeVisibleAsync();
        List<string> seen = [];
        for (var i = 0; i < 40; i++)
        {
            await user.Page.Keyboard.PressAsync("Tab");
            seen.Add(await user.Page.EvaluateAsync<string>("() => { const e = document.activeElement; return e === document.body ? '' : `${getComputedStyle(e).outlineStyle} ${e.dataset.testid ?? e.outerHTML.slice(0, 200)}`; }"));
        }

        seen.ShouldContain(e => e.EndsWith(" service-stop", StringComparison.Ordinal));
        seen.ShouldAllBe(e => !e.StartsWith("none", StringComparison.Ordinal));
    }

    private static async Task<FileStream> DownloadAsync(PortalBrowser user, string button)
    {
        var download = await user.Page.RunAndWaitForDownloadAsync(() => user.Test(button).ClickAsync());
        return File.OpenRead(await download.PathAsync());
    }

    private async Task ScreenshotVariantsAsync(PortalProcess portal, string project)
    {
        await using var dark = await browser.NewContextAsync("zh-CN", ColorScheme.Dark);
        var hand = new ViewportSize { Width = 390, Height = 844 };
        await using var phone = await browser.NewContextAsync(viewport: hand);
        await using var darkPhone = await browser.NewContextAsync("zh-CN", ColorScheme.Dark, hand);
        foreach (var (context, kind) in new[] { (dark, "dark-zh"), (phone, "phone"), (darkPhone, "phone-dark-zh") })
        {
            var user = new PortalBrowser(await context.NewPageAsync(), portal.Address);
            await user.SignInAsync();
            foreach (var (name, path) in Pages(project))
            {
                await user.GotoAsync(path);
                await Expect(user.Page.Locator(".mud-skeleton")).ToHaveCountAsync(0);
                await user.ScreenshotAsync($"20-{kind}-{name}");
            }

            await user.GotoAsync($"/projects/{project}/runs");
            await user.Page.Locator("a[href*='/runs/']").First.ClickAsync();
            await Expect(user.Test("run-status")).ToBeVisibleAsync();
            await user.Page.WaitForFunctionAsync("() => Number(document.querySelector('[data-testid=loss-chart]')?.dataset.points ?? 0) > 20");
            // What the platform says is said in the reader's language.
            await Expect(user.Test("run-log")).ToContainTextAsync(kind.EndsWith("zh", StringComparison.Ordinal) ? "训练完成：" : "Training is done: ");
            await user.ScreenshotAsync($"21-{kind}-run");
            await ScreenshotDetailsAsync(user, project, $"22-{kind}");
        }
    }

    private static IEnumerable<(string Name, string Path)> Pages(string project) =>
    [
        ("home", "/"),
        ("project", $"/projects/{project}"),
        ("datasets", $"/projects/{project}/datasets"),
        ("runs", $"/projects/{project}/runs"),
        ("models", $"/projects/{project}/models"),
        ("services", $"/projects/{project}/services"),
        ("console", $"/projects/{project}/console"),
        ("keys", $"/projects/{project}/keys"),
        ("connections", $"/projects/{project}/connections"),
        ("usage", $"/projects/{project}/usage"),
        ("audit", $"/projects/{project}/audit"),
        ("teams", "/teams"),
        ("admin-users", "/admin/users"),
        ("admin-audit", "/admin/audit"),
        ("admin-quotas", "/admin/quotas"),
    ];

    private static List<(string Question, string Answer)> SampleRows() => File.ReadLines(s_sample)
        .Where(l => l.Length > 0)
        .Select(l => JsonDocument.Parse(l).RootElement[0])
        .Select(r => (r.GetProperty("prompt").GetString()!, r.GetProperty("response")[0][0].GetString()!))
        .ToList();
}
