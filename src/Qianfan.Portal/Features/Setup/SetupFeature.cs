namespace Qianfan.Portal.Features.Setup;

/// <summary>Registers and maps the feature.</summary>
public static class SetupFeature
{
    public static IServiceCollection AddSetup(this IServiceCollection services)
    {
        services.AddSingleton<SetupState>();
        services.AddSingleton<SetupCode>();
        services.AddSingleton<SetupService>();
        services.AddHostedService<SetupStart>();
        return services;
    }

    public static IEndpointRouteBuilder MapSetup(this IEndpointRouteBuilder endpoints) => endpoints;
}
