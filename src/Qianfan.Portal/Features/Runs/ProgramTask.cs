using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Features.Connections;

namespace Qianfan.Portal.Features.Runs;

/// <summary>
/// A task of the embedded platform that a program is putting into the queue and whose run has not followed suit yet. Written before the platform stores the task, deleted in the commit that makes or
/// wakes the run: so a crash in between loses nothing, and no task gets two runs.
/// </summary>
public sealed class ProgramTask
{
    /// <summary>The project's connection to the embedded platform.</summary>
    public Guid ConnectionId { get; set; }
    public Connection Connection { get; set; } = null!;

    /// <summary>The task (<c>task-...</c>).</summary>
    public required string TaskId { get; set; }

    /// <summary>Name of the API key that made it.</summary>
    public required string KeyName { get; set; }
    public DateTimeOffset AnnouncedAt { get; set; }
}

internal sealed class ProgramTaskMapping : IEntityTypeConfiguration<ProgramTask>
{
    public void Configure(EntityTypeBuilder<ProgramTask> builder)
    {
        builder.HasKey(t => new { t.ConnectionId, t.TaskId });
        builder.Property(t => t.TaskId).HasMaxLength(40);
        builder.Property(t => t.KeyName).HasMaxLength(80);
        builder.HasOne(t => t.Connection).WithMany().HasForeignKey(t => t.ConnectionId).OnDelete(DeleteBehavior.Cascade);
    }
}
