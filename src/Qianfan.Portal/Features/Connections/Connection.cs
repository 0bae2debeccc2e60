using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Features.Projects;

namespace Qianfan.Portal.Features.Connections;

/// <summary>Which platform a connection leads to.</summary>
public enum ConnectionKind
{
    /// <summary>The platform in this process, over its Unix socket.</summary>
    Embedded,

    /// <summary>The platform of another portal, over HTTP.</summary>
    Portal,

    /// <summary>Baidu Qianfan's cloud.</summary>
    Cloud,
}

/// <summary>A platform and the credential for it. Datasets, runs, models and services hang on one.</summary>
public sealed class Connection : IProjectOwned
{
    public Guid Id { get; set; } = Guid.CreateVersion7();
    public Guid ProjectId { get; set; }
    public Project Project { get; set; } = null!;
    public required string Name { get; set; }
    public ConnectionKind Kind { get; set; }

    /// <summary>Console address; null for the embedded platform and for the cloud's own.</summary>
    public string? ConsoleUrl { get; set; }
    public required string AccessKey { get; set; }

    /// <summary>The secret key, encrypted.</summary>
    public required string ProtectedSecretKey { get; set; }

    /// <summary>Bucket of Baidu's object storage that rows go through on their way to the cloud; null elsewhere.</summary>
    public string? BosBucket { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class ConnectionMapping : IEntityTypeConfiguration<Connection>
{
    public void Configure(EntityTypeBuilder<Connection> builder)
    {
        builder.Property(c => c.Name).HasMaxLength(80);
        builder.Property(c => c.AccessKey).HasMaxLength(128);
        builder.Property(c => c.ConsoleUrl).HasMaxLength(400);
        builder.Property(c => c.BosBucket).HasMaxLength(80);
        builder.HasIndex(c => new { c.ProjectId, c.Name }).IsUnique();
        builder.HasOne(c => c.Project).WithMany().HasForeignKey(c => c.ProjectId).OnDelete(DeleteBehavior.Cascade);
    }
}
