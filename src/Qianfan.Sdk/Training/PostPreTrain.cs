using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Continued pre-training on generic text (template 40100) in one call: load the dataset and train. What it trains is fine-tuned on (<see cref="TrainerOptions.PreviousTrainer"/>), or published by <see cref="ModelPublishAction"/>.</summary>
/// <remarks>Later SDKs: <c>qianfan.trainer.PostPreTrain</c>.</remarks>
public sealed class PostPreTrain : Trainer
{
    /// <summary>Creates the trainer for one dataset; no network.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="trainType">Base model, such as <c>ERNIE-Speed</c>; may be null for incremental training.</param>
    /// <param name="dataset">The text: a dataset that is on the platform; with our own platform also a file, <c>Dataset.FromFile(path, kind: DatasetKind.Text)</c>.</param>
    /// <param name="trainConfig">How to train; the base model's default when null.</param>
    /// <param name="eventHandler">Hears the events.</param>
    /// <param name="options">What is seldom needed.</param>
    /// <exception cref="InvalidArgumentException">The arguments don't fit together.</exception>
    public PostPreTrain(QianfanClient client, string? trainType, Dataset dataset, TrainConfig? trainConfig = null, IEventHandler? eventHandler = null, TrainerOptions? options = null)
        : this(client, trainType, DatasetConfig.Of(dataset), trainConfig, eventHandler, options)
    {
    }

    /// <summary>Creates the trainer for several datasets, or for paths in object storage; no network.</summary>
    /// <inheritdoc cref="PostPreTrain(QianfanClient, string?, Dataset, TrainConfig?, IEventHandler?, TrainerOptions?)"/>
    public PostPreTrain(QianfanClient client, string? trainType, DatasetConfig dataset, TrainConfig? trainConfig = null, IEventHandler? eventHandler = null, TrainerOptions? options = null)
        : base(TrainerPipelines.Build(client, TrainMode.PostPretrain, trainType, dataset, trainConfig, null, eventHandler, options ?? new TrainerOptions(), _ => []))
    {
    }

    private PostPreTrain(Pipeline[] ppls) : base(ppls)
    {
    }

    /// <summary>The one pipeline.</summary>
    public Pipeline Pipeline => Ppls[0];

    /// <summary>Takes a trainer back from <see cref="Trainer.Dumps"/>, on any machine.</summary>
    /// <inheritdoc cref="LlmFinetune.Loads" path="/param"/>
    /// <inheritdoc cref="LlmFinetune.Loads" path="/exception"/>
    public static PostPreTrain Loads(string json, QianfanClient client, IEventHandler? eventHandler = null) => new(LoadPipelines(json, nameof(PostPreTrain), client, eventHandler));
}
