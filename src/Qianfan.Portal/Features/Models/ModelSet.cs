using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Projects;

namespace Qianfan.Portal.Features.Models;

/// <summary>Versions of one model.</summary>
public sealed class ModelSet : IProjectOwned
{
    public Guid Id { get; set; } = Guid.CreateVersion7();
    public Guid ProjectId { get; set; }
    public Project Project { get; set; } = null!;
    public Guid ConnectionId { get; set; }
    public Connection Connection { get; set; } = null!;
    public required string Name { get; set; }

    /// <summary>The set's id on the platform, <c>am-...</c>.</summary>
    public required string PlatformId { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public List<ModelVersion> Versions { get; } = [];
}

/// <summary>A published model.</summary>
public sealed class ModelVersion : IProjectOwned
{
    public Guid Id { get; set; } = Guid.CreateVersion7();
    public Guid ProjectId { get; set; }
    public Project Project { get; set; } = null!;
    public Guid ModelSetId { get; set; }
    public ModelSet ModelSet { get; set; } = null!;

    /// <summary>The version's id on the platform, <c>amv-...</c>.</summary>
    public required string PlatformId { get; set; }

    /// <summary>1 for a set's first version.</summary>
    public int Number { get; set; } = 1;
    public string BaseModel { get; set; } = "";

    /// <summary>The run that made it; null when that run was deleted. No foreign key: runs point at versions, not both ways.</summary>
    public Guid? RunId { get; set; }

    /// <summary>Last training loss in nats per answer token.</summary>
    public double? TrainingLoss { get; set; }
    public double? ValidationLoss { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class ModelMapping : IEntityTypeConfiguration<ModelSet>, IEntityTypeConfiguration<ModelVersion>
{
    public void Configure(EntityTypeBuilder<ModelSet> builder)
    {
        builder.Property(m => m.Name).HasMaxLength(120);
        builder.Property(m => m.PlatformId).HasMaxLength(80);
        builder.HasIndex(m => new { m.ConnectionId, m.PlatformId }).IsUnique();
        builder.HasOne(m => m.Project).WithMany().HasForeignKey(m => m.ProjectId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne(m => m.Connection).WithMany().HasForeignKey(m => m.ConnectionId).OnDelete(DeleteBehavior.Restrict);
    }

    public void Configure(EntityTypeBuilder<ModelVersion> builder)
    {
        builder.Property(v => v.PlatformId).HasMaxLength(80);
        builder.Property(v => v.BaseModel).HasMaxLength(120);
        builder.HasIndex(v => new { v.ModelSetId, v.PlatformId }).IsUnique();
        builder.HasOne(v => v.Project).WithMany().HasForeignKey(v => v.ProjectId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne(v => v.ModelSet).WithMany(m => m.Versions).HasForeignKey(v => v.ModelSetId).OnDelete(DeleteBehavior.Cascade);
    }
}
