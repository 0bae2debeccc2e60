using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Data;
using Qianfan.Portal.Data.Postgres;
using Qianfan.Portal.Data.Sqlite;

namespace Qianfan.Portal.Tests.Database;

public class ModelTests
{
    [Fact]
    public void Each_providers_migrations_are_up_to_date_with_the_model()
    {
        using PortalDbContext sqlite = new SqlitePortalDbContext(new DbContextOptionsBuilder<SqlitePortalDbContext>().UseSqlite("Data Source=never-opened.db").Options);
        using PortalDbContext postgres = new PostgresPortalDbContext(new DbContextOptionsBuilder<PostgresPortalDbContext>().UseNpgsql("Host=never-opened").Options);

        sqlite.Database.HasPendingModelChanges().ShouldBeFalse("run eng/migrations.sh NAME");
        postgres.Database.HasPendingModelChanges().ShouldBeFalse("run eng/migrations.sh NAME");
        postgres.Database.GetMigrations().Select(NameOf).ShouldBe(sqlite.Database.GetMigrations().Select(NameOf));
    }

    [Fact]
    public void The_postgres_schema_is_made_without_a_connection()
    {
        using var postgres = new PostgresPortalDbContext(new DbContextOptionsBuilder<PostgresPortalDbContext>().UseNpgsql("Host=never-opened").Options);

        var sql = postgres.Database.GenerateCreateScript();

        sql.ShouldContain("CREATE TABLE \"RunEvents\"");
        // A time has to sort the same way in both databases.
        sql.ShouldNotContain("timestamp with time zone NOT NULL", Case.Insensitive);
    }

    private static string NameOf(string migration) => migration.Split('_', 2)[1];
}
