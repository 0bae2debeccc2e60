namespace Qianfan.Portal.Features.Audit;

/// <summary>Registers and maps the feature.</summary>
public static class AuditFeature
{
    public static IServiceCollection AddAudit(this IServiceCollection services)
    {
        services.AddSingleton<AuditLog>();
        services.AddSingleton<AuditService>();
        services.AddSingleton<AuditSentences>();
        return services;
    }

    public static IEndpointRouteBuilder MapAudit(this IEndpointRouteBuilder endpoints) => endpoints;
}
