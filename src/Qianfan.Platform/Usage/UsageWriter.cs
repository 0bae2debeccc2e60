using System.Data.Common;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Spending;

namespace Qianfan.Platform.Usage;

/// <summary>Writes usage records in batches, and settles what they spent: records, sums and ledger in one transaction. What calls have handed over is written before the host ends. Thread-safe.</summary>
internal sealed partial class UsageWriter(
    IDbContextFactory<PlatformDbContext> contexts, Ledger ledger, IOptions<PlatformOptions> options, TimeProvider time, ILogger<UsageWriter> logger) : BackgroundService
{
    private const int MostWaiting = 20_000;
    private const int MostInBatch = 5_000;

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_pauseAfterFault = TimeSpan.FromSeconds(5);

    private readonly Channel<Entry> _entries = Channel.CreateBounded<Entry>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    private TaskCompletionSource _hurry = NewSignal();
    private int _flushes;
    private DateTimeOffset _pruned;

    /// <summary>Takes a record. Waits only when the database lags far behind: no call goes unrecorded.</summary>
    /// <param name="record">The record.</param>
    /// <param name="charges">What the call has spent.</param>
    public async ValueTask WriteAsync(UsageRecord record, IReadOnlyList<Charge> charges)
    {
        if (!await EnqueueAsync(new Entry(record, charges, null))) LogLate(logger, record.OwnerId, record.PromptTokens + record.CompletionTokens);
    }

    /// <summary>Completes when everything taken before is in the database.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        var written = NewSignal();
        Interlocked.Increment(ref _flushes);
        try
        {
            if (!await EnqueueAsync(new Entry(null, [], written))) return;
            Hurry();
            await written.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _flushes);
        }
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _entries.Writer.TryComplete();
        Hurry();
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Api) return;
        var batch = new List<Entry>();
        // The host's stop completes the entries; what is among them by then is still written.
        while (await _entries.Reader.WaitToReadAsync(CancellationToken.None))
        {
            var hurry = Volatile.Read(ref _hurry).Task;
            // Calls that end within this time share a transaction.
            if (Volatile.Read(ref _flushes) == 0 && !_entries.Reader.Completion.IsCompleted && !stoppingToken.IsCancellationRequested)
                await hurry.WaitAsync(s_interval, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (batch.Count < MostInBatch && _entries.Reader.TryRead(out var entry)) batch.Add(entry);
            await StoreAsync(batch, stoppingToken);
            batch.Clear();
        }

        await GiveBackAsync();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Hurry() => Interlocked.Exchange(ref _hurry, NewSignal()).TrySetResult();

    private async ValueTask<bool> EnqueueAsync(Entry entry)
    {
        do
        {
            if (_entries.Writer.TryWrite(entry)) return true;
        }
        while (await _entries.Writer.WaitToWriteAsync());
        return false;
    }

    private async Task StoreAsync(List<Entry> batch, CancellationToken stopping)
    {
        var records = batch.Select(entry => entry.Record).OfType<UsageRecord>().ToList();
        var charges = batch.SelectMany(entry => entry.Charges).GroupBy(charge => (charge.Purse, charge.Leased)).Select(purse => purse.Aggregate((sum, charge) => sum with { Tokens = sum.Tokens + charge.Tokens })).ToList();
        while (true)
        {
            try
            {
                if (records.Count > 0) await StoreAsync(records, charges);
                break;
            }
            catch (Exception exception) when (exception is DbUpdateException or DbException)
            {
                LogFault(logger, exception, records.Count);
                if (stopping.IsCancellationRequested)
                {
                    LogLost(logger, records.Count);
                    break;
                }

                await Task.Delay(s_pauseAfterFault, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        foreach (var entry in batch) entry.Written?.TrySetResult();
    }

    private async Task StoreAsync(List<UsageRecord> records, List<Charge> charges)
    {
        await using var context = await contexts.CreateDbContextAsync();
        await using var transaction = await context.Database.BeginTransactionAsync();
        await context.InsertAsync(records, CancellationToken.None);
        foreach (var hour in records.GroupBy(record => (record.OwnerId, Hour: HourOf(record.Time), record.AccessKey, record.Api, record.Model, record.ServiceId)))
            await AddToHourAsync(context, Sum(hour.Key, hour));
        foreach (var charge in charges) await ledger.SettleAsync(context, charge);
        await context.SaveChangesAsync();
        await PruneAsync(context);
        await transaction.CommitAsync();
        foreach (var charge in charges.Where(charge => charge.Leased)) charge.Purse.Settled(charge.Tokens);
    }

    // All is settled: what is left of the leases is refunded. A failure costs their life, no more.
    private async Task GiveBackAsync()
    {
        try
        {
            await ledger.ReleaseAllAsync(CancellationToken.None);
        }
        catch (Exception exception) when (exception is DbUpdateException or DbException)
        {
            LogLeases(logger, exception);
        }
    }

    private static UsageHour Sum((string OwnerId, DateTimeOffset Hour, string AccessKey, ApiGeneration Api, string Model, string ServiceId) key, IEnumerable<UsageRecord> records)
    {
        var sum = new UsageHour { OwnerId = key.OwnerId, Hour = key.Hour, AccessKey = key.AccessKey, Api = key.Api, Model = key.Model, ServiceId = key.ServiceId };
        foreach (var record in records)
        {
            sum.Calls++;
            if (record.Failed) sum.FailedCalls++;
            sum.PromptTokens += record.PromptTokens;
            sum.CompletionTokens += record.CompletionTokens;
            sum.CachedTokens += record.CachedTokens;
            if (record.Time > sum.LastAt) sum.LastAt = record.Time;
        }

        return sum;
    }

    private static async Task AddToHourAsync(PlatformDbContext context, UsageHour sum)
    {
        var hour = await context.UsageHours.FindAsync(sum.OwnerId, sum.Hour, sum.AccessKey, sum.Api, sum.Model, sum.ServiceId);
        if (hour is null)
        {
            context.UsageHours.Add(sum);
            return;
        }

        hour.Calls += sum.Calls;
        hour.FailedCalls += sum.FailedCalls;
        hour.PromptTokens += sum.PromptTokens;
        hour.CompletionTokens += sum.CompletionTokens;
        hour.CachedTokens += sum.CachedTokens;
        if (sum.LastAt > hour.LastAt) hour.LastAt = sum.LastAt;
    }

    // Once an hour: the sums stay.
    private async Task PruneAsync(PlatformDbContext context)
    {
        var now = time.GetUtcNow();
        if (HourOf(now) == _pruned) return;
        var oldest = now - options.Value.UsageRecordLife;
        await context.UsageRecords.Where(record => record.Time < oldest).ExecuteDeleteAsync();
        _pruned = HourOf(now);
    }

    private static DateTimeOffset HourOf(DateTimeOffset at) => new(at.UtcTicks - (at.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero);

    [LoggerMessage(LogLevel.Error, "{Count} usage records could not be written")]
    private static partial void LogFault(ILogger logger, Exception exception, int count);

    [LoggerMessage(LogLevel.Error, "Leases could not be given back; they expire")]
    private static partial void LogLeases(ILogger logger, Exception exception);

    [LoggerMessage(LogLevel.Critical, "The host ends, and {Count} usage records are lost")]
    private static partial void LogLost(ILogger logger, int count);

    [LoggerMessage(LogLevel.Warning, "A call of {Owner} ended after the last usage records were written; its {Tokens} tokens are not recorded")]
    private static partial void LogLate(ILogger logger, string owner, long tokens);

    /// <summary>A record with what it spent, or somebody who waits for those before.</summary>
    private readonly record struct Entry(UsageRecord? Record, IReadOnlyList<Charge> Charges, TaskCompletionSource? Written);
}
