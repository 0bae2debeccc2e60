using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Platform.Usage;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Services;

/// <summary>What services were asked in a span of time, out of the usage records: the sums of whole hours, and single records at both ends and for how fast answers were.</summary>
internal sealed class ServiceMetricsReader(IDbContextFactory<PlatformDbContext> contexts, UsageWriter usage)
{
    /// <summary>Percentiles are those of the newest calls.</summary>
    private const int MostTimed = 10_000;

    /// <summary>Counts by service and application, which is a key here; and how fast the answers were.</summary>
    /// <exception cref="PlatformException">A time is wrong, or there is no such service.</exception>
    public async Task<ServiceMetrics> ReadAsync(string ownerId, DescribeServiceMetricRequest request, CancellationToken cancellationToken)
    {
        var (from, to) = (ParseTime(request.StartTime, "startTime"), ParseTime(request.EndTime, "endTime"));
        if (to <= from) throw PlatformException.Invalid("endTime", "param[endTime] invalid: it must be after startTime");
        // Calls that have just ended are to be in it.
        await usage.FlushAsync(cancellationToken);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var list = new List<ServiceMetric>();
        foreach (var service in await FindAsync(context, ownerId, request.ServiceId, cancellationToken))
        {
            var apps = await CountAsync(context, service, request.AppId, from, to, cancellationToken);
            list.Add(new ServiceMetric { ServiceId = service.PublicId, ServiceName = service.Name, AppList = apps, Performance = await TimeAsync(context, service, request.AppId, from, to, cancellationToken) });
        }

        return new ServiceMetrics { StartTime = WireTime.Iso(from), EndTime = WireTime.Iso(to), ServiceList = list };
    }

    private static DateTimeOffset ParseTime(string text, string name) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) && time.Year is >= 2000 and < 9000
            ? time
            : throw PlatformException.Invalid(name, $"param[{name}] invalid: it must be a time such as 2026-01-31T12:00:00Z");

    private static async Task<IReadOnlyList<ServiceRow>> FindAsync(PlatformDbContext context, string ownerId, IReadOnlyList<string>? ids, CancellationToken cancellationToken)
    {
        var services = await context.Services.AsNoTracking().Where(row => row.OwnerId == ownerId).OrderBy(row => row.Id).ToListAsync(cancellationToken);
        if (ids is not { Count: > 0 }) return services;
        return [.. ids.Distinct(StringComparer.Ordinal).Select(id => services.Find(row => row.PublicId == id || row.Id == OwnedRows.ParseId(id)) ?? throw PlatformException.NotFound("Service", id))];
    }

    private static async Task<IReadOnlyList<ServiceAppMetric>> CountAsync(PlatformDbContext context, ServiceRow service, string? app, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellationToken)
    {
        var (firstHour, lastHour) = (HourAfter(from), HourOf(to));
        // Within one hour, or over the border of two, there is no whole one.
        if (firstHour >= lastHour) firstHour = lastHour = to;
        var whole = await context.UsageHours.AsNoTracking()
            .Where(hour => hour.OwnerId == service.OwnerId && hour.ServiceId == service.PublicId && hour.Hour >= firstHour && hour.Hour < lastHour)
            .GroupBy(hour => hour.AccessKey)
            .Select(group => new Sum(group.Key, group.Sum(hour => hour.Calls), group.Sum(hour => hour.FailedCalls), group.Sum(hour => hour.PromptTokens), group.Sum(hour => hour.CompletionTokens)))
            .ToListAsync(cancellationToken);
        var ends = await context.UsageRecords.AsNoTracking()
            .Where(record => record.OwnerId == service.OwnerId && record.ServiceId == service.PublicId)
            .Where(record => (record.Time >= from && record.Time < firstHour) || (record.Time >= lastHour && record.Time < to))
            .GroupBy(record => record.AccessKey)
            .Select(group => new Sum(group.Key, group.LongCount(), group.Sum(record => record.Status == 200 ? 0L : 1L), group.Sum(record => record.PromptTokens), group.Sum(record => record.CompletionTokens)))
            .ToListAsync(cancellationToken);
        return [.. whole.Concat(ends).Where(sum => app is null || sum.App == app).GroupBy(sum => sum.App, StringComparer.Ordinal).OrderBy(sums => sums.Key, StringComparer.Ordinal).Select(Describe)];
    }

    private static ServiceAppMetric Describe(IGrouping<string, Sum> sums)
    {
        var (calls, failed, prompt, completion) = (sums.Sum(sum => sum.Calls), sums.Sum(sum => sum.Failed), sums.Sum(sum => sum.Prompt), sums.Sum(sum => sum.Completion));
        return new ServiceAppMetric
        {
            AppId = sums.Key,
            Metric = new ServiceCounts { InputTokensTotal = prompt, OutputTokensTotal = completion, TokensTotal = prompt + completion, SucceedCallTotal = calls - failed, FailureCallTotal = failed, CallTotal = calls },
        };
    }

    private static async Task<ServicePerformance?> TimeAsync(PlatformDbContext context, ServiceRow service, string? app, DateTimeOffset from, DateTimeOffset to, CancellationToken cancellationToken)
    {
        var calls = await context.UsageRecords.AsNoTracking()
            .Where(record => record.ServiceId == service.PublicId && record.OwnerId == service.OwnerId && record.Time >= from && record.Time < to && record.FirstTokenMilliseconds != null && (app == null || record.AccessKey == app))
            .OrderByDescending(record => record.Time)
            .Take(MostTimed)
            .Select(record => new { First = record.FirstTokenMilliseconds!.Value, record.Milliseconds, record.CompletionTokens })
            .ToListAsync(cancellationToken);
        if (calls.Count == 0) return null;
        var first = calls.Select(call => (double)call.First).Order().ToList();
        // The first token comes with the prompt; what is timed is what followed it.
        var speeds = calls.Where(call => call.CompletionTokens > 1 && call.Milliseconds > call.First).Select(call => (call.CompletionTokens - 1) * 1000.0 / (call.Milliseconds - call.First)).Order().ToList();
        return new ServicePerformance
        {
            Calls = calls.Count,
            FirstTokenMillisecondsP50 = Percentile(first, 0.5),
            FirstTokenMillisecondsP95 = Percentile(first, 0.95),
            FirstTokenMillisecondsP99 = Percentile(first, 0.99),
            TokensPerSecondP50 = speeds.Count == 0 ? null : Percentile(speeds, 0.5),
        };
    }

    /// <summary>The smallest value that so large a share is not above.</summary>
    internal static double Percentile(IReadOnlyList<double> ordered, double share) => ordered[Math.Max(0, (int)Math.Ceiling(share * ordered.Count) - 1)];

    private static DateTimeOffset HourOf(DateTimeOffset at) => new(at.UtcTicks - (at.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero);

    private static DateTimeOffset HourAfter(DateTimeOffset at) => HourOf(at) == at ? at : HourOf(at).AddHours(1);

    private sealed record Sum(string App, long Calls, long Failed, long Prompt, long Completion);
}
