using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Builds the pipelines of the trainers.</summary>
internal static class TrainerPipelines
{
    /// <exception cref="InvalidArgumentException">The arguments don't fit together.</exception>
    public static Pipeline Build(
        QianfanClient client,
        TrainMode mode,
        string? trainType,
        DatasetConfig dataset,
        TrainConfig? trainConfig,
        string? baseModel,
        IEventHandler? eventHandler,
        TrainerOptions options,
        Func<string, IEnumerable<BaseAction>> rest)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (dataset is null)
        {
            throw new InvalidArgumentException("There is no dataset to train on.");
        }

        var previous = options.PreviousTaskId ?? PreviousTask(options.PreviousTrainer);
        if (string.IsNullOrEmpty(trainType) && previous is null && options.PreviousModelId is null)
        {
            throw new InvalidArgumentException("The train type (base model) must be given.");
        }

        var id = options.Id ?? Guid.NewGuid().ToString("N");
        var config = dataset with
        {
            SplitRatio = options.SplitRatio ?? dataset.SplitRatio,
            SamplingRate = options.SamplingRate ?? dataset.SamplingRate,
            Corpus = options.CorpusConfig ?? dataset.Corpus,
        };
        var load = new LoadDataSetAction(client, config, mode, $"{id}-load");
        var train = new TrainAction(
            client,
            trainType,
            trainConfig,
            baseModel,
            trainMode: mode,
            previousTaskId: previous,
            jobName: options.JobName,
            description: options.JobDescription,
            id: $"{id}-train",
            options: new TrainActionOptions { PreviousModelId = options.PreviousModelId, TrainExtras = options.TrainExtras, ValidateStrict = options.ValidateStrict });
        return new Pipeline([load, train, .. rest(id)], null, eventHandler, id);
    }

    /// <summary>Publish, and deploy when a config is given.</summary>
    /// <exception cref="InvalidArgumentException">The arguments don't fit together.</exception>
    public static IEnumerable<BaseAction> PublishAndDeploy(QianfanClient client, DeployConfig? deployConfig, LlmFinetuneOptions options, string id)
    {
        if (deployConfig is not null && options.ModelNotPublish)
        {
            throw new InvalidArgumentException("A model that is not published can't be deployed.");
        }

        if (!options.ModelNotPublish)
        {
            yield return new ModelPublishAction(client, $"{id}-publish", modelName: options.ModelName);
        }

        if (deployConfig is not null)
        {
            yield return new DeployAction(client, deployConfig, $"{id}-deploy");
        }
    }

    private static string? PreviousTask(Trainer? trainer) =>
        trainer is null
            ? null
            : trainer.Ppls.SelectMany(p => p.Actions).OfType<TrainAction>().LastOrDefault(a => a.State == ActionState.Done)?.TaskId
                ?? throw new InvalidArgumentException("The previous trainer hasn't trained to the end.");
}
