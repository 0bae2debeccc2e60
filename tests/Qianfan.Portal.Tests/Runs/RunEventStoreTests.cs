using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Runs;

public class RunEventStoreTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sequences_have_no_gap_when_many_write_at_once()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var runs = new[] { await database.AddRunAsync(), await database.AddRunAsync(), await database.AddRunAsync() };

        await Parallel.ForEachAsync(Enumerable.Range(0, 120), Cancel, async (i, _) => await database.AppendMetricsAsync(runs[i % 3].Id, i * 10, 3));

        foreach (var run in runs)
        {
            var events = await database.EventsAsync(run.Id);
            events.Select(e => e.Sequence).ShouldBe(Enumerable.Range(1, 120).Select(n => (long)n));
            (await database.LoadAsync(run.Id)).LastSequence.ShouldBe(120);
        }
    }

    [Fact]
    public async Task Events_pipeline_state_and_progress_are_written_together()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();

        await database.Store.AppendAsync(new RunAppend
        {
            RunId = run.Id,
            Attempt = 1,
            Events = [RunsDatabase.Metric(1), RunsDatabase.Metric(2)],
            Change = (_, r, _) =>
            {
                r.PipelineState = """{"cursor":2}""";
                r.Progress = 17;
                return ValueTask.CompletedTask;
            },
        }, Cancel);

        var stored = await database.LoadAsync(run.Id);
        (stored.PipelineState, stored.Progress, stored.LastSequence).ShouldBe(("""{"cursor":2}""", 17, 2));
        (await database.EventsAsync(run.Id)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_change_that_fails_leaves_nothing_behind_and_the_others_unharmed()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        var other = await database.AddRunAsync();

        var failing = database.Store.AppendAsync(new RunAppend
        {
            RunId = run.Id,
            Events = [RunsDatabase.Metric(1)],
            Change = (_, r, _) =>
            {
                r.Progress = 99;
                throw new UserErrorException("NotNow");
            },
        }, Cancel);
        var good = Enumerable.Range(1, 20).Select(i => database.AppendMetricsAsync(other.Id, i, 1)).ToArray();

        (await Should.ThrowAsync<UserErrorException>(failing)).Code.ShouldBe("NotNow");
        await Task.WhenAll(good);
        (await database.EventsAsync(run.Id)).ShouldBeEmpty();
        (await database.LoadAsync(run.Id)).Progress.ShouldBe(0);
        (await database.EventsAsync(other.Id)).Count.ShouldBe(20);
    }

    [Fact]
    public async Task Nobody_hears_of_events_that_could_not_be_written()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        await using var reading = database.Feed.ReadAsync(run.Id, 0, Cancel).GetAsyncEnumerator(Cancel);
        var next = reading.MoveNextAsync().AsTask();

        await Should.ThrowAsync<DbUpdateException>(database.Store.AppendAsync(new RunAppend
        {
            RunId = run.Id,
            Events = [RunsDatabase.Metric(1)],
            // The name may not be null: the commit itself fails, after the events were made.
            Change = (_, r, _) =>
            {
                r.Name = null!;
                return ValueTask.CompletedTask;
            },
        }, Cancel));
        await database.AppendMetricsAsync(run.Id, 7, 1);

        (await next).ShouldBeTrue();
        reading.Current.ShouldHaveSingleItem().Step.ShouldBe(7);
        reading.Current[0].Sequence.ShouldBe(1);
    }

    [Fact]
    public async Task An_execution_that_was_replaced_can_not_write()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        await database.Store.AppendAsync(new RunAppend { RunId = run.Id, Change = (_, r, _) => { r.Attempt = 2; return ValueTask.CompletedTask; } }, Cancel);

        await Should.ThrowAsync<RunFencedException>(database.AppendMetricsAsync(run.Id, 1, 1));

        (await database.EventsAsync(run.Id)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_run_that_is_gone_takes_no_events()
    {
        await using var database = await RunsDatabase.CreateAsync();
        await Should.ThrowAsync<RunFencedException>(database.AppendMetricsAsync(Guid.NewGuid(), 1, 1));
    }

    [Fact]
    public async Task A_change_of_status_is_told_as_an_event()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();

        await database.Store.AppendAsync(new RunAppend { RunId = run.Id, Change = (_, r, _) => { (r.Status, r.Error) = (RunStatus.Failed, "盘满了"); return ValueTask.CompletedTask; } }, Cancel);

        var told = (await database.EventsAsync(run.Id)).ShouldHaveSingleItem();
        told.Kind.ShouldBe(RunEventKind.Status);
        System.Text.Json.Nodes.JsonNode.Parse(told.DataJson)!["error"]!.GetValue<string>().ShouldBe("盘满了");
    }

    [Fact]
    public async Task An_audit_entry_is_written_with_the_change_or_not_at_all()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        var audit = new AuditLog(TimeProvider.System);
        RunAppend Stop(bool fail) => new()
        {
            RunId = run.Id,
            Durable = true,
            Change = (db, r, _) =>
            {
                r.Status = RunStatus.Stopping;
                audit.Add(db, database.Ours.Member, AuditActions.RunStopped, (r.Id, r.Name), projectId: r.ProjectId);
                return fail ? throw new UserErrorException("No") : ValueTask.CompletedTask;
            },
        };

        await Should.ThrowAsync<UserErrorException>(database.Store.AppendAsync(Stop(fail: true), Cancel));
        await using var db = database.Contexts.CreateDbContext();
        (await db.AuditEntries.CountAsync(Cancel)).ShouldBe(0);
        await database.Store.AppendAsync(Stop(fail: false), Cancel);
        (await db.AuditEntries.SingleAsync(Cancel)).Action.ShouldBe(AuditActions.RunStopped);
    }

    [Fact]
    public async Task Two_writers_on_one_database_leave_no_gap_and_no_duplicate()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        // As on two nodes: each has a store of its own, and no lock in common but the database's.
        using var other = new RunEventStore(database.Contexts, database.Feed, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<RunEventStore>.Instance);

        await Task.WhenAll(Write(database.Store), Write(other));

        (await database.EventsAsync(run.Id)).Select(e => e.Sequence).ShouldBe(Enumerable.Range(1, 40).Select(n => (long)n));

        async Task Write(RunEventStore store)
        {
            for (var i = 0; i < 20; i++)
                await store.AppendAsync(new RunAppend { RunId = run.Id, Events = [RunsDatabase.Metric(i)] }, Cancel);
        }
    }
}
