using Qianfan.Sdk.Datasets;

namespace Qianfan.Sdk.Training;

/// <summary>What is seldom needed about a fine-tuning.</summary>
public sealed record LlmFinetuneOptions
{
    /// <summary>Id of the pipeline; its actions are called <c>{id}-load</c>, <c>{id}-train</c>, <c>{id}-publish</c>, <c>{id}-deploy</c>. Names on the platform are derived from these, so it must be unique. Random when null.</summary>
    public string? Id { get; init; }

    /// <summary>Wished name of the job.</summary>
    public string? JobName { get; init; }

    /// <summary>Description of the job.</summary>
    public string? JobDescription { get; init; }

    /// <summary>Wished name of the model.</summary>
    public string? ModelName { get; init; }

    /// <summary>A finished task to go on from (incremental training).</summary>
    public string? PreviousTaskId { get; init; }

    /// <summary>True: ends after training.</summary>
    public bool ModelNotPublish { get; init; }

    /// <summary>Percent of the rows held out for validation; the train config's when null.</summary>
    public double? SplitRatio { get; init; }
}

/// <summary>Supervised fine-tuning in one call: load the dataset, train, publish the model, and deploy it when a deploy config is given.</summary>
/// <remarks>Seed: <c>qianfan.trainer.finetune.LLMFinetune</c>.</remarks>
public sealed class LlmFinetune : Trainer
{
    /// <summary>Creates the trainer; no network.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="trainType">Base model, such as <c>ERNIE-Speed</c> or <c>qianfan-tiny</c>; may be null with <see cref="LlmFinetuneOptions.PreviousTaskId"/>.</param>
    /// <param name="dataset">The rows.</param>
    /// <param name="trainConfig">How to train; the base model's default when null.</param>
    /// <param name="deployConfig">How to deploy; the model is not deployed when null.</param>
    /// <param name="eventHandler">Hears the events.</param>
    /// <param name="baseModel">Family of the base model; for information.</param>
    /// <param name="options">What is seldom needed.</param>
    /// <exception cref="InvalidArgumentException">The arguments don't fit together.</exception>
    public LlmFinetune(
        QianfanClient client,
        string? trainType,
        Dataset dataset,
        TrainConfig? trainConfig = null,
        DeployConfig? deployConfig = null,
        IEventHandler? eventHandler = null,
        string? baseModel = null,
        LlmFinetuneOptions? options = null)
        : base(Build(client, trainType, dataset, trainConfig, deployConfig, eventHandler, baseModel, options ?? new LlmFinetuneOptions()))
    {
    }

    private LlmFinetune(Pipeline pipeline) : base(pipeline)
    {
    }

    /// <summary>The one pipeline.</summary>
    public Pipeline Pipeline => Ppls[0];

    /// <summary>Takes a trainer back from <see cref="Trainer.Dumps"/>.</summary>
    /// <inheritdoc cref="Pipeline.Loads" path="/exception"/>
    public static LlmFinetune Loads(string json, QianfanClient client, IEventHandler? eventHandler = null) => new(Pipeline.Loads(json, client, eventHandler));

    private static Pipeline Build(
        QianfanClient client,
        string? trainType,
        Dataset dataset,
        TrainConfig? trainConfig,
        DeployConfig? deployConfig,
        IEventHandler? eventHandler,
        string? baseModel,
        LlmFinetuneOptions options)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (dataset is null)
        {
            throw new InvalidArgumentException("There is no dataset to train on.");
        }

        if (string.IsNullOrEmpty(trainType) && options.PreviousTaskId is null)
        {
            throw new InvalidArgumentException("The train type (base model) must be given.");
        }

        if (deployConfig is not null && options.ModelNotPublish)
        {
            throw new InvalidArgumentException("A model that is not published can't be deployed.");
        }

        var id = options.Id ?? Guid.NewGuid().ToString("N");
        List<BaseAction> actions =
        [
            new LoadDataSetAction(client, dataset, options.SplitRatio, $"{id}-load"),
            new TrainAction(client, trainType, trainConfig, baseModel, previousTaskId: options.PreviousTaskId, jobName: options.JobName, description: options.JobDescription, id: $"{id}-train"),
        ];
        if (!options.ModelNotPublish)
        {
            actions.Add(new ModelPublishAction(client, $"{id}-publish", modelName: options.ModelName));
        }

        if (deployConfig is not null)
        {
            actions.Add(new DeployAction(client, deployConfig, $"{id}-deploy"));
        }

        return new Pipeline(actions, null, eventHandler, id);
    }
}
