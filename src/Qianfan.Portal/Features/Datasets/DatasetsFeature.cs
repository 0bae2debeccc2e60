namespace Qianfan.Portal.Features.Datasets;

/// <summary>Registers and maps the feature.</summary>
public static class DatasetsFeature
{
    public static IServiceCollection AddDatasets(this IServiceCollection services) => services;

    public static IEndpointRouteBuilder MapDatasets(this IEndpointRouteBuilder endpoints) => endpoints;
}
