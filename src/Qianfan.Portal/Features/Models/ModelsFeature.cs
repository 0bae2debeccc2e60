namespace Qianfan.Portal.Features.Models;

/// <summary>Registers and maps the feature.</summary>
public static class ModelsFeature
{
    public static IServiceCollection AddModels(this IServiceCollection services) => services.AddSingleton<ModelService>().AddSingleton<ModelExports>();

    public static IEndpointRouteBuilder MapModels(this IEndpointRouteBuilder endpoints)
    {
        ModelExportApi.Map(endpoints);
        return endpoints;
    }
}
