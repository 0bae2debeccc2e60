using MudBlazor;
using MudBlazor.Services;
using Qianfan.Portal.Components.Layout;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Components.Theme;
using Qianfan.Portal.Data;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Components;

/// <summary>Registers and maps Razor components, MudBlazor and localization.</summary>
public static class PagesExtensions
{
    public static IServiceCollection AddPages(this IServiceCollection services)
    {
        services.AddExceptionHandler<UserErrorHandler>();
        services.AddProblemDetails();
        services.AddRazorComponents().AddInteractiveServerComponents();
        services.AddMudServices(options =>
        {
            options.SnackbarConfiguration.PositionClass = MudBlazor.Defaults.Classes.Position.BottomRight;
            options.SnackbarConfiguration.PreventDuplicates = true;
            options.SnackbarConfiguration.VisibleStateDuration = 6000;
        });
        services.AddTransient<MudLocalizer, TranslatedMudTexts>();
        services.AddTexts();
        services.AddHealthChecks().AddDbContextCheck<PortalDbContext>();
        services.Configure<RequestLocalizationOptions>(Cultures.Configure);
        services.AddCascadingAuthenticationState();
        services.AddSingleton<UserErrorText>();
        services.AddScoped<CurrentUser>();
        services.AddScoped<UserTime>();
        services.AddScoped<Shell>();
        return services;
    }

    public static IEndpointRouteBuilder MapPages(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapStaticAssets().AllowAnonymous();
        endpoints.MapGet(ThemeStylesheet.Path, ThemeStylesheet.Get).AllowAnonymous();
        endpoints.MapGet("/culture/{culture}", Cultures.Set).AllowAnonymous();
        endpoints.MapRazorComponents<App>().AddInteractiveServerRenderMode();
        return endpoints;
    }
}
