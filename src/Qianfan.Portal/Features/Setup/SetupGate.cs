using Microsoft.AspNetCore.StaticAssets;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Setup;

/// <summary>Leads everybody to the set-up page until the portal is set up, and nobody after.</summary>
internal sealed class SetupGate(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext context, SetupState state)
    {
        var isSetup = context.Request.Path == Urls.Setup;
        if (!isSetup && IsFreeOfSetup(context) || await state.IsRequiredAsync(context.RequestAborted) == isSetup)
        {
            await next(context);
            return;
        }

        if (MachineRoutes.IsForPeople(context) || isSetup)
            context.Response.Redirect(isSetup ? Urls.Home : Urls.Setup);
        else
            await TypedResults.Problem(statusCode: StatusCodes.Status503ServiceUnavailable, title: "SetupRequired", detail: "This portal is not set up yet: open it in a browser.").ExecuteAsync(context);
    }

    private static bool IsFreeOfSetup(HttpContext context) =>
        MachineRoutes.Contains(context.Request.Path)
        || context.Request.Path.StartsWithSegments("/health")
        || context.Request.Path.StartsWithSegments("/culture")
        || context.Request.Path == Components.Theme.ThemeStylesheet.Path
        || context.GetEndpoint()?.Metadata.GetMetadata<StaticAssetDescriptor>() is not null;
}
