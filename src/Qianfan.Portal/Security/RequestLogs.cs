namespace Qianfan.Portal.Security;

/// <summary>Query strings carry tokens and search words: they stay out of every log, whatever the settings ask for.</summary>
internal static class RequestLogs
{
    // The framework's own request lines write the whole address.
    private static readonly string[] Categories = ["Microsoft.AspNetCore.Hosting.Diagnostics", "Microsoft.AspNetCore.HttpLogging"];

    public static void HideQueryStrings(LoggerFilterOptions options)
    {
        foreach (var category in Categories)
        {
            // Last in the list, and for every provider: settings for the same category come before it.
            options.Rules.Add(new LoggerFilterRule(null, category, LogLevel.Warning, null));
        }
    }
}
