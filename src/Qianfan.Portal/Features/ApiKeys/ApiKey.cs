using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Platform;
using Qianfan.Portal.Features.Projects;

namespace Qianfan.Portal.Features.ApiKeys;

/// <summary>A key pair with which a program acts for a project: as an IAM signature, or as <c>bce-v3/{access key}/{secret key}</c>.</summary>
public sealed class ApiKey : IProjectOwned
{
    public Guid Id { get; set; } = Guid.CreateVersion7();
    public Guid ProjectId { get; set; }
    public Project Project { get; set; } = null!;
    public required string Name { get; set; }
    public required string AccessKey { get; set; }

    /// <summary>The secret key, encrypted: an IAM signature can be checked only with the secret itself.</summary>
    public required string ProtectedSecretKey { get; set; }

    /// <summary>What it may do.</summary>
    public KeyScopes Scopes { get; set; } = ApiKeyScopes.Full;

    /// <summary>The portal's own key for the embedded platform; shown to nobody.</summary>
    public bool Hidden { get; set; }
    public Guid? CreatedById { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset? LastUsedAt { get; set; }

    /// <summary>When it last called Qianfan's first generation of APIs.</summary>
    public DateTimeOffset? LastV1At { get; set; }

    /// <summary>When it last called Qianfan's second generation of APIs.</summary>
    public DateTimeOffset? LastV2At { get; set; }

    /// <summary>When it last called OpenAI's API.</summary>
    public DateTimeOffset? LastOpenAIAt { get; set; }
    public DateTimeOffset? RevokedAt { get; set; }
}

internal sealed class ApiKeyMapping : IEntityTypeConfiguration<ApiKey>
{
    public void Configure(EntityTypeBuilder<ApiKey> builder)
    {
        builder.Property(k => k.Name).HasMaxLength(80);
        builder.Property(k => k.AccessKey).HasMaxLength(64);
        builder.Property(k => k.Scopes).HasConversion<string>().HasMaxLength(40);
        builder.HasIndex(k => k.AccessKey).IsUnique();
        builder.HasOne(k => k.Project).WithMany().HasForeignKey(k => k.ProjectId).OnDelete(DeleteBehavior.Cascade);
    }
}
