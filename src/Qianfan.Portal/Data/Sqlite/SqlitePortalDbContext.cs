using Microsoft.EntityFrameworkCore;

namespace Qianfan.Portal.Data.Sqlite;

/// <summary>The portal's database in a SQLite file; owns that set of migrations.</summary>
public sealed class SqlitePortalDbContext(DbContextOptions<SqlitePortalDbContext> options) : PortalDbContext(options);
