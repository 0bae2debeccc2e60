using System.Text.Json.Nodes;
using Qianfan.Sdk;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>The pipelines of runs. Action ids come from the run's id, so that whatever they create on the platform has the same name however often the run is built again.</summary>
internal static class RunPipelines
{
    public static Pipeline Build(Run run, RunConfig config, QianfanClient client, IEventHandler handler)
    {
        var id = run.Id.ToString("N");
        var deploy = new DeployAction(
            client,
            new DeployConfig { Name = Name(config.ServiceName, config.ModelName, run.Name), ServiceType = config.ServiceType },
            id: $"{id}-deploy");
        if (run.Kind is RunKind.Deploy)
            return new Pipeline([deploy], eventHandler: handler, id: id, name: run.Name);
        if (run.Kind is RunKind.Followed)
        {
            var follow = new TrainAction(client, config.BaseModel, taskId: run.TaskId, jobId: config.JobPlatformId, id: $"{id}-train", options: new TrainActionOptions { FollowOnly = true });
            return new Pipeline([follow], eventHandler: handler, id: id, name: run.Name);
        }

        BaseAction[] actions =
        [
            new LoadDataSetAction(client, DatasetConfig.Of(Sdk.Datasets.Dataset.Load(config.DatasetPlatformId)), config.TrainMode, $"{id}-load"),
            new TrainAction(client, config.BaseModel, config.Train, trainMode: config.TrainMode, jobName: run.Name, id: $"{id}-train"),
            new ModelPublishAction(client, id: $"{id}-publish", modelName: Name(config.ModelName, run.Name)),
        ];
        return new Pipeline(config.Deploy ? [.. actions, deploy] : actions, eventHandler: handler, id: id, name: run.Name);
    }

    /// <summary>What the first action is given.</summary>
    public static JsonObject? InputOf(Run run, RunConfig config) => run.Kind is RunKind.Deploy
        ? new JsonObject { ["model_set_id"] = config.ModelSetPlatformId, ["model_id"] = config.ModelPlatformId }
        : null;

    private static string Name(params ReadOnlySpan<string> wishes)
    {
        foreach (var wish in wishes)
            if (wish.Length > 0)
                return wish;
        return "";
    }
}
