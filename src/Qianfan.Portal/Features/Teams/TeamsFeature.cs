namespace Qianfan.Portal.Features.Teams;

/// <summary>Registers and maps the feature.</summary>
public static class TeamsFeature
{
    public static IServiceCollection AddTeams(this IServiceCollection services)
    {
        services.AddSingleton<TeamService>();
        services.AddSingleton<InvitationService>();
        return services;
    }

    public static IEndpointRouteBuilder MapTeams(this IEndpointRouteBuilder endpoints) => endpoints;
}
