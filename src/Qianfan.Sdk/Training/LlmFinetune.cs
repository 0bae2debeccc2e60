using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Supervised fine-tuning in one call: load the dataset, train, publish the model, and deploy it when a deploy config is given.</summary>
/// <remarks>Seed: <c>qianfan.trainer.finetune.LLMFinetune</c>; <c>Finetune</c> in later versions.</remarks>
public sealed class LlmFinetune : Trainer
{
    /// <summary>Creates the trainer for one dataset; no network.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="trainType">Base model, such as <c>ERNIE-Speed</c> or <c>qianfan-tiny</c>; may be null for incremental training.</param>
    /// <param name="dataset">The rows.</param>
    /// <param name="trainConfig">How to train; the base model's default when null.</param>
    /// <param name="deployConfig">How to deploy; the model is not deployed when null.</param>
    /// <param name="eventHandler">Hears the events.</param>
    /// <param name="baseModel">Family of the base model; for information, but for V1 with a base model that the seed doesn't know.</param>
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
        : this(client, trainType, DatasetConfig.Of(dataset), trainConfig, deployConfig, eventHandler, baseModel, options)
    {
    }

    /// <summary>Creates the trainer for several datasets, or for paths in object storage; no network.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="trainType">Base model; may be null for incremental training.</param>
    /// <param name="dataset">What to train on.</param>
    /// <param name="trainConfig">How to train; the base model's default when null.</param>
    /// <param name="deployConfig">How to deploy; the model is not deployed when null.</param>
    /// <param name="eventHandler">Hears the events.</param>
    /// <param name="baseModel">Family of the base model.</param>
    /// <param name="options">What is seldom needed.</param>
    /// <exception cref="InvalidArgumentException">The arguments don't fit together.</exception>
    public LlmFinetune(
        QianfanClient client,
        string? trainType,
        DatasetConfig dataset,
        TrainConfig? trainConfig = null,
        DeployConfig? deployConfig = null,
        IEventHandler? eventHandler = null,
        string? baseModel = null,
        LlmFinetuneOptions? options = null)
        : base(TrainerPipelines.Build(
            client, TrainMode.Sft, trainType, dataset, trainConfig, baseModel, eventHandler, options ?? new LlmFinetuneOptions(),
            id => TrainerPipelines.PublishAndDeploy(client, deployConfig, options ?? new LlmFinetuneOptions(), id)))
    {
    }

    private LlmFinetune(Pipeline[] ppls) : base(ppls)
    {
    }

    /// <summary>The one pipeline.</summary>
    public Pipeline Pipeline => Ppls[0];

    /// <summary>Takes a trainer back from <see cref="Trainer.Dumps"/>, on any machine.</summary>
    /// <param name="json">What Dumps gave.</param>
    /// <param name="client">The way to the platform.</param>
    /// <param name="eventHandler">Hears the events from now on.</param>
    /// <exception cref="InvalidArgumentException">The text is no state of this trainer, or of another version.</exception>
    public static LlmFinetune Loads(string json, QianfanClient client, IEventHandler? eventHandler = null) => new(LoadPipelines(json, nameof(LlmFinetune), client, eventHandler));
}
