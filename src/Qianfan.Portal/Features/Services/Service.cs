using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Projects;

namespace Qianfan.Portal.Features.Services;

/// <summary>A deployed model version that answers at an endpoint.</summary>
public sealed class Service : IProjectOwned
{
    public Guid Id { get; set; } = Guid.CreateVersion7();
    public Guid ProjectId { get; set; }
    public Project Project { get; set; } = null!;
    public Guid ConnectionId { get; set; }
    public Connection Connection { get; set; } = null!;
    public Guid ModelVersionId { get; set; }
    public ModelVersion ModelVersion { get; set; } = null!;
    public required string Name { get; set; }

    /// <summary>The service's id on the platform, <c>svco-...</c>.</summary>
    public required string PlatformId { get; set; }

    /// <summary>What callers give as <c>model</c>, and the last part of the V1 address.</summary>
    public required string Endpoint { get; set; }

    /// <summary>A name of <c>Qianfan.Sdk.Training.ServiceType</c>.</summary>
    public required string ServiceType { get; set; }

    /// <summary>The run that deployed it. No foreign key: runs point at services, not both ways.</summary>
    public Guid? RunId { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class ServiceMapping : IEntityTypeConfiguration<Service>
{
    public void Configure(EntityTypeBuilder<Service> builder)
    {
        builder.Property(s => s.Name).HasMaxLength(120);
        builder.Property(s => s.PlatformId).HasMaxLength(80);
        builder.Property(s => s.Endpoint).HasMaxLength(200);
        builder.Property(s => s.ServiceType).HasMaxLength(20);
        builder.HasIndex(s => new { s.ConnectionId, s.PlatformId }).IsUnique();
        builder.HasOne(s => s.Project).WithMany().HasForeignKey(s => s.ProjectId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne(s => s.Connection).WithMany().HasForeignKey(s => s.ConnectionId).OnDelete(DeleteBehavior.Restrict);
        // A version that answers somewhere can't be deleted under it.
        builder.HasOne(s => s.ModelVersion).WithMany().HasForeignKey(s => s.ModelVersionId).OnDelete(DeleteBehavior.Restrict);
    }
}
