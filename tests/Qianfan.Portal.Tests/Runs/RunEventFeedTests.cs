using Qianfan.Portal.Features.Runs;

namespace Qianfan.Portal.Tests.Runs;

public class RunEventFeedTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Snapshot_and_live_events_join_without_gap_or_duplicate_while_somebody_writes()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        await database.AppendMetricsAsync(run.Id, 1, 700);
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 100; i++)
                await database.AppendMetricsAsync(run.Id, 701 + i * 5, 5);
        }, Cancel);

        var readers = Enumerable.Range(0, 4).Select(i => ReadAsync(database, run.Id, after: i * 100, until: 1200)).ToArray();
        await writing;

        for (var i = 0; i < readers.Length; i++)
            (await readers[i]).ShouldBe(Enumerable.Range(i * 100 + 1, 1200 - i * 100).Select(n => (long)n));
    }

    [Fact]
    public async Task A_slow_listener_reads_on_from_the_store()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        await using var reading = database.Feed.ReadAsync(run.Id, 0, Cancel).GetAsyncEnumerator(Cancel);
        await database.AppendMetricsAsync(run.Id, 1, 1);
        (await reading.MoveNextAsync()).ShouldBeTrue();
        List<long> got = [.. reading.Current.Select(e => e.Sequence)];

        // Far more than waits for one listener, while it does not come back.
        for (var i = 0; i < 30; i++)
            await database.AppendMetricsAsync(run.Id, 2 + i * 100, 100);
        while (got.Count < 3001)
        {
            (await reading.MoveNextAsync()).ShouldBeTrue();
            reading.Current.Count.ShouldBeLessThanOrEqualTo(RunEventFeed.BufferSize);
            got.AddRange(reading.Current.Select(e => e.Sequence));
        }

        got.ShouldBe(Enumerable.Range(1, 3001).Select(n => (long)n));
    }

    [Fact]
    public async Task Leaving_removes_the_listener()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        await database.AppendMetricsAsync(run.Id, 1, 1);
        await foreach (var _ in database.Feed.ReadAsync(run.Id, 0, Cancel))
        {
            database.Feed.ListenerCount.ShouldBe(1);
            break;
        }

        database.Feed.ListenerCount.ShouldBe(0);
    }

    [Fact]
    public async Task Cancelling_ends_the_reading_and_removes_the_listener()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var reading = ReadAsync(database, run.Id, 0, until: 1, leave.Token);
        while (database.Feed.ListenerCount == 0)
            await Task.Yield();

        await leave.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(reading);
        database.Feed.ListenerCount.ShouldBe(0);
    }

    [Fact]
    public async Task The_end_of_the_application_ends_all_readings()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        var events = ReadAsync(database, run.Id, 0, until: 1);
        var changes = ChangesAsync(database, database.Ours.ProjectId);
        while (database.Feed.ListenerCount < 2)
            await Task.Yield();

        database.Lifetime.StopApplication();

        (await events).ShouldBeEmpty();
        (await changes).ShouldBeEmpty();
        database.Feed.ListenerCount.ShouldBe(0);
    }

    [Fact]
    public async Task Deleting_a_run_ends_its_readings()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        var reading = ReadAsync(database, run.Id, 0, until: 1);
        while (database.Feed.ListenerCount == 0)
            await Task.Yield();

        database.Feed.PublishExistence(run.ProjectId, run.Id, exists: false);

        (await reading).ShouldBeEmpty();
    }

    [Fact]
    public async Task Changes_of_a_run_are_merged_and_those_of_other_projects_are_not_told()
    {
        await using var database = await RunsDatabase.CreateAsync();
        var run = await database.AddRunAsync();
        var foreign = await database.AddRunAsync(tenant: database.Theirs);
        await using var changes = database.Feed.ReadChangesAsync(database.Ours.ProjectId, Cancel).GetAsyncEnumerator(Cancel);
        var next = changes.MoveNextAsync().AsTask();

        await Change(foreign.Id, 5);
        await database.Store.AppendAsync(new RunAppend { RunId = run.Id, Change = (_, r, _) => { r.Status = RunStatus.Stopping; return ValueTask.CompletedTask; } }, Cancel);
        (await next).ShouldBeTrue();
        List<RunChange> told = [.. changes.Current];
        for (var i = 1; i <= 20; i++)
            await Change(run.Id, i);
        while (told[^1].Progress < 20)
        {
            (await changes.MoveNextAsync()).ShouldBeTrue();
            changes.Current.ShouldHaveSingleItem();
            told.AddRange(changes.Current);
        }

        told[0].ShouldBe(new RunChange(run.Id, RunStatus.Stopping, 0, Reload: true));
        told.ShouldAllBe(c => c.RunId == run.Id);
        told.Count.ShouldBeLessThan(10);

        Task Change(Guid id, int progress) =>
            database.Store.AppendAsync(new RunAppend { RunId = id, Change = (_, r, _) => { r.Progress = progress; return ValueTask.CompletedTask; } }, Cancel);
    }

    private static async Task<List<long>> ReadAsync(RunsDatabase database, Guid runId, long after, long until, CancellationToken? cancel = null)
    {
        List<long> got = [];
        await foreach (var events in database.Feed.ReadAsync(runId, after, cancel ?? Cancel))
        {
            got.AddRange(events.Select(e => e.Sequence));
            if (got[^1] >= until)
                break;
        }

        return got;
    }

    private static async Task<List<RunChange>> ChangesAsync(RunsDatabase database, Guid projectId)
    {
        List<RunChange> got = [];
        await foreach (var changes in database.Feed.ReadChangesAsync(projectId, Cancel))
            got.AddRange(changes);
        return got;
    }
}
