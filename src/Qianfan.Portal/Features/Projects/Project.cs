using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Features.Teams;

namespace Qianfan.Portal.Features.Projects;

/// <summary>What a team works on: the owner of datasets, runs, models, services and keys. Its id is the owner id on the platform.</summary>
public sealed class Project
{
    public Guid Id { get; set; } = Guid.CreateVersion7();
    public Guid TeamId { get; set; }
    public Team Team { get; set; } = null!;
    public required string Name { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

/// <summary>A row that belongs to a project, and by it to a team. Queries reach it through <c>VisibleTo(actor)</c>.</summary>
public interface IProjectOwned
{
    Guid ProjectId { get; }
    Project Project { get; }
}

internal sealed class ProjectMapping : IEntityTypeConfiguration<Project>
{
    public void Configure(EntityTypeBuilder<Project> builder)
    {
        builder.Property(p => p.Name).HasMaxLength(80);
        builder.HasIndex(p => new { p.TeamId, p.Name }).IsUnique();
        builder.HasOne(p => p.Team).WithMany().HasForeignKey(p => p.TeamId).OnDelete(DeleteBehavior.Cascade);
    }
}
