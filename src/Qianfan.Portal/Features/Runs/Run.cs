using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Services;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Where a run stands. Comes from its events, never from whether a process is alive.</summary>
public enum RunStatus
{
    /// <summary>Waits for its job.</summary>
    Queued,
    Running,

    /// <summary>Somebody asked it to stop; its job has not come to the end yet.</summary>
    Stopping,

    /// <summary>Stopped by somebody; can be resumed.</summary>
    Stopped,

    /// <summary>Cut off by the end of the process; goes on by itself at the next start.</summary>
    Interrupted,
    Done,

    /// <summary>Ended with an error; can be resumed.</summary>
    Failed,
}

/// <summary>Which pipeline a run executes.</summary>
public enum RunKind
{
    /// <summary>Load dataset, train, publish, deploy.</summary>
    FineTune,

    /// <summary>Deploy alone, of a version that is published already.</summary>
    Deploy,

    /// <summary>Follow a task that a program started by the API, to its end. Read-only: nothing on the platform is touched.</summary>
    Followed,
}

/// <summary>One execution of a pipeline.</summary>
public sealed class Run : IProjectOwned
{
    public Guid Id { get; set; } = Guid.CreateVersion7();
    public Guid ProjectId { get; set; }
    public Project Project { get; set; } = null!;
    public Guid ConnectionId { get; set; }
    public Connection Connection { get; set; } = null!;
    public Guid? DatasetId { get; set; }
    public Dataset? Dataset { get; set; }
    public RunKind Kind { get; set; }
    public required string Name { get; set; }
    public RunStatus Status { get; set; }
    public string BaseModel { get; set; } = "";

    /// <summary>What was asked for (a <c>RunConfig</c>), JSON.</summary>
    public string ConfigJson { get; set; } = "{}";

    /// <summary>The pipeline as it stood with the last event (<c>Pipeline.Dumps()</c>); null before the first.</summary>
    public string? PipelineState { get; set; }

    /// <summary>Sequence of the last event; 0 before the first. Two writers can't both go on from the same one.</summary>
    public long LastSequence { get; set; }

    /// <summary>0 to 100.</summary>
    public int Progress { get; set; }

    /// <summary>Why it failed; null otherwise.</summary>
    public string? Error { get; set; }
    public Guid? ModelVersionId { get; set; }
    public ModelVersion? ModelVersion { get; set; }
    public Guid? ServiceId { get; set; }
    public Service? Service { get; set; }

    /// <summary>Counts executions. What an execution writes carries its number: one that was replaced can't write any more.</summary>
    public int Attempt { get; set; }
    public Guid? CreatedById { get; set; }

    /// <summary>Name of the API key of the program that started it; null when a person did.</summary>
    public string? StartedByKey { get; set; }

    /// <summary>The task that is followed (<c>task-...</c>); null for runs of our own, whose pipelines make theirs.</summary>
    public string? TaskId { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset? StartedAt { get; set; }
    public DateTimeOffset? FinishedAt { get; set; }
}

/// <summary>What an event of a run is about.</summary>
public enum RunEventKind
{
    /// <summary>A state of the pipeline or of one of its actions.</summary>
    Action,

    /// <summary>The run's own status changed.</summary>
    Status,

    /// <summary>Training (again) begins at a step: later points that came before it are superseded.</summary>
    TrainingStarted,
    Metric,
    Validation,
    Checkpoint,
    Log,
}

/// <summary>One event of a run. Append-only; sequences of a run have no gap and no duplicate.</summary>
public sealed class RunEvent
{
    public Guid RunId { get; set; }
    public Run Run { get; set; } = null!;

    /// <summary>1 for a run's first event.</summary>
    public long Sequence { get; set; }
    public DateTimeOffset Time { get; set; }
    public RunEventKind Kind { get; set; }

    /// <summary>Class of the action that it came from; null for the run's own.</summary>
    public string? ActionClass { get; set; }

    /// <summary>The action's state for <see cref="RunEventKind.Action"/>; null otherwise.</summary>
    public string? ActionState { get; set; }

    /// <summary>Training step that it belongs to, if any.</summary>
    public int? Step { get; set; }

    /// <summary>The rest, a JSON object.</summary>
    public string DataJson { get; set; } = "{}";
}

internal sealed class RunMapping : IEntityTypeConfiguration<Run>, IEntityTypeConfiguration<RunEvent>
{
    public void Configure(EntityTypeBuilder<Run> builder)
    {
        builder.Property(r => r.Name).HasMaxLength(80);
        builder.Property(r => r.BaseModel).HasMaxLength(120);
        builder.Property(r => r.LastSequence).IsConcurrencyToken();
        builder.HasIndex(r => new { r.ProjectId, r.CreatedAt });
        builder.Property(r => r.StartedByKey).HasMaxLength(80);
        builder.Property(r => r.TaskId).HasMaxLength(40);
        builder.HasIndex(r => r.Status);
        // No task is followed twice.
        builder.HasIndex(r => new { r.ConnectionId, r.TaskId }).IsUnique();
        builder.HasOne(r => r.Project).WithMany().HasForeignKey(r => r.ProjectId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne(r => r.Connection).WithMany().HasForeignKey(r => r.ConnectionId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne(r => r.Dataset).WithMany().HasForeignKey(r => r.DatasetId).OnDelete(DeleteBehavior.SetNull);
        builder.HasOne(r => r.ModelVersion).WithMany().HasForeignKey(r => r.ModelVersionId).OnDelete(DeleteBehavior.SetNull);
        builder.HasOne(r => r.Service).WithMany().HasForeignKey(r => r.ServiceId).OnDelete(DeleteBehavior.SetNull);
    }

    public void Configure(EntityTypeBuilder<RunEvent> builder)
    {
        builder.HasKey(e => new { e.RunId, e.Sequence });
        builder.Property(e => e.ActionClass).HasMaxLength(80);
        builder.Property(e => e.ActionState).HasMaxLength(20);
        builder.HasOne(e => e.Run).WithMany().HasForeignKey(e => e.RunId).OnDelete(DeleteBehavior.Cascade);
    }
}
