namespace Qianfan.Portal.Features.Setup;

/// <summary>Registers and maps the feature.</summary>
public static class SetupFeature
{
    public static IServiceCollection AddSetup(this IServiceCollection services) => services;

    public static IEndpointRouteBuilder MapSetup(this IEndpointRouteBuilder endpoints) => endpoints;
}
