using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;

namespace Qianfan.Platform.Spending;

/// <summary>The database's side of budgets: what was spent, and which process may spend how much of the rest. Thread-safe.</summary>
/// <remarks>Leasing is one transaction that writes, of which the database runs one at a time: no two processes lease the same tokens.</remarks>
internal sealed class Ledger(IDbContextFactory<PlatformDbContext> contexts, TimeProvider time)
{
    /// <summary>How long a lease lives that is not renewed: so long the tokens of a process that died are nobody's.</summary>
    public static readonly TimeSpan LeaseLife = TimeSpan.FromMinutes(2);

    private const int BlocksPerBudget = 20;
    private const long LargestBlock = 100_000;

    private readonly string _holder = Guid.NewGuid().ToString("N");

    /// <summary>The month of a time, as rows name it.</summary>
    public static int MonthOf(DateTimeOffset at) => (at.UtcDateTime.Year * 100) + at.UtcDateTime.Month;

    /// <summary>Adds a block to this process's lease, if there is enough for what is needed; otherwise nothing.</summary>
    /// <param name="account">The account.</param>
    /// <param name="month">The month.</param>
    /// <param name="limit">Tokens of the month.</param>
    /// <param name="held">Tokens that this process has reserved, or spent without having settled them.</param>
    /// <param name="free">Tokens that this process has leased besides.</param>
    /// <param name="need">Tokens that have to be free after it.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public async Task<Lease> LeaseAsync(string account, int month, long limit, long held, long free, long need, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        var now = time.GetUtcNow();
        await context.Leases.Where(lease => lease.ExpiresAt <= now && lease.Holder != _holder).ExecuteDeleteAsync(cancellationToken);
        var row = await context.Leases.SingleOrDefaultAsync(lease => lease.Account == account && lease.Month == month && lease.Holder == _holder, cancellationToken)
            ?? context.Leases.Add(new LeaseRow { Account = account, Month = month, Holder = _holder }).Entity;
        // What was free under a lease that has expired is the account's again; what is held is being spent all the same.
        var lost = row.ExpiresAt > now ? 0 : free;
        if (row.ExpiresAt <= now) row.Tokens = held;
        var others = await context.Leases.Where(lease => lease.Account == account && lease.Month == month && lease.Holder != _holder).SumAsync(lease => lease.Tokens, cancellationToken);
        var left = limit - others - row.Tokens - await SpentAsync(context, account, month, cancellationToken);
        var missing = need - (free - lost);
        var granted = missing <= 0 || left < missing ? 0 : Math.Min(left, Math.Max(missing, Math.Min(limit / BlocksPerBudget, LargestBlock)));
        row.Tokens += granted;
        row.ExpiresAt = now + LeaseLife;
        await context.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new Lease(granted - lost, left - granted, row.ExpiresAt);
    }

    /// <summary>Notes what was spent, and takes it off this process's lease, in a transaction of the caller's.</summary>
    public async Task SettleAsync(PlatformDbContext context, Charge charge)
    {
        var (account, month, tokens) = (charge.Purse.Account, charge.Purse.Month, charge.Tokens);
        if (charge.Leased)
        {
            await context.Leases.Where(lease => lease.Account == account && lease.Month == month && lease.Holder == _holder)
                .ExecuteUpdateAsync(set => set.SetProperty(lease => lease.Tokens, lease => Math.Max(0, lease.Tokens - tokens)));
        }

        var known = await context.Budgets.Where(budget => budget.Account == account && budget.Month == month)
            .ExecuteUpdateAsync(set => set.SetProperty(budget => budget.Spent, budget => budget.Spent + tokens));
        if (known > 0) return;
        context.Budgets.Add(new BudgetRow { Account = account, Month = month, Spent = tokens });
        await context.SaveChangesAsync();
    }

    /// <summary>Lets this process's lease live on.</summary>
    /// <returns>Until when; null when it had expired before.</returns>
    public async Task<DateTimeOffset?> RenewAsync(string account, int month, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var now = time.GetUtcNow();
        var until = now + LeaseLife;
        var renewed = await context.Leases.Where(lease => lease.Account == account && lease.Month == month && lease.Holder == _holder && lease.ExpiresAt > now)
            .ExecuteUpdateAsync(set => set.SetProperty(lease => lease.ExpiresAt, until), cancellationToken);
        return renewed > 0 ? until : null;
    }

    /// <summary>Gives this process's lease back.</summary>
    public async Task ReleaseAsync(string account, int month, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Leases.Where(lease => lease.Account == account && lease.Month == month && lease.Holder == _holder).ExecuteDeleteAsync(cancellationToken);
    }

    /// <summary>Gives all of this process's leases back.</summary>
    public async Task ReleaseAllAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Leases.Where(lease => lease.Holder == _holder).ExecuteDeleteAsync(cancellationToken);
    }

    /// <summary>What an account has spent in a month, as far as it is settled.</summary>
    public static async Task<long> SpentAsync(PlatformDbContext context, string account, int month, CancellationToken cancellationToken) =>
        await context.Budgets.Where(budget => budget.Account == account && budget.Month == month).Select(budget => budget.Spent).SingleOrDefaultAsync(cancellationToken);
}

/// <summary>What came of asking for tokens.</summary>
/// <param name="Change">By how much the free tokens change: less than 0 when an expired lease was lost.</param>
/// <param name="Left">Tokens of the account that nobody has leased.</param>
/// <param name="ExpiresAt">When the lease ends.</param>
internal sealed record Lease(long Change, long Left, DateTimeOffset ExpiresAt);
