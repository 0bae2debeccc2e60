using Microsoft.EntityFrameworkCore;

namespace Qianfan.Portal.Data;

/// <summary>Brings the database up to date before anything else starts.</summary>
internal sealed class DatabaseMigration(IDbContextFactory<PortalDbContext> contexts) : IHostedLifecycleService
{
    // Starting comes before every hosted service's start: Data Protection reads its keys in one of those.
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        await db.Database.MigrateAsync(cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
