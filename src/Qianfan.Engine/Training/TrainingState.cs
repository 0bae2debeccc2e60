using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>Where a training stands; all that a checkpoint holds besides weights and moments. The order of the data and the random numbers follow from the step.</summary>
internal sealed record TrainingState
{
    /// <summary>Steps done.</summary>
    public int Step { get; init; }

    /// <summary>Tokens trained on.</summary>
    public long Tokens { get; init; }

    /// <summary>Loss of the last step.</summary>
    public double Loss { get; init; }

    /// <summary>Sum of the losses of this epoch's steps so far.</summary>
    public double EpochLoss { get; init; }

    /// <summary>Steps of this epoch so far.</summary>
    public int EpochSteps { get; init; }

    /// <summary>The newest validation loss.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>The step after which that was taken; -1 before the first.</summary>
    public int ValidatedStep { get; init; } = -1;

    /// <summary>The lowest validation loss so far.</summary>
    public double? BestValidationLoss { get; init; }

    /// <summary>The step that had it.</summary>
    public int BestStep { get; init; }

    /// <summary>Validations since then.</summary>
    public int ValidationsSinceBest { get; init; }

    /// <summary>Tokens that went through the model at once: resuming takes as many, since sums in other parts differ in their last bits.</summary>
    public int PassTokens { get; init; }

    /// <summary>Number format of the matrix products, which a resumed training keeps on whatever machine.</summary>
    public string Precision { get; init; } = TrainingPrecision.Fp32;

    /// <summary>Hash of all that decides the course of the training: a checkpoint of another course is refused.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>What was reported of the newest steps: a platform that died may not have heard it, and is told again.</summary>
    public IReadOnlyList<TrainingProgress> RecentSteps { get; init; } = [];

    /// <inheritdoc cref="RecentSteps"/>
    public IReadOnlyList<ValidationResult> RecentValidations { get; init; } = [];

    public double MeanEpochLoss => EpochSteps > 0 ? EpochLoss / EpochSteps : Loss;
}
