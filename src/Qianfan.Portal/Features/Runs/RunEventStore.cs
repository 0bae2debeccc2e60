using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;

namespace Qianfan.Portal.Features.Runs;

/// <summary>
/// The only writer of run events and of what a run's row tells about its state: events, row and pipeline state are committed together, and only then does anybody hear of them.
/// Thread-safe. Appends that come at the same time share a commit, since SQLite has one writer.
/// </summary>
public sealed partial class RunEventStore(PortalDbContextFactory contexts, RunEventFeed feed, TimeProvider time, ILogger<RunEventStore> logger) : IDisposable
{
    private const int LargestBatch = 64;
    private const int Attempts = 5;

    private readonly ConcurrentQueue<Pending> _queue = new();
    private readonly SemaphoreSlim _writer = new(1, 1);

    /// <summary>Writes events and changes of a run.</summary>
    /// <returns>The run's last sequence.</returns>
    /// <exception cref="RunFencedException">Another execution took the run over, or it was deleted.</exception>
    public async Task<long> AppendAsync(RunAppend append, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var pending = new Pending(append);
        _queue.Enqueue(pending);
        // From here on the commit may happen at any moment: the caller hears how it ended, whatever becomes of its token.
        await _writer.WaitAsync(CancellationToken.None);
        try
        {
            // Whoever holds the pen writes for all who wait; mostly that has happened by the time one gets it.
            while (!pending.Written.Task.IsCompleted)
                await WriteAsync(TakeBatch());
        }
        finally
        {
            _writer.Release();
        }

        return await pending.Written.Task;
    }

    public void Dispose() => _writer.Dispose();

    private List<Pending> TakeBatch()
    {
        List<Pending> batch = [];
        while (batch.Count < LargestBatch && _queue.TryDequeue(out var pending))
            batch.Add(pending);
        return batch;
    }

    private async Task WriteAsync(List<Pending> batch)
    {
        if (batch.Count > 1)
        {
            try
            {
                await CommitAsync(batch);
                return;
            }
            catch (Exception e)
            {
                // One append that can't be written must not take the others with it: each gets a commit, and an answer, of its own.
                Splitting(logger, batch.Count, e.Message);
            }
        }

        foreach (var pending in batch)
        {
            try
            {
                await CommitAloneAsync(pending);
            }
            catch (Exception e)
            {
                pending.Written.SetException(e);
            }
        }
    }

    private async Task CommitAloneAsync(Pending pending)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await CommitAsync([pending]);
                return;
            }
            catch (DbUpdateException) when (attempt < Attempts)
            {
                // Most likely another node went on from the same sequence. Read again; the attempt's number tells whether this execution still may.
                Conflict(logger, pending.Append.RunId, attempt);
            }
        }
    }

    private async Task CommitAsync(List<Pending> batch)
    {
        await using var db = batch.Exists(p => p.Append.Durable) ? contexts.CreateDbContext() : contexts.CreateForEvents();
        var commits = new List<RunCommit>(batch.Count);
        var now = time.GetUtcNow();
        foreach (var pending in batch)
            commits.Add(await ApplyAsync(db, pending.Append, now));
        await db.SaveChangesAsync(CancellationToken.None);
        for (var i = 0; i < batch.Count; i++)
        {
            feed.Publish(commits[i]);
            batch[i].Written.SetResult(commits[i].LastSequence);
        }
    }

    private static async Task<RunCommit> ApplyAsync(PortalDbContext db, RunAppend append, DateTimeOffset now)
    {
        var run = await db.Runs.FindAsync([append.RunId], CancellationToken.None) ?? throw new RunFencedException(append.RunId);
        if (append.Attempt is { } attempt && attempt != run.Attempt)
            throw new RunFencedException(append.RunId);

        var (status, progress) = (run.Status, run.Progress);
        if (append.Change is { } change)
            await change(db, run, CancellationToken.None);

        var messages = new List<RunEventMessage>(append.Events.Count + 1);
        foreach (var draft in append.Events)
            Add(draft);
        if (run.Status != status)
            Add(StatusEvent(run));
        return new RunCommit(run.ProjectId, run.Id, run.Status, run.Progress, run.LastSequence, messages, run.Status != status || run.Progress != progress);

        void Add(RunEventDraft draft)
        {
            var stored = new RunEvent
            {
                RunId = run.Id,
                Sequence = ++run.LastSequence,
                Time = now,
                Kind = draft.Kind,
                ActionClass = draft.ActionClass,
                ActionState = draft.ActionState,
                Step = draft.Step,
                DataJson = draft.DataJson,
            };
            db.RunEvents.Add(stored);
            messages.Add(RunEventMessage.From(stored));
        }
    }

    private static RunEventDraft StatusEvent(Run run) =>
        new(RunEventKind.Status, null, null, null, run.Error is { } error
            ? JsonSerializer.Serialize(new { status = run.Status.ToString(), error })
            : JsonSerializer.Serialize(new { status = run.Status.ToString() }));

    private sealed class Pending(RunAppend append)
    {
        public RunAppend Append { get; } = append;
        public TaskCompletionSource<long> Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Count} appends can't share a commit, each gets its own: {Reason}")]
    private static partial void Splitting(ILogger logger, int count, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {RunId} was written by somebody else at the same time (attempt {Attempt})")]
    private static partial void Conflict(ILogger logger, Guid runId, int attempt);
}
