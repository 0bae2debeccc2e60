using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Diagnostics;
using Qianfan.Portal.Features.Setup;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Hosting;

/// <summary>What every request passes before it reaches an endpoint, in order.</summary>
internal static class Pipeline
{
    public static WebApplication UsePipeline(this WebApplication app)
    {
        var stopping = app.Lifetime.ApplicationStopping;
        app.Use((context, next) =>
        {
            if (!stopping.IsCancellationRequested)
                return next(context);
            // A browser that is cut off connects again at once; taken in now, it would hold up the end until the server's patience is over.
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.Connection = "close";
            return Task.CompletedTask;
        });
        app.UseMiddleware<SecurityHeaders>();
        return app.Services.GetRequiredService<Roles>().Portal ? app.UsePagesPipeline() : app.UseKeysPipeline();
    }

    // Programs with keys alone: what goes wrong in a route of the platform, it answers itself.
    private static WebApplication UseKeysPipeline(this WebApplication app)
    {
        app.UseRouting();
        app.UseAuthentication();
        app.UseAuthorization();
        return app;
    }

    private static WebApplication UsePagesPipeline(this WebApplication app)
    {
        app.UseWhen(MachineRoutes.IsForPeople, people => people.UseStatusCodePagesWithReExecute(Urls.NotFound, createScopeForStatusCodePages: true));
        app.Use(ShowAsPage);
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandlingPath = Urls.Error,
            CreateScopeForErrors = true,
            AllowStatusCode404Response = true,
            // What a user did wrong is answered, not logged as a failure of the portal.
            SuppressDiagnosticsCallback = context => context.Exception is UserErrorException,
        });
        app.UseRouting();
        app.UseRequestLocalization();
        app.UseMiddleware<SetupGate>();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseMiddleware<ProjectGate>();
        app.UseAntiforgery();
        app.Use(RefuseStaleForms);
        return app;
    }

    // A refused form leads to a page about it, and that page is no form: posted, it would be refused itself.
    private static Task ShowAsPage(HttpContext context, RequestDelegate next)
    {
        if (context.Features.Get<IStatusCodeReExecuteFeature>() is not null)
            context.Request.Method = HttpMethods.Get;
        return next(context);
    }

    // A page's own refusal has an empty body with the type of a page, which nothing would replace.
    private static Task RefuseStaleForms(HttpContext context, RequestDelegate next)
    {
        if (!HttpMethods.IsPost(context.Request.Method)
            || context.Features.Get<IAntiforgeryValidationFeature>() is not { IsValid: false }
            || context.GetEndpoint()?.Metadata.GetMetadata<ComponentTypeMetadata>() is null)
        {
            return next(context);
        }

        context.Response.StatusCode = StatusCodes.Status400BadRequest;
        return Task.CompletedTask;
    }
}
