using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Data;

namespace Qianfan.Portal.Features.Teams;

/// <summary>People who share projects. The wall between tenants.</summary>
public sealed class Team
{
    public Guid Id { get; set; } = Guid.CreateVersion7();
    public required string Name { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public List<Membership> Memberships { get; } = [];
}

/// <summary>What a member may do; each role may do all that the ones after it may.</summary>
public enum TeamRole
{
    Owner,
    Maintainer,
    Member,
    Viewer,
}

/// <summary>A person's place in a team.</summary>
public sealed class Membership
{
    public Guid TeamId { get; set; }
    public Team Team { get; set; } = null!;
    public Guid UserId { get; set; }
    public PortalUser User { get; set; } = null!;
    public TeamRole Role { get; set; }
    public DateTimeOffset JoinedAt { get; set; }
}

/// <summary>A link that lets whoever opens it join a team, once.</summary>
public sealed class Invitation
{
    public Guid Id { get; set; } = Guid.CreateVersion7();
    public Guid TeamId { get; set; }
    public Team Team { get; set; } = null!;
    public TeamRole Role { get; set; }

    /// <summary>SHA-256 of the token in the link, hex: the link itself is shown once and not kept.</summary>
    public required string TokenHash { get; set; }
    public Guid CreatedById { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset ExpiresAt { get; set; }
    public Guid? AcceptedById { get; set; }
    public DateTimeOffset? AcceptedAt { get; set; }
    public DateTimeOffset? RevokedAt { get; set; }
}

internal sealed class TeamMapping : IEntityTypeConfiguration<Team>, IEntityTypeConfiguration<Membership>, IEntityTypeConfiguration<Invitation>
{
    public void Configure(EntityTypeBuilder<Team> builder) => builder.Property(t => t.Name).HasMaxLength(80);

    public void Configure(EntityTypeBuilder<Membership> builder)
    {
        builder.HasKey(m => new { m.TeamId, m.UserId });
        builder.HasIndex(m => m.UserId);
        builder.HasOne(m => m.Team).WithMany(t => t.Memberships).HasForeignKey(m => m.TeamId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne(m => m.User).WithMany().HasForeignKey(m => m.UserId).OnDelete(DeleteBehavior.Cascade);
    }

    public void Configure(EntityTypeBuilder<Invitation> builder)
    {
        builder.Property(i => i.TokenHash).HasMaxLength(64);
        builder.HasIndex(i => i.TokenHash).IsUnique();
        builder.HasOne(i => i.Team).WithMany().HasForeignKey(i => i.TeamId).OnDelete(DeleteBehavior.Cascade);
    }
}
