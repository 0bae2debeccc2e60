namespace Qianfan.Portal.Features.Account;

/// <summary>Registers and maps the feature.</summary>
public static class AccountFeature
{
    public static IServiceCollection AddAccount(this IServiceCollection services) => services;

    public static IEndpointRouteBuilder MapAccount(this IEndpointRouteBuilder endpoints) => endpoints;
}
