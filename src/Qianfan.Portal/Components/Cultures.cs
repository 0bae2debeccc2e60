using System.Globalization;
using Microsoft.AspNetCore.Localization;
using Qianfan.Portal.Security;
using StringWithQuality = Microsoft.Net.Http.Headers.StringWithQualityHeaderValue;

namespace Qianfan.Portal.Components;

/// <summary>A language of the portal.</summary>
/// <param name="Name">Culture name.</param>
/// <param name="ShortName">For a narrow switch.</param>
/// <param name="NativeName">In its own language.</param>
public sealed record PortalCulture(string Name, string ShortName, string NativeName);

/// <summary>The languages of the portal, and which of them a request gets: the cookie's, else what the browser prefers, else English.</summary>
public static class Cultures
{
    public const string English = "en";
    public const string Chinese = "zh-CN";

    /// <summary>All languages.</summary>
    public static IReadOnlyList<PortalCulture> All { get; } = [new(English, "EN", "English"), new(Chinese, "中文", "简体中文")];

    /// <summary>Sets up request localization.</summary>
    public static void Configure(RequestLocalizationOptions options)
    {
        List<CultureInfo> cultures = [.. All.Select(c => CultureInfo.GetCultureInfo(c.Name))];
        options.DefaultRequestCulture = new RequestCulture(English);
        options.SupportedCultures = cultures;
        options.SupportedUICultures = cultures;
        options.RequestCultureProviders = [new CookieRequestCultureProvider(), new CustomRequestCultureProvider(FromAcceptLanguage)];
    }

    /// <summary>Keeps a choice of language in a cookie and goes back to where it was made.</summary>
    public static IResult Set(string culture, string? returnUrl, HttpContext context)
    {
        if (All.All(c => c.Name != culture))
            return TypedResults.NotFound();
        context.Response.Cookies.Append(
            CookieRequestCultureProvider.DefaultCookieName,
            CookieRequestCultureProvider.MakeCookieValue(new RequestCulture(culture)),
            new CookieOptions { MaxAge = TimeSpan.FromDays(365), SameSite = SameSiteMode.Lax, HttpOnly = true, Secure = context.Request.IsHttps, IsEssential = true });
        return TypedResults.LocalRedirect(LocalUrl.OrHome(returnUrl));
    }

    // The framework's own provider finds zh-CN neither for "zh" nor for "zh-Hans" or "zh-TW".
    private static Task<ProviderCultureResult?> FromAcceptLanguage(HttpContext context)
    {
        if (!StringWithQuality.TryParseList(context.Request.Headers.AcceptLanguage, out var languages))
            return Task.FromResult<ProviderCultureResult?>(null);
        var best = languages
            .OrderByDescending(l => l.Quality ?? 1)
            .Select(l => l.Value.StartsWith("zh", StringComparison.OrdinalIgnoreCase) ? Chinese : l.Value.StartsWith(English, StringComparison.OrdinalIgnoreCase) ? English : null)
            .FirstOrDefault(name => name is not null);
        return Task.FromResult(best is null ? null : new ProviderCultureResult(best));
    }
}
