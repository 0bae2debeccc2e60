namespace Qianfan.Portal.Security;

/// <summary>Tells programs from people: programs always get JSON and status codes, never a page or a redirect.</summary>
public static class MachineRoutes
{
    private static readonly PathString[] Prefixes = ["/v1", "/v2", "/wenxinworkshop", "/rpc/2.0", "/oauth/2.0"];

    /// <summary>Whether a path is one of the platform's API.</summary>
    public static bool Contains(PathString path) => Prefixes.Any(prefix => path.StartsWithSegments(prefix, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether a browser asks for a page to show.</summary>
    public static bool IsForPeople(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return !Contains(context.Request.Path)
            && context.Request.Headers.Accept.Any(accept => accept?.Contains("text/html", StringComparison.OrdinalIgnoreCase) is true);
    }
}
