using System.Text.Json;
using Qianfan.EndToEnd.Tests.Infrastructure;
using static Microsoft.Playwright.Assertions;

namespace Qianfan.EndToEnd.Tests;

/// <summary>What must hold when a portal dies in the middle of a run, or is told to end.</summary>
// One at a time: each is a portal, a browser and workers, and workers are counted.
[Collection("one portal")]
public sealed class RecoveryTests(BrowserFixture browser)
{
    /// <summary>One portal, killed three times in one run: right after the remote create, while it trains, and after a checkpoint.</summary>
    [Fact]
    public async Task A_killed_portal_goes_on_with_the_run_and_the_page_shows_every_event()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var portal = new PortalProcess(PortalBrowser.Bootstrap());
        await portal.StartAsync(cancellationToken);
        await using var context = await browser.NewContextAsync();
        var user = new PortalBrowser(await context.NewPageAsync(), portal.Address);
        await user.SignInAsync();
        var project = await user.OpenProjectAsync();
        await user.UploadAsync(project, WriteRows(48));
        var run = await user.FineTuneAsync();
        var events = new RunEvents(portal.DataDirectory);

        // Right after the remote create: its event is the first Running one of the training action.
        await events.WaitAsync(run, rows => rows.Any(r => r is { ActionClass: "TrainAction", ActionState: "Running" }), cancellationToken);
        await RestartAsync(portal, events, run, cancellationToken);

        // While it trains.
        await events.WaitAsync(run, rows => rows.Count(r => r.Kind == "Metric") >= 10, cancellationToken);
        await RestartAsync(portal, events, run, cancellationToken);

        // After a checkpoint.
        var checkpoints = (await events.AllAsync(run, cancellationToken)).Count(r => r.Kind == "Checkpoint");
        await events.WaitAsync(run, rows => rows.Count(r => r.Kind == "Checkpoint") > checkpoints || rows.Any(r => r is { ActionClass: "Pipeline", ActionState: "Done" }), cancellationToken);
        await RestartAsync(portal, events, run, cancellationToken);

        // It comes to its end by itself, and the page, which nobody has touched, shows it.
        await user.RunStatusAsync("Done", 300);
        var all = await events.AllAsync(run, cancellationToken);
        all.Select(r => r.Sequence).ShouldBe(Enumerable.Range(1, all.Count).Select(i => (long)i));
        await Expect(user.Page.Locator("[data-last-sequence]").First).ToHaveAttributeAsync("data-last-sequence", all[^1].Sequence.ToString(System.Globalization.CultureInfo.InvariantCulture));
        AssertEachStepOnce(all);
        all.Count(r => r is { ActionClass: "ModelPublishAction", ActionState: "Done" }).ShouldBe(1);
        all.Count(r => r is { ActionClass: "DeployAction", ActionState: "Done" }).ShouldBe(1);
        PortalProcess.Workers("train").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_run_stops_and_resumes_from_the_page()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var portal = new PortalProcess(PortalBrowser.Bootstrap());
        await portal.StartAsync(cancellationToken);
        await using var context = await browser.NewContextAsync();
        var user = new PortalBrowser(await context.NewPageAsync(), portal.Address);
        await user.SignInAsync();
        var project = await user.OpenProjectAsync();
        await user.UploadAsync(project, WriteRows(48));
        var run = await user.FineTuneAsync();
        var events = new RunEvents(portal.DataDirectory);
        await events.WaitAsync(run, rows => rows.Count(r => r.Kind == "Metric") >= 10, cancellationToken);
        PortalProcess.Workers("train").Count.ShouldBe(1);

        await user.Test("stop-run").ClickAsync();
        if (await user.Test("confirm").IsVisibleAsync())
            await user.Test("confirm").ClickAsync();
        await user.RunStatusAsync("Stopped");
        PortalProcess.Workers("train").ShouldBeEmpty();
        (await events.AllAsync(run, cancellationToken)).ShouldNotContain(r => r.ActionClass == "Pipeline" && r.ActionState == "Done");

        await user.Test("resume-run").ClickAsync();
        await user.RunStatusAsync("Done", 300);
        var all = await events.AllAsync(run, cancellationToken);
        all.Select(r => r.Sequence).ShouldBe(Enumerable.Range(1, all.Count).Select(i => (long)i));
        AssertEachStepOnce(all);
    }

    [Fact]
    public async Task A_terminated_portal_ends_in_time_and_its_run_goes_on_at_the_next_start()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var portal = new PortalProcess(PortalBrowser.Bootstrap());
        await portal.StartAsync(cancellationToken);
        await using var context = await browser.NewContextAsync();
        var user = new PortalBrowser(await context.NewPageAsync(), portal.Address);
        await user.SignInAsync();
        var project = await user.OpenProjectAsync();
        await user.UploadAsync(project, WriteRows(48));
        var run = await user.FineTuneAsync();
        var events = new RunEvents(portal.DataDirectory);
        await events.WaitAsync(run, rows => rows.Count(r => r.Kind == "Metric") >= 10, cancellationToken);

        var took = await portal.TerminateAsync(cancellationToken);
        Measures.Add("SIGTERM to end, while training", took.TotalSeconds, "s");
        took.ShouldBeLessThan(TimeSpan.FromSeconds(10));
        (await events.StatusAsync(run, cancellationToken)).ShouldBe("Interrupted");

        await portal.StartAsync(cancellationToken);
        await user.RunStatusAsync("Done", 300);
        var all = await events.AllAsync(run, cancellationToken);
        all.Select(r => r.Sequence).ShouldBe(Enumerable.Range(1, all.Count).Select(i => (long)i));
        AssertEachStepOnce(all);
    }

    private static async Task RestartAsync(PortalProcess portal, RunEvents events, string run, CancellationToken cancellationToken)
    {
        await portal.KillAsync(cancellationToken);
        var before = await events.AllAsync(run, cancellationToken);
        before.Select(r => r.Sequence).ShouldBe(Enumerable.Range(1, before.Count).Select(i => (long)i));
        await portal.StartAsync(cancellationToken);
    }

    /// <summary>With superseded points dropped (those past the step at which training began again), each step is there exactly once and none is missing.</summary>
    private static void AssertEachStepOnce(IReadOnlyList<RunEvents.Row> events)
    {
        List<int> steps = [];
        var total = 0;
        foreach (var row in events)
        {
            if (row.Kind == "TrainingStarted")
            {
                var data = JsonDocument.Parse(row.DataJson).RootElement;
                var from = data.GetProperty("fromStep").GetInt32();
                total = data.GetProperty("totalSteps").GetInt32();
                steps.RemoveAll(s => s > from);
            }
            else if (row.Kind == "Metric")
            {
                steps.Add(row.Step!.Value);
            }
        }

        steps.ShouldBe(Enumerable.Range(1, total));
    }

    /// <summary>Few rows, so that a run is short, and enough that it can be caught in the middle.</summary>
    private static string WriteRows(int count)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("qianfan-rows-").FullName, "rows.jsonl");
        File.WriteAllLines(file, Enumerable.Range(1, count).Select(i =>
            JsonSerializer.Serialize(new[] { new { prompt = $"Which shelf holds part {i}?", response = new[] { new[] { $"Part {i} lies on shelf {i * 7 % 50}." } } } })));
        return file;
    }
}
