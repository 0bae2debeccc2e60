namespace Qianfan.Portal.Features.Runs;

/// <summary>Registers and maps the feature.</summary>
public static class RunsFeature
{
    public static IServiceCollection AddRuns(this IServiceCollection services) => services;

    public static IEndpointRouteBuilder MapRuns(this IEndpointRouteBuilder endpoints) => endpoints;
}
