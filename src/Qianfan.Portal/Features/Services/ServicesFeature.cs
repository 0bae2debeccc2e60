namespace Qianfan.Portal.Features.Services;

/// <summary>Registers and maps the feature.</summary>
public static class ServicesFeature
{
    public static IServiceCollection AddServices(this IServiceCollection services) => services.AddSingleton<ServiceDirectory>();

    public static IEndpointRouteBuilder MapServices(this IEndpointRouteBuilder endpoints) => endpoints;
}
