using System.Globalization;
using Microsoft.Extensions.Localization;
using Microsoft.JSInterop;

namespace Qianfan.Portal.Components.Shared;

/// <summary>Times as the person at this browser reads them: their time zone, their language. One per circuit.</summary>
public sealed class UserTime(TimeProvider time, IStringLocalizer<SharedText> text)
{
    private TimeZoneInfo _zone = TimeZoneInfo.Utc;

    /// <summary>Asks the browser for its time zone; UTC stays if it names none that this machine knows.</summary>
    public async Task DetectAsync(IJSRuntime browser, CancellationToken cancellationToken)
    {
        var id = await browser.InvokeAsync<string?>("portal.timeZone", cancellationToken);
        if (id is not null && TimeZoneInfo.TryFindSystemTimeZoneById(id, out var zone))
            _zone = zone;
    }

    /// <summary>Date and time in the browser's zone.</summary>
    public string Full(DateTimeOffset value) => TimeZoneInfo.ConvertTime(value, _zone).ToString("g", CultureInfo.CurrentCulture);

    /// <summary>Date, time and seconds in the browser's zone.</summary>
    public string Exact(DateTimeOffset value) => TimeZoneInfo.ConvertTime(value, _zone).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>Midnight of a day in the browser's zone.</summary>
    public DateTimeOffset StartOf(DateTime day)
    {
        var local = DateTime.SpecifyKind(day.Date, DateTimeKind.Unspecified);
        return new DateTimeOffset(local, _zone.GetUtcOffset(local));
    }

    /// <summary>How long ago, or when if that was longer than a month.</summary>
    public string Relative(DateTimeOffset value)
    {
        var ago = time.GetUtcNow() - value;
        return ago switch
        {
            { TotalSeconds: < -45 } => Full(value),
            { TotalSeconds: < 45 } => text["Time_Now"],
            { TotalMinutes: < 59.5 } => text["Time_Minutes", Math.Max(1, (int)Math.Round(ago.TotalMinutes))],
            { TotalHours: < 23.5 } => text["Time_Hours", Math.Max(1, (int)Math.Round(ago.TotalHours))],
            { TotalDays: < 31 } => text["Time_Days", Math.Max(1, (int)Math.Round(ago.TotalDays))],
            _ => TimeZoneInfo.ConvertTime(value, _zone).ToString("d", CultureInfo.CurrentCulture),
        };
    }
}
