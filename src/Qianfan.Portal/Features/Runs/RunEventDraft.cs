namespace Qianfan.Portal.Features.Runs;

/// <summary>A run event that has no place in the sequence yet.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="ActionClass">Class of the action it came from; null for the run's own.</param>
/// <param name="ActionState">The action's state for <see cref="RunEventKind.Action"/>.</param>
/// <param name="Step">Training step, if it belongs to one.</param>
/// <param name="DataJson">The rest, a JSON object.</param>
public sealed record RunEventDraft(RunEventKind Kind, string? ActionClass, string? ActionState, int? Step, string DataJson);
