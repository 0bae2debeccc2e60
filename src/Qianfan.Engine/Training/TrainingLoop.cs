using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>Steps through a training: batch, gradient, optimizer, reports, checkpoints. Used once, by one thread.</summary>
internal sealed class TrainingLoop : IDisposable
{
    private const int StepsRemembered = 256;
    private const int HopelessSteps = 20;
    private const int ValidationsRemembered = 16;
    private static readonly TimeSpan s_checkpointInterval = TimeSpan.FromSeconds(20);
    private readonly LlamaNetwork _network;
    private readonly IBatchSource _source;
    private readonly IReadOnlyList<Batch> _validation;
    private readonly TrainingPlan _plan;
    private readonly CheckpointStore _store;
    private readonly Action<WorkerMessage> _report;
    private readonly TimeProvider _time;
    private readonly AdamW _optimizer;
    private TrainingState _state;
    private readonly Queue<TrainingProgress> _recentSteps;
    private readonly Queue<ValidationResult> _recentValidations;
    private double _tokensPerSecond;
    private double? _firstLoss;
    private int _hopeless;

    /// <summary>Makes the loop ready and brings back the newest checkpoint, if there is one.</summary>
    public TrainingLoop(LlamaNetwork network, IBatchSource source, IReadOnlyList<Batch> validation, TrainingPlan plan, CheckpointStore store,
        Action<WorkerMessage> report, TimeProvider time)
    {
        (_network, _source, _validation, _plan, _store, _report, _time) = (network, source, validation, plan, store, report, time);
        _optimizer = network.Optimizer(plan.WeightDecay, plan.MaxGradientNorm);
        _state = store.Restore(plan.Fingerprint, network.Trained, _optimizer) ?? new TrainingState { Fingerprint = plan.Fingerprint, PassTokens = plan.PassTokens, Precision = plan.Precision };
        (_recentSteps, _recentValidations) = (new(_state.RecentSteps), new(_state.RecentValidations));
    }

    /// <summary>Where the training stands.</summary>
    public TrainingState State => _state;

    /// <summary>Reports again what the checkpoint remembers of the steps before it, in order: whoever has heard it drops it.</summary>
    public void RepeatRecent()
    {
        foreach (var message in _recentSteps.Select(step => (step.Step, Message: (WorkerMessage)step)).Concat(_recentValidations.Select(validation => (validation.Step, Message: (WorkerMessage)validation))).OrderBy(entry => entry.Step))
            _report(message.Message);
    }

    /// <summary>Whether training ends before its last step, since validation got no better.</summary>
    public bool StoppedEarly => _plan.Patience > 0 && _state.ValidationsSinceBest >= _plan.Patience;

    /// <summary>Trains to the end, or until told to stop; either way a checkpoint of the last step is on the disk afterwards.</summary>
    /// <param name="cancellationToken">Stops after the step under way.</param>
    /// <returns>Whether all steps are done.</returns>
    /// <exception cref="EngineException">Code <c>diverged</c>: loss or gradient is not a number or infinite.</exception>
    public bool Run(CancellationToken cancellationToken)
    {
        var fresh = _state.Step == 0;
        ValidateIfDue(cancellationToken);
        var savedStep = fresh ? -1 : _state.Step;
        var savedAt = _time.GetTimestamp();
        while (_state.Step < _plan.TotalSteps && !StoppedEarly && !cancellationToken.IsCancellationRequested)
        {
            if (!Step(cancellationToken))
                break;
            ValidateIfDue(cancellationToken);
            if (_plan.CheckpointSteps > 0 ? _state.Step % _plan.CheckpointSteps == 0 : _time.GetElapsedTime(savedAt) >= s_checkpointInterval)
                Save();
        }
        if (savedStep != _state.Step || cancellationToken.IsCancellationRequested)
            Save();
        return _state.Step == _plan.TotalSteps || StoppedEarly;

        void Save()
        {
            _store.Save(_state with { RecentSteps = [.. _recentSteps], RecentValidations = [.. _recentValidations] }, _network.Trained, _optimizer);
            (savedStep, savedAt) = (_state.Step, _time.GetTimestamp());
            _report(new CheckpointSaved(_state.Step, _state.Loss, _state.ValidationLoss));
        }
    }

    public void Dispose() => _optimizer.Dispose();

    /// <summary>Puts the weights of the best validation in place of the last ones.</summary>
    public void TakeBest()
    {
        if (_state.BestValidationLoss is not null && _state.BestStep != _state.Step)
            _store.RestoreBest(_network.Trained);
    }

    /// <returns>Whether the step was taken; told to stop in the middle of it, nothing has changed.</returns>
    private bool Step(CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var parts = _source.At(_state.Step);
        var learningRate = _plan.Schedule.At(_state.Step);
        var weight = parts.Sum(part => part.TotalWeight);
        var tokens = parts.Sum(part => part.TokenCount);
        double loss = 0;
        for (var part = 0; part < parts.Count; part++)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                _network.ClearGradients();
                return false;
            }
            // Dropout's numbers follow from the step and the part, so that a resumed training draws the same.
            loss += _network.Learn(parts[part], weight, unchecked((_plan.Seed * 1_000_003 + _state.Step) * 1_009 + part));
        }
        var norm = _optimizer.Step(_state.Step + 1, learningRate);
        _network.ClearGradients();
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
        {
            throw new EngineException(WorkerErrors.Diverged,
                $"The loss of step {_state.Step + 1} is {loss}, its gradient's norm {norm}. Lower the learning rate ({learningRate:0.######}) or the gradient norm at which clipping starts.");
        }
        GuardAgainstDivergence(loss);
        var newEpoch = _state.Step % _source.StepsPerEpoch == 0;
        _state = _state with
        {
            Step = _state.Step + 1,
            Tokens = _state.Tokens + tokens,
            Loss = loss,
            EpochLoss = (newEpoch ? 0 : _state.EpochLoss) + loss,
            EpochSteps = (newEpoch ? 0 : _state.EpochSteps) + 1,
        };
        var rate = tokens / Math.Max(1e-6, _time.GetElapsedTime(started).TotalSeconds);
        _tokensPerSecond = _tokensPerSecond == 0 ? rate : 0.9 * _tokensPerSecond + 0.1 * rate;
        if (_state.Step % _plan.LoggingSteps == 0 || _state.Step == _plan.TotalSteps)
        {
            Report(new TrainingProgress(_state.Step, _plan.TotalSteps, (double)_state.Step / _source.StepsPerEpoch, loss, learningRate, norm, _tokensPerSecond, _state.Tokens), _recentSteps, StepsRemembered);
        }
        return true;
    }

    /// <summary>A model that has been worse than blind guessing for long, and far worse than at its start, will not come back.</summary>
    private void GuardAgainstDivergence(double loss)
    {
        _hopeless = loss > 2 * Math.Log(_network.VocabularySize) && loss > 2 * (_firstLoss ??= _recentSteps.TryPeek(out var first) ? first.Loss : loss) ? _hopeless + 1 : 0;
        if (_hopeless >= HopelessSteps)
        {
            throw new EngineException(WorkerErrors.Diverged,
                $"The loss is {loss:0.##} after step {_state.Step + 1}, and has been worse than blind guessing for {HopelessSteps} steps. Lower the learning rate.");
        }
    }

    /// <summary>Validates at the start, at the end and every so many steps; a validation that a stop cut short is made up for after resuming.</summary>
    private void ValidateIfDue(CancellationToken cancellationToken)
    {
        var due = _state.Step == _plan.TotalSteps || _state.Step % _plan.ValidationSteps == 0;
        if (!due || _validation.Count == 0 || _state.ValidatedStep == _state.Step)
            return;
        if (MeanLoss(_network, _validation, cancellationToken) is not { } loss)
            return;
        var better = !(loss >= _state.BestValidationLoss);
        _state = _state with
        {
            ValidationLoss = loss,
            ValidatedStep = _state.Step,
            BestValidationLoss = better ? loss : _state.BestValidationLoss,
            BestStep = better ? _state.Step : _state.BestStep,
            ValidationsSinceBest = better ? 0 : _state.ValidationsSinceBest + 1,
        };
        if (better && _plan.KeepBest)
            _store.SaveBest(_network.Trained);
        Report(new ValidationResult(_state.Step, loss), _recentValidations, ValidationsRemembered);
    }

    private void Report<T>(T message, Queue<T> recent, int remembered) where T : WorkerMessage
    {
        recent.Enqueue(message);
        if (recent.Count > remembered)
            recent.Dequeue();
        _report(message);
    }

    /// <summary>Mean loss over batches, without training; null when told to stop before the last.</summary>
    public static double? MeanLoss(LlamaNetwork network, IReadOnlyList<Batch> batches, CancellationToken cancellationToken)
    {
        double loss = 0, weight = 0;
        foreach (var batch in batches)
        {
            if (cancellationToken.IsCancellationRequested)
                return null;
            loss += network.Loss(batch);
            weight += batch.TotalWeight;
        }
        return loss / weight;
    }
}
