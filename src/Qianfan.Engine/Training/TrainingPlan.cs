namespace Qianfan.Engine.Training;

/// <summary>How a training runs.</summary>
/// <param name="TotalSteps">Steps of the whole training.</param>
/// <param name="Schedule">Learning rate of each step.</param>
/// <param name="WeightDecay">Decoupled weight decay.</param>
/// <param name="MaxGradientNorm">Larger gradients are scaled down.</param>
/// <param name="CheckpointSteps">Steps between checkpoints; 0 means every 20 seconds.</param>
/// <param name="ValidationSteps">Steps between validations.</param>
/// <param name="LoggingSteps">Steps between reports.</param>
/// <param name="Seed">Seed of dropout.</param>
/// <param name="Fingerprint">Hash of all that decides the course of the training.</param>
/// <param name="Patience">Validations without a better loss after which training ends; 0 for never.</param>
/// <param name="KeepBest">Whether the weights of the best validation are kept.</param>
/// <param name="PassTokens">Tokens that go through the model at once.</param>
/// <param name="Precision">Number format of the matrix products.</param>
internal sealed record TrainingPlan(int TotalSteps, LearningRateSchedule Schedule, double WeightDecay, double MaxGradientNorm,
    int CheckpointSteps, int ValidationSteps, int LoggingSteps, long Seed, string Fingerprint, int Patience = 0, bool KeepBest = false, int PassTokens = 0, string Precision = TrainingPrecision.Fp32);
