using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Qianfan.Platform.Datasets;
using Qianfan.Platform.Exports;
using Qianfan.Platform.Files;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Models;
using Qianfan.Platform.Services;
using Qianfan.Platform.Spending;
using Qianfan.Platform.Usage;

namespace Qianfan.Platform.Data;

/// <summary>The platform's database. One context for each operation, from the factory.</summary>
internal sealed class PlatformDbContext(DbContextOptions<PlatformDbContext> options) : DbContext(options)
{
    public DbSet<FileRow> Files => Set<FileRow>();

    public DbSet<UploadRow> Uploads => Set<UploadRow>();

    public DbSet<UploadPartRow> UploadParts => Set<UploadPartRow>();

    public DbSet<DatasetRow> Datasets => Set<DatasetRow>();

    public DbSet<ImportErrorRow> ImportErrors => Set<ImportErrorRow>();

    public DbSet<TokenCountRow> TokenCounts => Set<TokenCountRow>();

    public DbSet<DatasetExportRow> DatasetExports => Set<DatasetExportRow>();

    public DbSet<JobRow> Jobs => Set<JobRow>();

    public DbSet<TaskRow> Tasks => Set<TaskRow>();

    public DbSet<TaskEventRow> TaskEvents => Set<TaskEventRow>();

    public DbSet<ModelSetRow> ModelSets => Set<ModelSetRow>();

    public DbSet<ModelVersionRow> ModelVersions => Set<ModelVersionRow>();

    public DbSet<ExportRow> Exports => Set<ExportRow>();

    public DbSet<ServiceRow> Services => Set<ServiceRow>();

    public DbSet<ServedVersionRow> ServedVersions => Set<ServedVersionRow>();

    public DbSet<UsageRecord> UsageRecords => Set<UsageRecord>();

    public DbSet<UsageHour> UsageHours => Set<UsageHour>();

    public DbSet<BudgetRow> Budgets => Set<BudgetRow>();

    public DbSet<LeaseRow> Leases => Set<LeaseRow>();

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        // SQLite can't order or compare DateTimeOffset; both databases can order ticks.
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UtcTicks>();
        configurationBuilder.Properties<TaskState>().HaveConversion<string>().HaveMaxLength(16);
        configurationBuilder.Properties<ServiceState>().HaveConversion<string>().HaveMaxLength(16);
        configurationBuilder.Properties<ServiceKind>().HaveConversion<string>().HaveMaxLength(16);
        configurationBuilder.Properties<ExportState>().HaveConversion<string>().HaveMaxLength(16);
        configurationBuilder.Properties<UploadState>().HaveConversion<string>().HaveMaxLength(16);
        configurationBuilder.Properties<TaskOrigin>().HaveConversion<string>().HaveMaxLength(16);
        configurationBuilder.Properties<ApiGeneration>().HaveConversion<string>().HaveMaxLength(16);
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        Owned<FileRow>(modelBuilder);
        Owned<UploadRow>(modelBuilder);
        Owned<UploadPartRow>(modelBuilder);
        Owned<DatasetRow>(modelBuilder);
        Owned<DatasetExportRow>(modelBuilder);
        Owned<JobRow>(modelBuilder);
        Owned<TaskRow>(modelBuilder);
        Owned<ModelSetRow>(modelBuilder);
        Owned<ModelVersionRow>(modelBuilder);
        Owned<ExportRow>(modelBuilder);
        Owned<ServiceRow>(modelBuilder);

        modelBuilder.Entity<ImportErrorRow>(error =>
        {
            error.HasIndex(row => new { row.DatasetId, row.Line });
            error.HasOne<DatasetRow>().WithMany().HasForeignKey(row => row.DatasetId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<TokenCountRow>(count =>
        {
            count.HasKey(row => new { row.DatasetId, row.Model });
            count.HasOne<DatasetRow>().WithMany().HasForeignKey(row => row.DatasetId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<DatasetExportRow>().HasOne(row => row.Dataset).WithMany().HasForeignKey(row => row.DatasetId).OnDelete(DeleteBehavior.Cascade);
        modelBuilder.Entity<UploadPartRow>().HasOne<UploadRow>().WithMany().HasForeignKey(part => part.UploadId).OnDelete(DeleteBehavior.Cascade);
        modelBuilder.Entity<DatasetRow>(dataset =>
        {
            dataset.Property(row => row.Version).HasDefaultValue(1);
            dataset.HasIndex(row => new { row.GroupPublicId, row.Version }).IsUnique();
        });
        modelBuilder.Entity<TaskRow>(task =>
        {
            task.HasOne(row => row.Job).WithMany().HasForeignKey(row => row.JobId).OnDelete(DeleteBehavior.Restrict);
            task.HasIndex(row => row.State);
            // Two writers can't both have seen the same last event: the second one reads again.
            task.Property(row => row.LastSequence).IsConcurrencyToken();
        });
        modelBuilder.Entity<TaskEventRow>(entry =>
        {
            entry.HasKey(row => new { row.TaskId, row.Sequence });
            entry.Property(row => row.Kind).HasMaxLength(16);
            entry.HasOne<TaskRow>().WithMany().HasForeignKey(row => row.TaskId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<ModelSetRow>().HasIndex(row => new { row.OwnerId, row.Name }).IsUnique();
        modelBuilder.Entity<ModelVersionRow>(version =>
        {
            version.HasOne(row => row.Set).WithMany(set => set.Versions).HasForeignKey(row => row.SetId).OnDelete(DeleteBehavior.Cascade);
            version.HasIndex(row => new { row.SetId, row.Version }).IsUnique();
            version.HasIndex(row => row.TaskPublicId);
        });
        modelBuilder.Entity<ExportRow>(export =>
        {
            export.Property(row => row.Format).HasMaxLength(20);
            export.HasIndex(row => new { row.ModelVersionId, row.Format }).IsUnique();
            export.HasIndex(row => row.State);
            export.HasOne(row => row.Model).WithMany().HasForeignKey(row => row.ModelVersionId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<ServiceRow>(service =>
        {
            service.HasIndex(row => new { row.OwnerId, row.UrlSuffix }).IsUnique();
            service.HasOne(row => row.Model).WithMany().HasForeignKey(row => row.ModelVersionId).OnDelete(DeleteBehavior.Restrict);
            service.HasOne(row => row.Next).WithMany().HasForeignKey(row => row.NextVersionId).OnDelete(DeleteBehavior.Restrict);
            service.Property(row => row.Kind).HasDefaultValue(ServiceKind.Chat);
        });
        modelBuilder.Entity<ServedVersionRow>(served =>
        {
            served.HasIndex(row => new { row.ServiceId, row.Id });
            served.HasOne<ServiceRow>().WithMany().HasForeignKey(row => row.ServiceId).OnDelete(DeleteBehavior.Cascade);
            // A version that was served once may be deleted: there is no way back to it then.
            served.HasOne(row => row.Model).WithMany().HasForeignKey(row => row.ModelVersionId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<UsageRecord>(record =>
        {
            record.HasIndex(row => new { row.OwnerId, row.Time });
            record.HasIndex(row => new { row.ServiceId, row.Time });
            record.HasIndex(row => row.Time);
        });
        modelBuilder.Entity<UsageHour>().HasKey(row => new { row.OwnerId, row.Hour, row.AccessKey, row.Api, row.Model, row.ServiceId });
        modelBuilder.Entity<BudgetRow>().HasKey(row => new { row.Account, row.Month });
        modelBuilder.Entity<LeaseRow>().HasKey(row => new { row.Account, row.Month, row.Holder });
    }

    private static void Owned<T>(ModelBuilder modelBuilder) where T : OwnedRow => modelBuilder.Entity<T>(entity =>
    {
        entity.Property(row => row.PublicId).HasMaxLength(40);
        entity.Property(row => row.OwnerId).HasMaxLength(64);
        entity.HasIndex(row => row.PublicId).IsUnique();
        entity.HasIndex(row => new { row.OwnerId, row.Id });
    });

    private sealed class UtcTicks() : ValueConverter<DateTimeOffset, long>(time => time.UtcTicks, ticks => new DateTimeOffset(ticks, TimeSpan.Zero));
}
