using System.Text.Json;
using AngleSharp.Dom;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Teams;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Tests.Runs;

public class RunPagesTests : RunComponents
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task The_list_shows_runs_and_follows_their_progress()
    {
        var run = await Database.AddRunAsync(name: "学诗");
        await Database.AddRunAsync(tenant: Database.Theirs, name: "not ours");
        var page = RenderInProject(List());
        page.WaitForElement("[data-testid=run-row]", s_patience);
        page.Markup.ShouldContain("学诗");
        page.Markup.ShouldNotContain("not ours");
        // The page listens from its first rendering on.
        while (Database.Feed.ListenerCount == 0)
            await Task.Yield();

        await Database.Store.AppendAsync(new RunAppend { RunId = run.Id, Change = (_, r, _) => { r.Progress = 42; return ValueTask.CompletedTask; } }, Cancel);

        page.WaitForAssertion(() => page.Find(".run-row-percent").TextContent.ShouldBe("42 %"), s_patience);
    }

    [Fact]
    public void A_list_without_runs_says_what_a_run_is_and_offers_one()
    {
        var page = RenderInProject(List());
        page.WaitForElement("[data-testid=start-run]", s_patience);
        page.Markup.ShouldContain("No runs yet");
    }

    [Fact]
    public async Task A_viewer_sees_the_runs_and_no_button_that_changes_them()
    {
        SignIn(Database.Ours, asViewer: true);
        var run = await Database.AddRunAsync();
        var page = RenderInProject(
            builder =>
            {
                builder.AddContent(0, List());
                builder.AddContent(1, Page(run.Id));
            },
            TeamRole.Viewer);
        page.WaitForElement("[data-testid=run-row]", s_patience);
        page.WaitForElement("[data-testid=run-status]", s_patience);
        page.FindAll("[data-testid=start-run]").ShouldBeEmpty();
        page.FindAll("[data-testid=stop-run]").ShouldBeEmpty();
    }

    [Fact]
    public async Task The_page_of_a_run_shows_the_state_of_each_action_as_it_changes()
    {
        var run = await Database.AddRunAsync();
        await TellAsync(run.Id, RunActions.LoadDataSetAction, "Done");
        var page = RenderInProject(Page(run.Id));
        page.WaitForElement("[data-testid=run-status]", s_patience);
        State(page, "Load").ShouldBe("Done");
        State(page, "Train").ShouldBe("None");
        page.FindAll("[data-testid=chat-link]").ShouldBeEmpty();
        while (Database.Feed.ListenerCount == 0)
            await Task.Yield();

        foreach (var state in (string[])["Preceding", "Running", "Error"])
        {
            await TellAsync(run.Id, RunActions.TrainAction, state);
            page.WaitForAssertion(() => State(page, "Train").ShouldBe(state), s_patience);
        }

        await Database.Store.AppendAsync(new RunAppend { RunId = run.Id, Change = (_, r, _) => { (r.Status, r.Error) = (RunStatus.Failed, "no memory left"); return ValueTask.CompletedTask; } }, Cancel);
        page.WaitForAssertion(() => page.Find("[data-testid=run-error]").TextContent.ShouldContain("no memory left"), s_patience);
        page.Find("[data-testid=run-status]").GetAttribute("data-status").ShouldBe("Failed");
        page.FindAll("[data-testid=resume-run]").ShouldHaveSingleItem();
    }

    [Fact]
    public async Task The_stop_button_stops_and_the_resume_button_resumes()
    {
        var run = await Database.AddRunAsync();
        var page = RenderInProject(Page(run.Id));
        await page.WaitForElement("[data-testid=stop-run]", s_patience).ClickAsync();
        page.WaitForAssertion(() => page.Find("[data-testid=run-status]").GetAttribute("data-status").ShouldBe("Stopping"), s_patience);
        page.Find("[data-testid=stop-run]").HasAttribute("disabled").ShouldBeTrue();

        await Database.Store.AppendAsync(new RunAppend { RunId = run.Id, Change = (_, r, _) => { r.Status = RunStatus.Stopped; return ValueTask.CompletedTask; } }, Cancel);
        await page.WaitForElement("[data-testid=resume-run]", s_patience).ClickAsync();

        page.WaitForAssertion(() => page.Find("[data-testid=run-status]").GetAttribute("data-status").ShouldBe("Queued"), s_patience);
        (await Database.LoadAsync(run.Id)).Status.ShouldBe(RunStatus.Queued);
    }

    [Theory]
    [InlineData(RunStatus.Queued, false)]
    [InlineData(RunStatus.Running, false)]
    [InlineData(RunStatus.Interrupted, false)]
    [InlineData(RunStatus.Stopped, true)]
    [InlineData(RunStatus.Failed, true)]
    [InlineData(RunStatus.Done, true)]
    public async Task A_programs_run_shows_where_it_came_from_and_can_only_be_removed_when_it_has_ended(RunStatus status, bool removable)
    {
        var run = await AddProgramsRunAsync(status);
        var page = RenderInProject(Page(run.Id));

        page.WaitForElement("[data-testid=run-origin]", s_patience).TextContent.ShouldContain("Started by API key nightly job");
        page.FindAll("[data-testid=stop-run]").ShouldBeEmpty();
        page.FindAll("[data-testid=resume-run]").ShouldBeEmpty();
        page.FindAll("[data-testid=delete-run]").Select(b => b.TextContent.Trim()).ShouldBe(removable ? ["Remove from list"] : []);
        page.FindAll("[data-testid^=action-]").Select(a => a.GetAttribute("data-testid")).ShouldBe(["action-Train"]);
        page.Find(".run-config").TextContent.ShouldContain("API key nightly job");
        page.Markup.ShouldNotContain("Resume goes on", Case.Sensitive);
    }

    [Fact]
    public async Task A_programs_run_is_removed_with_a_word_that_its_task_stays()
    {
        var run = await AddProgramsRunAsync(RunStatus.Done);
        var page = RenderInProject(Page(run.Id));
        // The click has been dealt with when the dialog is answered.
        var removing = page.WaitForElement("[data-testid=delete-run]", s_patience).ClickAsync();
        page.WaitForAssertion(() => page.Markup.ShouldContain("stays on the platform"), s_patience);

        await page.FindAll(".mud-dialog button").Single(b => b.TextContent.Contains("Remove from list", StringComparison.Ordinal)).ClickAsync();
        await removing;

        await using var db = Database.Contexts.CreateDbContext();
        page.WaitForAssertion(() => db.Runs.Count().ShouldBe(0), s_patience);
        Platform.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_list_tells_which_program_started_a_run()
    {
        await AddProgramsRunAsync(RunStatus.Running);
        RenderInProject(List()).WaitForElement("[data-testid=run-by]", s_patience).TextContent.ShouldContain("Started by API key nightly job");
    }

    [Fact]
    public async Task A_viewer_can_not_even_remove_a_programs_run()
    {
        SignIn(Database.Ours, asViewer: true);
        var run = await AddProgramsRunAsync(RunStatus.Done);
        var page = RenderInProject(Page(run.Id), TeamRole.Viewer);
        page.WaitForElement("[data-testid=run-origin]", s_patience);
        page.FindAll("[data-testid=delete-run]").ShouldBeEmpty();
    }

    [Fact]
    public async Task Another_teams_run_is_shown_as_not_found()
    {
        var foreign = await Database.AddRunAsync(tenant: Database.Theirs, name: "secret run");
        var page = RenderInProject(Page(foreign.Id));
        page.WaitForAssertion(() => page.FindAll(".qf-empty").ShouldHaveSingleItem(), s_patience);
        page.Markup.ShouldNotContain("secret run");
    }

    [Fact]
    public void Every_line_that_a_platform_tells_by_a_code_has_words_of_the_portal()
    {
        var codes = typeof(TaskLogCodes).GetFields().Select(field => (string)field.GetRawConstantValue()!).ToList();
        var view = Render<RunLiveView>(p => p.Add(v => v.RunId, Guid.NewGuid()));
        view.WaitForAssertion(() => Script.Invocations["mount"].Count.ShouldBe(1), s_patience);

        var given = JsonSerializer.SerializeToNode(Script.Invocations["mount"].Single().Arguments[1])!["texts"]!["lines"]!.AsObject();

        given.Select(line => line.Key).ShouldBe(codes, ignoreOrder: true);
        // A text that is missing is its own key.
        given.ShouldAllBe(line => !line.Value!.GetValue<string>().StartsWith("Line_", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Leaving_the_page_ends_its_listening()
    {
        var run = await Database.AddRunAsync();
        var page = RenderInProject(Page(run.Id));
        page.WaitForElement("[data-testid=run-status]", s_patience);
        while (Database.Feed.ListenerCount == 0)
            await Task.Yield();

        await DisposeComponentsAsync();

        while (Database.Feed.ListenerCount > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
    }

    [Fact]
    public async Task The_dialog_starts_a_run_with_what_it_preselects()
    {
        var page = await OpenDialogAsync();
        var submit = page.WaitForElement("[data-testid=start-run-submit]:not([disabled])", s_patience);

        await submit.ClickAsync();

        await using var db = Database.Contexts.CreateDbContext();
        page.WaitForAssertion(() => db.Runs.Count().ShouldBe(1), s_patience);
        var run = await db.Runs.SingleAsync(Cancel);
        (run.Name, run.BaseModel, run.DatasetId, run.Status).ShouldBe(("rows · ERNIE-Speed-8K", "ERNIE-Speed-8K", Database.Ours.DatasetId, RunStatus.Queued));
        var config = RunConfig.Of(run);
        (config.Deploy, config.DatasetPlatformId, config.Train.PeftType!.Value.Value, config.Train.TrainsetRate).ShouldBe((true, "ds-1", "FullFineTuning", 5));
        config.Train.ToHyperParameters().ShouldBeEmpty();
    }

    [Fact]
    public async Task The_dialog_shows_the_limits_and_does_not_start_with_a_value_out_of_them()
    {
        var page = await OpenDialogAsync();
        await page.WaitForElement(".mud-expand-panel-header", s_patience).ClickAsync();
        IElement Epoch() => page.Find("input[data-testid=start-epoch], [data-testid=start-epoch] input");
        page.WaitForAssertion(() => page.Markup.ShouldContain("1 – 50"), s_patience);

        await Epoch().InputAsync(new ChangeEventArgs { Value = "51" });
        page.WaitForAssertion(() => page.Find("[data-testid=start-run-submit]").HasAttribute("disabled").ShouldBeTrue(), s_patience);
        page.Markup.ShouldContain("Allowed: 1 – 50");

        await Epoch().InputAsync(new ChangeEventArgs { Value = "7" });
        await page.WaitForElement("[data-testid=start-run-submit]:not([disabled])", s_patience).ClickAsync();
        await using var db = Database.Contexts.CreateDbContext();
        page.WaitForAssertion(() => db.Runs.Count().ShouldBe(1), s_patience);
        RunConfig.Of(await db.Runs.SingleAsync(Cancel)).Train.Epoch.ShouldBe(7);
    }

    [Fact]
    public async Task The_dialog_says_when_the_platform_does_not_answer()
    {
        Platform.Before = _ => throw new HttpRequestException("connection refused");
        var page = await OpenDialogAsync();
        page.WaitForAssertion(() => page.Markup.ShouldContain("The platform does not answer"), TimeSpan.FromSeconds(60));
        page.Find("[data-testid=start-run-submit]").HasAttribute("disabled").ShouldBeTrue();
    }

    private async Task<Run> AddProgramsRunAsync(RunStatus status)
    {
        var run = await Database.AddRunAsync(status);
        await using var db = Database.Contexts.CreateDbContext();
        await db.Runs.Where(r => r.Id == run.Id).ExecuteUpdateAsync(
            r => r.SetProperty(x => x.Kind, RunKind.Followed).SetProperty(x => x.StartedByKey, "nightly job").SetProperty(x => x.TaskId, "task-1").SetProperty(x => x.PipelineState, "{}"),
            Cancel);
        return run;
    }

    private RenderFragment List() => builder =>
    {
        builder.OpenComponent<RunListPage>(0);
        builder.AddComponentParameter(1, nameof(RunListPage.ProjectId), Database.Ours.ProjectId);
        builder.CloseComponent();
    };

    private RenderFragment Page(Guid runId) => builder =>
    {
        builder.OpenComponent<RunPage>(0);
        builder.AddComponentParameter(1, nameof(RunPage.ProjectId), Database.Ours.ProjectId);
        builder.AddComponentParameter(2, nameof(RunPage.RunId), runId);
        builder.CloseComponent();
    };

    private async Task<IRenderedComponent<IComponent>> OpenDialogAsync()
    {
        var page = RenderInProject(_ => { });
        await page.InvokeAsync(() => Services.GetRequiredService<IDialogService>().ShowAsync<StartRunDialog>("New run", new DialogParameters<StartRunDialog> { { d => d.ProjectId, Database.Ours.ProjectId } }));
        return page;
    }

    private Task<long> TellAsync(Guid runId, string action, string state) =>
        Database.Store.AppendAsync(new RunAppend { RunId = runId, Events = [new RunEventDraft(RunEventKind.Action, action, state, null, "{}")] }, Cancel);

    private static string? State(IRenderedComponent<IComponent> page, string action) => page.Find($"[data-testid=action-{action}]").GetAttribute("data-state");
}
