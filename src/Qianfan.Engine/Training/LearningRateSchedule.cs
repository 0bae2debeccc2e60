using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>The learning rate of each step: it grows over the warm-up, then follows a curve to the end.</summary>
internal sealed class LearningRateSchedule
{
    private readonly string _kind;
    private readonly double _peak;
    private readonly int _warmup;
    private readonly int _total;

    /// <param name="kind"><c>cosine</c> or <c>linear</c> (both end at 0), or <c>constant</c>.</param>
    /// <param name="peak">Learning rate after the warm-up.</param>
    /// <param name="totalSteps">Steps of the whole training.</param>
    /// <param name="warmupRatio">Share of the steps over which it grows.</param>
    /// <exception cref="EngineException">Code <c>invalid_argument</c>: no such kind.</exception>
    public LearningRateSchedule(string kind, double peak, int totalSteps, double warmupRatio)
    {
        if (kind is not ("cosine" or "linear" or "constant"))
            throw new EngineException(WorkerErrors.InvalidArgument, $"There is no learning rate schedule {kind}; use cosine, linear or constant.");
        (_kind, _peak, _total) = (kind, peak, totalSteps);
        _warmup = (int)Math.Ceiling(totalSteps * warmupRatio);
    }

    /// <summary>Of a step, counted from 0.</summary>
    public double At(int step)
    {
        if (step < _warmup)
            return _peak * (step + 1) / _warmup;
        var progress = Math.Min(1, (step - _warmup) / (double)Math.Max(1, _total - _warmup));
        return _kind switch
        {
            "cosine" => _peak * 0.5 * (1 + Math.Cos(Math.PI * progress)),
            "linear" => _peak * (1 - progress),
            _ => _peak,
        };
    }
}
