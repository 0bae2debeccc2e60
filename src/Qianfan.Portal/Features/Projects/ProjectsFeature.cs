namespace Qianfan.Portal.Features.Projects;

/// <summary>Registers and maps the feature.</summary>
public static class ProjectsFeature
{
    public static IServiceCollection AddProjects(this IServiceCollection services)
    {
        services.AddSingleton<ProjectCreator>();
        services.AddSingleton<ProjectService>();
        return services;
    }

    public static IEndpointRouteBuilder MapProjects(this IEndpointRouteBuilder endpoints) => endpoints;
}
