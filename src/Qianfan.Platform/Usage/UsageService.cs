using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Platform.Spending;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Usage;

/// <summary>Tells an owner what was used.</summary>
internal sealed class UsageService(IPlatformAccess access, IDbContextFactory<PlatformDbContext> contexts, UsageWriter writer, Storage storage, RunLimits runs, TimeProvider time)
{
    private const int MostDays = 366;
    private const string Day = "yyyy-MM-dd";

    /// <summary>Sums of the owner's calls, and the state of the owner's quotas. Calls that have ended are in it.</summary>
    /// <exception cref="PlatformException">The span is none, or too long.</exception>
    public async Task<UsageReport> DescribeAsync(string ownerId, DescribeUsageRequest request, CancellationToken cancellationToken)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var first = DayOf(request.StartDate, "startDate") ?? new DateOnly(today.Year, today.Month, 1);
        var last = DayOf(request.EndDate, "endDate") ?? today;
        if (last < first || last.DayNumber - first.DayNumber >= MostDays) throw PlatformException.Invalid("endDate", $"param[endDate] invalid: it must lie on startDate or up to {MostDays - 1} days after it");
        await writer.FlushAsync(cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var (from, to) = (StartOf(first), StartOf(last).AddDays(1));
        var hours = await context.UsageHours.AsNoTracking().Where(hour => hour.OwnerId == ownerId && hour.Hour >= from && hour.Hour < to).ToListAsync(cancellationToken);
        return new UsageReport
        {
            StartDate = Text(first),
            EndDate = Text(last),
            UsageList = [.. hours.GroupBy(hour => (Date: DateOnly.FromDateTime(hour.Hour.UtcDateTime), hour.AccessKey, hour.Api, hour.Model, hour.ServiceId)).OrderBy(day => day.Key).Select(day => new UsageSum
            {
                Date = Text(day.Key.Date),
                AccessKey = day.Key.AccessKey,
                Api = day.Key.Api.ToString(),
                Model = day.Key.Model,
                ServiceId = day.Key.ServiceId,
                CallTotal = day.Sum(hour => hour.Calls),
                FailureCallTotal = day.Sum(hour => hour.FailedCalls),
                InputTokensTotal = day.Sum(hour => hour.PromptTokens),
                OutputTokensTotal = day.Sum(hour => hour.CompletionTokens),
                CachedTokensTotal = day.Sum(hour => hour.CachedTokens),
                LastTime = WireTime.Iso(day.Max(hour => hour.LastAt)),
            })],
            QuotaList = await QuotasAsync(context, ownerId, cancellationToken),
        };
    }

    private async Task<IReadOnlyList<QuotaUse>> QuotasAsync(PlatformDbContext context, string ownerId, CancellationToken cancellationToken)
    {
        var month = Ledger.MonthOf(time.GetUtcNow());
        var uses = new List<QuotaUse>();
        foreach (var quota in await access.FindQuotasAsync(ownerId, cancellationToken))
        {
            uses.Add(new QuotaUse
            {
                Account = quota.Account,
                TokensPerMonth = quota.TokensPerMonth,
                TokensUsed = await Ledger.SpentAsync(context, quota.Account, month, cancellationToken),
                ConcurrentRuns = quota.ConcurrentRuns,
                RunningRuns = await runs.RunningAsync(quota.Owners, cancellationToken),
                StorageBytes = quota.StorageBytes,
                StorageUsed = await storage.UsedAsync(quota.Owners, cancellationToken),
            });
        }

        return uses;
    }

    private static DateOnly? DayOf(string? text, string parameter) => string.IsNullOrEmpty(text) ? null
        : DateOnly.TryParseExact(text, Day, CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day.Year is > 1 and < 9999 ? day
        : throw PlatformException.Invalid(parameter, $"param[{parameter}] invalid: it must be a day such as 2026-01-31");

    private static DateTimeOffset StartOf(DateOnly day) => new(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);

    private static string Text(DateOnly day) => day.ToString(Day, CultureInfo.InvariantCulture);
}
