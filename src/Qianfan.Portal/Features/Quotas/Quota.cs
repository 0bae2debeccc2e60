using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Teams;

namespace Qianfan.Portal.Features.Quotas;

/// <summary>What a team, or one of its projects, may use. A limit that is null is none. What is used stands in the platform's ledger.</summary>
public sealed class Quota
{
    /// <summary>The project, or the team when it is the team's.</summary>
    public Guid Id { get; set; }
    public Guid TeamId { get; set; }
    public Team Team { get; set; } = null!;
    public Guid? ProjectId { get; set; }
    public Project? Project { get; set; }

    /// <summary>Tokens, of prompts and answers, in a month (UTC).</summary>
    public long? TokensPerMonth { get; set; }

    /// <summary>Fine-tuning tasks that run at the same time.</summary>
    public int? ConcurrentRuns { get; set; }

    /// <summary>Bytes of files, datasets, tasks and models.</summary>
    public long? StorageBytes { get; set; }
}

internal sealed class QuotaMapping : IEntityTypeConfiguration<Quota>
{
    public void Configure(EntityTypeBuilder<Quota> builder)
    {
        builder.Property(q => q.Id).ValueGeneratedNever();
        builder.HasOne(q => q.Team).WithMany().HasForeignKey(q => q.TeamId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne(q => q.Project).WithMany().HasForeignKey(q => q.ProjectId).OnDelete(DeleteBehavior.Cascade);
    }
}
