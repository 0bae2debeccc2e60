using System.Text.Json;
using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Training;

/// <summary>What is seldom needed about a <see cref="TrainAction"/>. Immutable.</summary>
public sealed record TrainActionOptions
{
    /// <summary>A model version (<c>amv-...</c>) whose training is gone on from (incremental training), in place of a previous task.</summary>
    public string? PreviousModelId { get; init; }

    /// <summary>False: a config outside the limits is sent all the same, and the faults are told in an event Running with <c>{"warnings": [...]}</c>.</summary>
    public bool ValidateStrict { get; init; } = true;

    /// <summary>Further members of the body of <c>CreateFineTuningTask</c>, sent as they are. V2 only.</summary>
    public JsonObject? TrainExtras { get; init; }

    /// <summary>True: a given task is looked at and never touched. A stop ends the following alone, and going on goes on following, whatever became of the task meanwhile.</summary>
    public bool FollowOnly { get; init; }

    internal JsonNode? ToState() => JsonSerializer.SerializeToNode(this, TrainingJson.Default.TrainActionOptions);

    internal static TrainActionOptions FromState(JsonNode state) => state.Deserialize(TrainingJson.Default.TrainActionOptions) ?? throw StateFormat.Broken("options");
}
