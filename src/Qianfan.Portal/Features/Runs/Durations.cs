using System.Globalization;

namespace Qianfan.Portal.Features.Runs;

/// <summary>How long a run took, or has been taking.</summary>
internal static class Durations
{
    /// <summary>Such as <c>2 min 5 s</c>; a dash before the run began.</summary>
    public static string Of(RunSummary run, DateTimeOffset now)
    {
        if (run.StartedAt is not { } started)
            return "–";
        var taken = (run.FinishedAt ?? now) - started;
        if (taken < TimeSpan.Zero)
            taken = TimeSpan.Zero;
        return taken switch
        {
            { TotalHours: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{(int)taken.TotalHours} h {taken.Minutes} min"),
            { TotalMinutes: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{taken.Minutes} min {taken.Seconds} s"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{taken.Seconds} s"),
        };
    }
}
