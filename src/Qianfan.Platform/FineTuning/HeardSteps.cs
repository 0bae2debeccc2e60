using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>Tells which of the lines that a resumed worker repeats are stored already. For one worker's life.</summary>
internal sealed class HeardSteps(TaskStore store, int taskId)
{
    private int _metric = -1;
    private int _validation = -1;

    /// <summary>Takes out of a burst what is stored already.</summary>
    public async Task DropRepeatedAsync(List<WorkerMessage> burst)
    {
        if (burst.OfType<TrainingStarted>().LastOrDefault() is { } started)
        {
            // What lies past the step that it begins from is about to be superseded.
            _metric = Math.Min(started.FromStep, await store.LastStepAsync(taskId, FineTuningTaskEventKinds.Metric, CancellationToken.None));
            _validation = Math.Min(started.FromStep, await store.LastStepAsync(taskId, FineTuningTaskEventKinds.Validation, CancellationToken.None));
        }

        burst.RemoveAll(message => message switch
        {
            TrainingProgress progress => progress.Step <= _metric,
            ValidationResult validation => validation.Step <= _validation,
            _ => false,
        });
        _metric = Math.Max(_metric, burst.OfType<TrainingProgress>().Select(progress => progress.Step).DefaultIfEmpty(_metric).Max());
        _validation = Math.Max(_validation, burst.OfType<ValidationResult>().Select(validation => validation.Step).DefaultIfEmpty(_validation).Max());
    }
}
