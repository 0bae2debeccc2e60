using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Spending;

/// <summary>Holds owners to their tokens a month: what a call may cost is reserved before its work starts, so that no number of parallel ones spends more than there is. Thread-safe.</summary>
internal sealed partial class Budgets(IPlatformAccess access, Ledger ledger, IOptions<PlatformOptions> options, TimeProvider time, ILogger<Budgets> logger) : BackgroundService
{
    private readonly ConcurrentDictionary<(string Account, int Month), Purse> _purses = new();

    /// <summary>Reserves tokens from all of the owner's quotas.</summary>
    /// <returns>The reservation; null when no quota binds the owner.</returns>
    /// <exception cref="PlatformException">A quota has not enough left; nothing is reserved.</exception>
    public async ValueTask<Reservation?> ReserveAsync(string ownerId, long tokens, CancellationToken cancellationToken)
    {
        Reservation? reservation = null;
        try
        {
            foreach (var quota in await access.FindQuotasAsync(ownerId, cancellationToken))
            {
                var purse = _purses.GetOrAdd((quota.Account, Ledger.MonthOf(time.GetUtcNow())), key => new Purse(key.Account, key.Month, ledger, time));
                // What is spent without a limit counts too, if one is set later in the month.
                if (quota.TokensPerMonth is { } limit && !await purse.TryReserveAsync(tokens, limit, cancellationToken)) throw Exceeded(limit, tokens);
                (reservation ??= new Reservation(tokens)).Add(purse, quota.TokensPerMonth is not null);
            }
        }
        catch
        {
            reservation?.Spend(0);
            throw;
        }

        return reservation;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var purse in _purses.Values) purse.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Api) return;
        using var timer = new PeriodicTimer(Ledger.LeaseLife / 4, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await SweepAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What calls still hold is settled by the usage writer, which then gives the leases back.
        }
    }

    private static PlatformException Exceeded(long limit, long tokens) => new(
        PlatformError.QuotaExceeded, $"You exceeded your current quota of {limit} tokens a month: this request may need {tokens}, and there are fewer left. The quota begins anew with the month (UTC)");

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var purse in _purses.Values)
        {
            try
            {
                await purse.SweepAsync(cancellationToken);
            }
            catch (Exception exception) when (exception is DbUpdateException or DbException)
            {
                // A lease that is not renewed expires: spending stops until the database is back.
                LogFault(logger, exception, purse.Account);
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "The lease of {Account} could not be renewed or given back")]
    private static partial void LogFault(ILogger logger, Exception exception, string account);
}

/// <summary>What a call may spend.</summary>
internal sealed class Reservation(long tokens)
{
    private readonly List<(Purse Purse, bool Leased)> _purses = [];

    /// <summary>Notes whose tokens the call spends, and whether they are set aside.</summary>
    public void Add(Purse purse, bool leased) => _purses.Add((purse, leased));

    /// <summary>Puts what was used in place of what was set aside. Once, at the end.</summary>
    /// <returns>What is to be settled.</returns>
    public IReadOnlyList<Charge> Spend(long used)
    {
        foreach (var (purse, leased) in _purses)
        {
            if (leased) purse.Spend(tokens, used);
        }

        return used == 0 ? [] : [.. _purses.Select(entry => new Charge(entry.Purse, used, entry.Leased))];
    }
}

/// <summary>Tokens that were used and don't stand in the ledger yet.</summary>
/// <param name="Purse">Whose.</param>
/// <param name="Tokens">How many.</param>
/// <param name="Leased">Whether they were leased before.</param>
internal readonly record struct Charge(Purse Purse, long Tokens, bool Leased);
