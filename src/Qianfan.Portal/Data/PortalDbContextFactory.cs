using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Qianfan.Portal.Data.Postgres;
using Qianfan.Portal.Data.Sqlite;

namespace Qianfan.Portal.Data;

/// <summary>Makes contexts for the configured provider. Thread-safe.</summary>
public sealed class PortalDbContextFactory : IDbContextFactory<PortalDbContext>
{
    private readonly Func<PortalDbContext> _create;
    private readonly Func<PortalDbContext> _createForEvents;

    public PortalDbContextFactory(IOptions<PortalOptions> options)
    {
        var database = options.Value.Database;
        if (database.Provider is DatabaseProvider.PostgreSql)
        {
            var postgres = new DbContextOptionsBuilder<PostgresPortalDbContext>().UseNpgsql(database.ConnectionString).Options;
            _create = _createForEvents = () => new PostgresPortalDbContext(postgres);
            return;
        }

        var file = $"Data Source={Path.Combine(options.Value.DataDirectory, "portal.db")}";
        var safe = Sqlite(file, "FULL");
        var fast = Sqlite(file, "NORMAL");
        _create = () => new SqlitePortalDbContext(safe);
        _createForEvents = () => new SqlitePortalDbContext(fast);
    }

    public PortalDbContext CreateDbContext() => _create();

    /// <summary>A context whose commits may be lost in a power cut (SQLite's synchronous=NORMAL): for run events, which their platform can tell again.</summary>
    public PortalDbContext CreateForEvents() => _createForEvents();

    private static DbContextOptions<SqlitePortalDbContext> Sqlite(string connectionString, string synchronous) =>
        new DbContextOptionsBuilder<SqlitePortalDbContext>().UseSqlite(connectionString).AddInterceptors(new SqlitePragmas(synchronous)).Options;
}
