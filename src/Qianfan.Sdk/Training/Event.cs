using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Training;

/// <summary>What an action tells of its execution. Immutable as far as the record goes; treat <see cref="Data"/> as read-only.</summary>
/// <remarks>Seed: <c>qianfan.trainer.event.Event</c>; <see cref="ActionClass"/> came with later versions.</remarks>
/// <param name="ActionClass">Name of the action's class, such as <c>TrainAction</c>.</param>
/// <param name="ActionId">The action's id.</param>
/// <param name="ActionState">The point in the execution.</param>
/// <param name="Description">For people; <c>action_event: action_type[TrainAction] action_id[...], msg:...</c>.</param>
/// <param name="Data">Preceding: an empty object. Running: what the action has to tell. Done: the action's output. Error: <c>{"error": text}</c>. Stopped: null.</param>
public sealed record Event(string ActionClass, string ActionId, ActionState ActionState, string Description, JsonNode? Data = null);
