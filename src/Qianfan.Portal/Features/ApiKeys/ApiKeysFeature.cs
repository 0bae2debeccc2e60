namespace Qianfan.Portal.Features.ApiKeys;

/// <summary>Registers and maps the feature.</summary>
public static class ApiKeysFeature
{
    public static IServiceCollection AddApiKeys(this IServiceCollection services) => services.AddSingleton<ApiKeyService>();

    public static IEndpointRouteBuilder MapApiKeys(this IEndpointRouteBuilder endpoints) => endpoints;
}
