using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Direct preference optimisation on chosen and rejected answers (template 2002) in one call: load the dataset, train, publish the model, and deploy it when a deploy config is given.</summary>
/// <remarks>Later SDKs: <c>qianfan.trainer.DPO</c>. Baidu's cloud only: our platform does not train so.</remarks>
public sealed class Dpo : Trainer
{
    /// <summary>Creates the trainer for one dataset; no network.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="trainType">Base model, such as <c>ERNIE-Speed</c>; may be null for incremental training.</param>
    /// <param name="dataset">The rows; a dataset that is on the platform.</param>
    /// <param name="trainConfig">How to train; the base model's default when null.</param>
    /// <param name="deployConfig">How to deploy; the model is not deployed when null.</param>
    /// <param name="eventHandler">Hears the events.</param>
    /// <param name="options">What is seldom needed.</param>
    /// <exception cref="InvalidArgumentException">The arguments don't fit together.</exception>
    public Dpo(
        QianfanClient client,
        string? trainType,
        Dataset dataset,
        TrainConfig? trainConfig = null,
        DeployConfig? deployConfig = null,
        IEventHandler? eventHandler = null,
        LlmFinetuneOptions? options = null)
        : this(client, trainType, DatasetConfig.Of(dataset), trainConfig, deployConfig, eventHandler, options)
    {
    }

    /// <summary>Creates the trainer for several datasets, or for paths in object storage; no network.</summary>
    /// <inheritdoc cref="Dpo(QianfanClient, string?, Dataset, TrainConfig?, DeployConfig?, IEventHandler?, LlmFinetuneOptions?)"/>
    public Dpo(
        QianfanClient client,
        string? trainType,
        DatasetConfig dataset,
        TrainConfig? trainConfig = null,
        DeployConfig? deployConfig = null,
        IEventHandler? eventHandler = null,
        LlmFinetuneOptions? options = null)
        : base(TrainerPipelines.Build(
            client, TrainMode.Dpo, trainType, dataset, trainConfig, null, eventHandler, options ?? new LlmFinetuneOptions(),
            id => TrainerPipelines.PublishAndDeploy(client, deployConfig, options ?? new LlmFinetuneOptions(), id)))
    {
    }

    private Dpo(Pipeline[] ppls) : base(ppls)
    {
    }

    /// <summary>The one pipeline.</summary>
    public Pipeline Pipeline => Ppls[0];

    /// <summary>Takes a trainer back from <see cref="Trainer.Dumps"/>, on any machine.</summary>
    /// <inheritdoc cref="LlmFinetune.Loads" path="/param"/>
    /// <inheritdoc cref="LlmFinetune.Loads" path="/exception"/>
    public static Dpo Loads(string json, QianfanClient client, IEventHandler? eventHandler = null) => new(LoadPipelines(json, nameof(Dpo), client, eventHandler));
}
