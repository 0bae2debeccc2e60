using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Qianfan.Portal.Data.Sqlite;
using Qianfan.Portal.Features.ApiKeys;

namespace Qianfan.Portal.Tests.Database;

public class KeyScopesMigrationTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Keys_from_before_may_do_what_they_might()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-migration-");
        await using (var db = new SqlitePortalDbContext(new DbContextOptionsBuilder<SqlitePortalDbContext>().UseSqlite($"Data Source={Path.Combine(folder.FullName, "portal.db")};Pooling=false").Options))
        {
            var migrator = db.GetService<IMigrator>();
            await migrator.MigrateAsync("Quotas", Cancel);
            await db.Database.ExecuteSqlRawAsync("""
                INSERT INTO Teams (Id, Name, CreatedAt) VALUES ('A', 'team', 0);
                INSERT INTO Projects (Id, TeamId, Name, CreatedAt) VALUES ('B', 'A', 'project', 0);
                INSERT INTO ApiKeys (Id, ProjectId, Name, AccessKey, ProtectedSecretKey, ReadOnly, Hidden, CreatedAt) VALUES
                    ('C', 'B', 'writer', 'ALTAK1', 'x', 0, 0, 0), ('D', 'B', 'reader', 'ALTAK2', 'x', 1, 0, 0);
                """, Cancel);

            await migrator.MigrateAsync(cancellationToken: Cancel);

            (await db.ApiKeys.OrderBy(key => key.AccessKey).Select(key => new { key.Name, key.Scopes }).ToListAsync(Cancel))
                .ShouldBe([new { Name = "writer", Scopes = ApiKeyScopes.Full }, new { Name = "reader", Scopes = ApiKeyScopes.ReadOnly }]);
            await migrator.MigrateAsync("Quotas", Cancel);
            (await db.Database.SqlQueryRaw<bool>("SELECT ReadOnly AS Value FROM ApiKeys ORDER BY AccessKey").ToListAsync(Cancel)).ShouldBe([false, true]);
        }

        folder.Delete(recursive: true);
    }
}
