using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Audit;

/// <summary>Who changed what, when. Append-only: nothing updates or deletes one, and none has a foreign key, so that it outlives its subject.</summary>
/// <remarks>Ids grow in order of writing, and every field that tells what happened is plain text or a number: shaped so that entries can be hash-chained.</remarks>
public sealed class AuditEntry
{
    public long Id { get; set; }
    public DateTimeOffset Time { get; set; }
    public ActorKind ActorKind { get; set; }
    public Guid? ActorId { get; set; }

    /// <summary>Name at that time.</summary>
    public required string ActorName { get; set; }

    /// <summary>One of <see cref="AuditActions"/>.</summary>
    public required string Action { get; set; }
    public Guid? TeamId { get; set; }
    public Guid? ProjectId { get; set; }

    /// <summary>Id of what was changed, as text.</summary>
    public string? SubjectId { get; set; }

    /// <summary>Name of what was changed, at that time.</summary>
    public string? SubjectName { get; set; }

    /// <summary>Parameters for the sentence that a page shows: a JSON object of texts and numbers. Never a secret.</summary>
    public string ParametersJson { get; set; } = "{}";
}

internal sealed class AuditMapping : IEntityTypeConfiguration<AuditEntry>
{
    public void Configure(EntityTypeBuilder<AuditEntry> builder)
    {
        builder.Property(a => a.Id).ValueGeneratedOnAdd();
        builder.Property(a => a.ActorName).HasMaxLength(200);
        builder.Property(a => a.Action).HasMaxLength(60);
        builder.Property(a => a.SubjectId).HasMaxLength(80);
        builder.Property(a => a.SubjectName).HasMaxLength(200);
        builder.HasIndex(a => new { a.TeamId, a.Id });
        builder.HasIndex(a => new { a.ProjectId, a.Id });
    }
}
