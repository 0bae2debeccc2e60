namespace Qianfan.Portal.Features.Console;

/// <summary>Registers and maps the feature.</summary>
public static class ConsoleFeature
{
    public static IServiceCollection AddConsole(this IServiceCollection services) => services.AddSingleton<ConsoleService>();

    public static IEndpointRouteBuilder MapConsole(this IEndpointRouteBuilder endpoints)
    {
        ConsoleApi.Map(endpoints);
        return endpoints;
    }
}
