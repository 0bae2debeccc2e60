namespace Qianfan.Portal.Features.Connections;

/// <summary>Registers and maps the feature.</summary>
public static class ConnectionsFeature
{
    public static IServiceCollection AddPlatformConnections(this IServiceCollection services)
    {
        services.AddSingleton<ConnectionService>();
        services.AddSingleton<ConnectionTester>();
        return services;
    }

    public static IEndpointRouteBuilder MapConnections(this IEndpointRouteBuilder endpoints) => endpoints;
}
