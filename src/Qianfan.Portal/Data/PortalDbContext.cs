using Microsoft.AspNetCore.DataProtection.EntityFrameworkCore;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Quotas;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Features.Teams;

namespace Qianfan.Portal.Data;

/// <summary>The portal's database. Take one per operation from <see cref="IDbContextFactory{TContext}"/>. Entities are mapped beside their feature.</summary>
public abstract class PortalDbContext(DbContextOptions options)
    : IdentityDbContext<PortalUser, IdentityRole<Guid>, Guid>(options), IDataProtectionKeyContext
{
    public DbSet<Team> Teams => Set<Team>();
    public DbSet<Membership> Memberships => Set<Membership>();
    public DbSet<Invitation> Invitations => Set<Invitation>();
    public DbSet<Project> Projects => Set<Project>();
    public DbSet<Connection> Connections => Set<Connection>();
    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();
    public DbSet<Dataset> Datasets => Set<Dataset>();
    public DbSet<Run> Runs => Set<Run>();
    public DbSet<RunEvent> RunEvents => Set<RunEvent>();
    public DbSet<ProgramTask> ProgramTasks => Set<ProgramTask>();
    public DbSet<ModelSet> ModelSets => Set<ModelSet>();
    public DbSet<ModelVersion> ModelVersions => Set<ModelVersion>();
    public DbSet<Service> Services => Set<Service>();
    public DbSet<Quota> Quotas => Set<Quota>();
    public DbSet<AuditEntry> AuditEntries => Set<AuditEntry>();
    public DbSet<DataProtectionKey> DataProtectionKeys => Set<DataProtectionKey>();

    protected override Version SchemaVersion => IdentitySchemaVersions.Version3;

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        // Neither SQLite nor a converter-free PostgreSQL column sorts DateTimeOffset alike: UTC ticks do in both.
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UtcTicksConverter>();
        configurationBuilder.Properties<TeamRole>().HaveConversion<string>().HaveMaxLength(20);
        configurationBuilder.Properties<RunStatus>().HaveConversion<string>().HaveMaxLength(20);
        configurationBuilder.Properties<RunKind>().HaveConversion<string>().HaveMaxLength(20);
        configurationBuilder.Properties<RunEventKind>().HaveConversion<string>().HaveMaxLength(20);
        configurationBuilder.Properties<ConnectionKind>().HaveConversion<string>().HaveMaxLength(20);
        configurationBuilder.Properties<Security.ActorKind>().HaveConversion<string>().HaveMaxLength(20);
    }

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.ApplyConfigurationsFromAssembly(typeof(PortalDbContext).Assembly);
    }
}
