namespace Qianfan.Portal.Features.Runs;

/// <summary>Registers and maps the feature.</summary>
public static class RunsFeature
{
    public static IServiceCollection AddRuns(this IServiceCollection services)
    {
        services.AddSignalR();
        services.AddSingleton<RunEventReader>();
        services.AddSingleton<RunEventFeed>();
        services.AddSingleton<RunEventStore>();
        services.AddSingleton<RunOutcomes>();
        services.AddSingleton<RunSignals>();
        services.AddSingleton<RunExecutor>();
        services.AddScoped<RunPipelineJob>();
        services.AddSingleton<PipelineScheduler>();
        services.AddHostedService(provider => provider.GetRequiredService<PipelineScheduler>());
        services.AddSingleton<ProgramRuns>();
        services.AddHostedService(provider => provider.GetRequiredService<ProgramRuns>());
        services.AddSingleton<RunService>();
        return services;
    }

    public static IEndpointRouteBuilder MapRuns(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapHub<RunEventsHub>(RunEventsHub.Path);
        endpoints.MapRunsApi();
        return endpoints;
    }
}
