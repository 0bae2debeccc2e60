using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform;
using Qianfan.Portal.Data;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Runs;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Portal.Tests.Runs;

/// <summary>The process is killed, stopped or hurried at each point between a program's call and the end of its run.</summary>
public class ProgramRunsFaultTests
{
    private const string TaskId = "task-1";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killed_before_the_platform_stored_the_task_there_is_no_run_and_the_note_goes_in_time()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        await NoteAsync(portal);

        (await SweepAsync(portal)).ShouldBe(0);
        (await NotesAsync(portal)).ShouldBe(1);

        await using (var db = portal.Factory.Db())
            await db.ProgramTasks.ExecuteUpdateAsync(t => t.SetProperty(x => x.AnnouncedAt, TimeProvider.System.GetUtcNow() - ProgramRuns.Patience - TimeSpan.FromSeconds(1)), Cancel);
        (await SweepAsync(portal)).ShouldBe(0);
        (await NotesAsync(portal)).ShouldBe(0);
        await using var after = portal.Factory.Db();
        (await after.Runs.CountAsync(Cancel)).ShouldBe(0);
    }

    [Fact]
    public async Task Killed_before_anybody_heard_of_the_task_the_next_start_makes_its_run()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform();
        await using (var portal = await RunsPortal.StartAsync(platform, folder.Path))
            await NoteAsync(portal);
        platform.Tasks.Add(TaskId, ("job-1", new TaskLog()));
        ScriptedPlatform.Train(platform.Tasks[TaskId].Log, 0, 4, "Done");

        await using var next = await RunsPortal.StartAsync(platform, folder.Path);
        var run = await FirstRunAsync(next);
        await next.UntilAsync(run.Id, RunStatus.Done);

        await next.ShouldHaveNoGapAsync(run.Id);
        (await NotesAsync(next)).ShouldBe(0);
        Touched(platform).ShouldBe(0);
    }

    [Fact]
    public async Task Two_that_see_the_note_at_once_make_one_run()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform();
        platform.Tasks.Add(TaskId, ("job-1", new TaskLog()));
        await using var portal = await RunsPortal.StartAsync(platform, folder.Path);
        // Both have read the note before either writes.
        var asked = 0;
        var both = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        platform.After = name =>
        {
            if (name != "DescribeFineTuningTask")
                return Task.CompletedTask;
            if (Interlocked.Increment(ref asked) == 2)
                both.SetResult();
            return both.Task;
        };
        await NoteAsync(portal);

        var made = await Task.WhenAll(SweepAsync(portal), SweepAsync(portal));

        made.Sum().ShouldBe(1);
        await using var db = portal.Factory.Db();
        (await db.Runs.CountAsync(Cancel), await db.ProgramTasks.CountAsync(Cancel)).ShouldBe((1, 0));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Killed_or_stopped_while_it_follows_the_run_goes_on_without_gap_or_duplicate(bool killed)
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform();
        platform.Tasks.Add(TaskId, ("job-1", new TaskLog()));
        ScriptedPlatform.Train(platform.Tasks[TaskId].Log, 0, 2, "");
        var portal = await RunsPortal.StartAsync(platform, folder.Path);
        await NoteAsync(portal);
        await SweepAsync(portal);
        var run = await FirstRunAsync(portal);
        await portal.UntilAsync(run.Id, e => e is { Kind: RunEventKind.Metric, Step: 2 });
        using var left = folder.AsIfKilledNow();
        await portal.DisposeAsync();

        await using var next = await RunsPortal.StartAsync(platform, killed ? left.Path : folder.Path);
        if (!killed)
            await next.UntilAsync(run.Id, RunStatus.Interrupted);
        ScriptedPlatform.Train(platform.Tasks[TaskId].Log, 2, 4, "Done");
        await next.UntilAsync(run.Id, RunStatus.Done);

        await next.ShouldHaveNoGapAsync(run.Id);
        await using var db = next.Factory.Db();
        (await db.Runs.CountAsync(Cancel)).ShouldBe(1);
        Touched(platform).ShouldBe(0);
    }

    [Theory]
    [InlineData(RunStatus.Running)]
    [InlineData(RunStatus.Stopping)]
    public async Task A_failed_task_is_never_resumed_nor_a_running_one_stopped_whatever_the_row_says(RunStatus status)
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform();
        platform.Tasks.Add(TaskId, ("job-1", new TaskLog()));
        ScriptedPlatform.Train(platform.Tasks[TaskId].Log, 0, 2, status is RunStatus.Running ? "Failed" : "");
        Guid runId;
        await using (var portal = await RunsPortal.StartAsync(platform, folder.Path))
        {
            await NoteAsync(portal);
            await SweepAsync(portal);
            runId = (await FirstRunAsync(portal)).Id;
            if (status is RunStatus.Running)
                await portal.UntilAsync(runId, RunStatus.Failed);
            else
                await portal.UntilAsync(runId, e => e is { Kind: RunEventKind.Metric, Step: 2 });
        }

        // As if it had been killed between the action's last event and the pipeline's, or as if somebody had found a way to ask for a stop.
        await using (var db = new PortalDbContextFactory(Microsoft.Extensions.Options.Options.Create(new PortalOptions { DataDirectory = folder.Path })).CreateDbContext())
            await db.Runs.ExecuteUpdateAsync(r => r.SetProperty(x => x.Status, status).SetProperty(x => x.Error, (string?)null), Cancel);
        await using var next = await RunsPortal.StartAsync(platform, folder.Path);
        await next.UntilAsync(runId, status is RunStatus.Running ? RunStatus.Failed : RunStatus.Stopped, after: (await next.LoadAsync(runId)).LastSequence - 1);

        Touched(platform).ShouldBe(0);
    }

    [Fact]
    public async Task Removing_the_run_leaves_the_task()
    {
        using var folder = new TestFolder();
        var platform = new ScriptedPlatform();
        platform.Tasks.Add(TaskId, ("job-1", new TaskLog()));
        ScriptedPlatform.Train(platform.Tasks[TaskId].Log, 0, 4, "Done");
        await using var portal = await RunsPortal.StartAsync(platform, folder.Path);
        await NoteAsync(portal);
        await SweepAsync(portal);
        var run = await FirstRunAsync(portal);
        await portal.UntilAsync(run.Id, RunStatus.Done);

        await portal.Runs.DeleteAsync(portal.Owner, portal.Factory.ProjectId, run.Id, Cancel);

        (await SweepAsync(portal)).ShouldBe(0);
        await using var db = portal.Factory.Db();
        (await db.Runs.CountAsync(Cancel)).ShouldBe(0);
        Touched(platform).ShouldBe(0);
    }

    [Fact]
    public async Task What_comes_with_the_portals_own_key_is_not_a_programs()
    {
        using var folder = new TestFolder();
        await using var portal = await RunsPortal.StartAsync(new ScriptedPlatform(), folder.Path);
        await using var db = portal.Factory.Db();
        var hidden = await db.ApiKeys.SingleAsync(k => k.ProjectId == portal.Factory.ProjectId, Cancel);
        hidden.Hidden.ShouldBeTrue();

        await Listener(portal).CreatingAsync(new PlatformKey(hidden.AccessKey, "secret", portal.Factory.ProjectId.ToString(), ApiKeyScopes.Full), TaskId, Cancel);
        await Listener(portal).ResumingAsync(portal.Factory.ProjectId.ToString(), TaskId, Cancel);

        (await NotesAsync(portal)).ShouldBe(0);
    }

    private static ProgramTaskListener Listener(RunsPortal portal) => ActivatorUtilities.CreateInstance<ProgramTaskListener>(portal.Factory.Services);

    private static Task<int> SweepAsync(RunsPortal portal) => portal.Factory.Get<ProgramRuns>().SweepAsync(Cancel);

    // What the platform tells before it stores a task.
    private static async Task NoteAsync(RunsPortal portal)
    {
        var key = await portal.Factory.Get<ApiKeyService>().CreateAsync(portal.Owner, portal.Factory.ProjectId, "nightly job", ApiKeyScopes.Full, Cancel);
        await Listener(portal).CreatingAsync(new PlatformKey(key.AccessKey, key.SecretKey, portal.Factory.ProjectId.ToString(), ApiKeyScopes.Full), TaskId, Cancel);
    }

    private static async Task<int> NotesAsync(RunsPortal portal)
    {
        await using var db = portal.Factory.Db();
        return await db.ProgramTasks.CountAsync(Cancel);
    }

    private static async Task<Run> FirstRunAsync(RunsPortal portal)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        while (true)
        {
            await using var db = portal.Factory.Db();
            if (await db.Runs.AsNoTracking().FirstOrDefaultAsync(patience.Token) is { } run)
                return run;
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }
    }

    // Calls that change something on the platform.
    private static int Touched(ScriptedPlatform platform) =>
        platform.Requests.Count(r => r.Name is "CreateFineTuningJob" or "CreateFineTuningTask" or "StopFineTuningTask" or "ResumeFineTuningTask" or "DeleteFineTuningTask" or "DeleteFineTuningJob");
}
