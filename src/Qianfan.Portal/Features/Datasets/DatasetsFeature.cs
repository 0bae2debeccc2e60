namespace Qianfan.Portal.Features.Datasets;

/// <summary>Registers and maps the feature.</summary>
public static class DatasetsFeature
{
    public static IServiceCollection AddDatasets(this IServiceCollection services)
    {
        services.AddSingleton<DatasetService>();
        services.AddSingleton<DatasetUploads>();
        services.AddSingleton<PlatformDatasets>();
        services.AddSingleton<UploadJournal>();
        services.AddHostedService<UploadSweep>();
        return services;
    }

    public static IEndpointRouteBuilder MapDatasets(this IEndpointRouteBuilder endpoints)
    {
        DatasetUploadApi.Map(endpoints);
        return endpoints;
    }
}
