using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using MudBlazor.Services;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests;

/// <summary>For component tests: what every component of the portal can have injected, with real MudBlazor and real texts.</summary>
public abstract class PortalComponents : BunitContext
{
    protected PortalComponents()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddLogging();
        Services.AddTexts();
        Services.AddMudServices();
        Services.AddSingleton(TimeProvider.System);
        Services.AddSingleton<UserErrorText>();
        Services.AddScoped<UserTime>();
        Services.AddScoped<CurrentUser>();
    }

    /// <summary>Renders something together with the providers of dialogs, menus and messages.</summary>
    protected IRenderedComponent<IComponent> RenderWithProviders(RenderFragment content) =>
        Render(builder =>
        {
            builder.OpenComponent<MudPopoverProvider>(0);
            builder.CloseComponent();
            builder.OpenComponent<MudDialogProvider>(1);
            builder.CloseComponent();
            builder.OpenComponent<MudSnackbarProvider>(2);
            builder.CloseComponent();
            builder.AddContent(3, content);
        });
}
