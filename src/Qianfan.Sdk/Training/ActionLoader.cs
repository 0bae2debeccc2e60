using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Training;

/// <summary>Makes actions from their written state.</summary>
internal static class ActionLoader
{
    public static BaseAction Load(JsonObject state, QianfanClient client, IReadOnlyDictionary<string, Func<BaseAction>>? custom)
    {
        var type = StateFormat.RequiredText(state, "type");
        BaseAction action = type switch
        {
            nameof(Pipeline) => new Pipeline(Children(state, "actions", client, custom), Children(state, "post_actions", client, custom)),
            nameof(LoadDataSetAction) => new LoadDataSetAction(client, dataset: null),
            nameof(TrainAction) => new TrainAction(client),
            nameof(ModelPublishAction) => new ModelPublishAction(client),
            nameof(DeployAction) => new DeployAction(client),
            _ => custom is not null && custom.TryGetValue(type, out var create)
                ? create()
                : throw new InvalidArgumentException($"The state holds an action of the unknown class {type}."),
        };
        action.RestoreState(state);
        return action;
    }

    private static List<BaseAction> Children(JsonObject state, string name, QianfanClient client, IReadOnlyDictionary<string, Func<BaseAction>>? custom) =>
        state[name] is JsonArray array
            ? [.. array.Select(a => Load(a as JsonObject ?? throw StateFormat.Broken(name), client, custom))]
            : throw StateFormat.Broken(name);
}
