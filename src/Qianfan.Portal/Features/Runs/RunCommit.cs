namespace Qianfan.Portal.Features.Runs;

/// <summary>What the store has just committed; the feed passes it on.</summary>
/// <param name="ProjectId">The run's project.</param>
/// <param name="RunId">The run.</param>
/// <param name="Status">Its status now.</param>
/// <param name="Progress">0 to 100.</param>
/// <param name="LastSequence">Sequence of its last event.</param>
/// <param name="Events">The new events, in order.</param>
/// <param name="StateChanged">Status or progress changed.</param>
public sealed record RunCommit(
    Guid ProjectId,
    Guid RunId,
    RunStatus Status,
    int Progress,
    long LastSequence,
    IReadOnlyList<RunEventMessage> Events,
    bool StateChanged);

/// <summary>That a run changed, for pages that show its state and not its events.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Status">Its status now.</param>
/// <param name="Progress">0 to 100.</param>
/// <param name="Reload">More than status and progress changed: an action's state, a result, or the run is new or gone.</param>
public sealed record RunChange(Guid RunId, RunStatus Status, int Progress, bool Reload);
