using Qianfan.Portal.Data;

namespace Qianfan.Portal.Features.Runs;

/// <summary>What is written into a run in one transaction.</summary>
public sealed record RunAppend
{
    public required Guid RunId { get; init; }

    /// <summary>The execution that writes; null for what comes from outside one, such as a person's stop.</summary>
    public int? Attempt { get; init; }

    public IReadOnlyList<RunEventDraft> Events { get; init; } = [];

    /// <summary>
    /// Changes the run, and whatever belongs to the same transaction. A change of the run's status is told as an event by the store itself.
    /// May be called again after a conflict: it must change nothing but what the context tracks. What it throws reaches the caller, and nothing is written.
    /// </summary>
    public Func<PortalDbContext, Run, CancellationToken, ValueTask>? Change { get; init; }

    /// <summary>An audit entry or a row that nobody could tell again is in it: the commit has to survive a power cut.</summary>
    public bool Durable { get; init; }
}

/// <summary>The execution that writes is not the run's current one any more, or the run was deleted.</summary>
public sealed class RunFencedException(Guid runId) : Exception($"Run {runId} is executed by somebody else, or was deleted.");
