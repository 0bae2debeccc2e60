namespace Qianfan.Portal.Features.Quotas;

/// <summary>Registers and maps the feature.</summary>
public static class QuotasFeature
{
    public static IServiceCollection AddQuotas(this IServiceCollection services) => services.AddSingleton<QuotaService>();

    public static IEndpointRouteBuilder MapQuotas(this IEndpointRouteBuilder endpoints) => endpoints;
}
