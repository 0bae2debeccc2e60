using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Training;

/// <summary>What is seldom needed about a training: the keyword arguments of the official trainers. Immutable.</summary>
public record TrainerOptions
{
    /// <summary>Id of the pipeline; its actions are called <c>{id}-load</c>, <c>{id}-train</c>, <c>{id}-publish</c>, <c>{id}-deploy</c>. Names on the platform are derived from these, so it must be unique. Random when null.</summary>
    public string? Id { get; init; }

    /// <summary>Wished name of the job.</summary>
    public string? JobName { get; init; }

    /// <summary>Description of the job.</summary>
    public string? JobDescription { get; init; }

    /// <summary>A finished task to go on from (incremental training). One of the same kind lends its job.</summary>
    public string? PreviousTaskId { get; init; }

    /// <summary>A trainer that has finished, in place of a previous task.</summary>
    public Trainer? PreviousTrainer { get; init; }

    /// <summary>A model version (<c>amv-...</c>) whose training is gone on from, in place of a previous task.</summary>
    public string? PreviousModelId { get; init; }

    /// <summary>Percent of the rows held out for validation, 0 to 100 (<c>eval_split_ratio</c>); the train config's when null. Wins over the dataset config's.</summary>
    public double? SplitRatio { get; init; }

    /// <summary>How often rows are taken, 0.01 to 10, of datasets that name no rate of their own.</summary>
    public double? SamplingRate { get; init; }

    /// <summary>Corpora of the platform to mix in; wins over the dataset config's.</summary>
    public CorpusConfig? CorpusConfig { get; init; }

    /// <summary>Further members of the body of <c>CreateFineTuningTask</c>, sent as they are.</summary>
    public JsonObject? TrainExtras { get; init; }

    /// <summary>False: a config outside the limits is sent all the same, and its faults are told in an event.</summary>
    public bool ValidateStrict { get; init; } = true;
}

/// <summary>What is seldom needed about a fine-tuning. Immutable.</summary>
public sealed record LlmFinetuneOptions : TrainerOptions
{
    /// <summary>Wished name of the model.</summary>
    public string? ModelName { get; init; }

    /// <summary>True: ends after training.</summary>
    public bool ModelNotPublish { get; init; }
}
