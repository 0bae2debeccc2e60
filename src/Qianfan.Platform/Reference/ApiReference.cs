using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Qianfan.Platform.Access;

namespace Qianfan.Platform.Reference;

/// <summary>What the platform serves, as an OpenAPI document for programs and as a page for people. Both say nothing that isn't public, so they ask for no key; the page has no script and fetches nothing.</summary>
internal static class ApiReference
{
    public const string PagePath = "/openapi";
    public const string DocumentPath = "/openapi/platform.json";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(DocumentPath, (HttpContext context, ApiDocument document) => WriteAsync(context, "application/json; charset=utf-8", document.Json)).AllowAnonymous().ExcludeFromDescription();
        endpoints.MapGet(PagePath, (HttpContext context, ApiDocument document) => WriteAsync(context, "text/html; charset=utf-8", document.Page)).AllowAnonymous().ExcludeFromDescription();
    }

    private static async Task WriteAsync(HttpContext context, string type, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        context.Response.ContentType = type;
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }
}

/// <summary>The actions of a console V2 address, as its endpoint's metadata.</summary>
/// <param name="Actions">Names, what they ask of a key, and what their body is read as.</param>
internal sealed record ActionList(IReadOnlyList<(string Name, Needs Needs, Type Request)> Actions);
