namespace Qianfan.Portal.Features.Usage;

/// <summary>Registers and maps the feature.</summary>
public static class UsageFeature
{
    public static IServiceCollection AddUsage(this IServiceCollection services) => services.AddSingleton<UsageReader>();

    public static IEndpointRouteBuilder MapUsage(this IEndpointRouteBuilder endpoints) => endpoints;
}
