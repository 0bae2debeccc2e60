namespace Qianfan.Portal.Features.Admin;

/// <summary>Registers and maps the feature.</summary>
public static class AdminFeature
{
    public static IServiceCollection AddAdmin(this IServiceCollection services) => services.AddSingleton<UserService>();

    public static IEndpointRouteBuilder MapAdmin(this IEndpointRouteBuilder endpoints) => endpoints;
}
