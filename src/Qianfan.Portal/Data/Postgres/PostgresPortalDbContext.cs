using Microsoft.EntityFrameworkCore;

namespace Qianfan.Portal.Data.Postgres;

/// <summary>The portal's database in PostgreSQL; owns that set of migrations.</summary>
public sealed class PostgresPortalDbContext(DbContextOptions<PostgresPortalDbContext> options) : PortalDbContext(options);
