namespace Qianfan.Portal.Security;

/// <summary>Addresses to return to come from the outside: only those of the portal itself are followed.</summary>
public static class LocalUrl
{
    /// <summary>The address if it is one of the portal, else the home page.</summary>
    public static string OrHome(string? url) => IsLocal(url) ? url! : Urls.Home;

    private static bool IsLocal(string? url) =>
        url is ['/', ..]
        // "//host" and "/\host" are other hosts to a browser, and it drops control characters before it looks.
        && url is not ['/', '/' or '\\', ..]
        && !url.Any(char.IsControl);
}
