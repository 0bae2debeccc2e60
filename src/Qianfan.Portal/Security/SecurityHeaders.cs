using Microsoft.AspNetCore.StaticAssets;

namespace Qianfan.Portal.Security;

/// <summary>Headers that keep browsers strict, and lets them keep versioned files for good.</summary>
internal sealed class SecurityHeaders(RequestDelegate next)
{
    // MudBlazor positions with style attributes, hence unsafe-inline for styles alone. No script stands in a page: all are files of our own.
    private const string ContentSecurityPolicy =
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
        + "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    public Task InvokeAsync(HttpContext context)
    {
        context.Response.OnStarting(Write, context);
        return next(context);
    }

    private static Task Write(object state)
    {
        var context = (HttpContext)state;
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()";
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        // A file with its version in the address never changes under it.
        if (context.Request.Query.ContainsKey("v") && context.Response.StatusCode is StatusCodes.Status200OK or StatusCodes.Status304NotModified && IsFile(context))
            headers.CacheControl = "public, max-age=31536000, immutable";
        return Task.CompletedTask;
    }

    private static bool IsFile(HttpContext context) =>
        context.Request.Path == Components.Theme.ThemeStylesheet.Path || context.GetEndpoint()?.Metadata.GetMetadata<StaticAssetDescriptor>() is not null;
}
