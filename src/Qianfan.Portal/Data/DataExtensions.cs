using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Data;

/// <summary>Registers the database, Data Protection on it, and what guards its rows.</summary>
public static class DataExtensions
{
    public static IServiceCollection AddData(this IServiceCollection services)
    {
        services.AddSingleton<PortalDbContextFactory>();
        services.AddSingleton<IDbContextFactory<PortalDbContext>>(provider => provider.GetRequiredService<PortalDbContextFactory>());
        // Identity's and Data Protection's stores take a scoped context.
        services.AddScoped(provider => provider.GetRequiredService<PortalDbContextFactory>().CreateDbContext());
        services.AddDataProtection().SetApplicationName("Qianfan.Portal").PersistKeysToDbContext<PortalDbContext>();
        services.AddSingleton<SecretProtector>();
        services.AddSingleton<PlatformClients>();
        services.AddHostedService<DatabaseMigration>();
        return services;
    }
}
