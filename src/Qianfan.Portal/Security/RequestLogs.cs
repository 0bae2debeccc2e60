namespace Qianfan.Portal.Security;

/// <summary>Query strings carry tokens and search words: they stay out of every log, whatever the settings ask for.</summary>
internal static class RequestLogs
{
    // The framework's own request lines write the whole address.
    private static readonly string[] Categories = ["Microsoft.AspNetCore.Hosting.Diagnostics", "Microsoft.AspNetCore.HttpLogging"];

    public static void HideQueryStrings(LoggerFilterOptions options)
    {
        // A rule for one provider comes before every rule for all of them, whatever its category: so each provider that settings name gets its own.
        var providers = options.Rules.Select(rule => rule.ProviderName).Append(null).Distinct().ToList();
        foreach (var provider in providers)
        {
            foreach (var category in Categories)
                options.Rules.Add(new LoggerFilterRule(provider, category, LogLevel.Warning, null));
        }
    }
}
