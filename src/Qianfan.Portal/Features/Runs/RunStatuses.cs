namespace Qianfan.Portal.Features.Runs;

/// <summary>What can be done with a run in a status.</summary>
public static class RunStatuses
{
    /// <summary>Statuses in which a run needs its job.</summary>
    public static IReadOnlyList<RunStatus> Open { get; } = [RunStatus.Queued, RunStatus.Running, RunStatus.Stopping, RunStatus.Interrupted];

    /// <summary>The run has come to an end, though it may be resumed.</summary>
    public static bool IsEnded(this RunStatus status) => status is RunStatus.Done or RunStatus.Failed or RunStatus.Stopped;

    public static bool CanStop(this RunStatus status) => status is RunStatus.Queued or RunStatus.Running or RunStatus.Interrupted;

    public static bool CanResume(this RunStatus status) => status is RunStatus.Stopped or RunStatus.Failed;

    /// <summary>A program's run: people may look at it, and remove it from the list when it has ended.</summary>
    public static bool IsReadOnly(this RunKind kind) => kind is RunKind.Followed;

    public static bool CanDelete(this RunStatus status) => status.IsEnded();
}
