using System.Numerics.Tensors;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving;

/// <summary>Chooses the next token of one sequence.</summary>
internal sealed class Sampler
{
    private readonly SamplingConfig _config;
    private readonly SeededRandom _random;
    private readonly HashSet<int> _seen;

    /// <param name="config">Checked by <see cref="Check"/>.</param>
    /// <param name="prompt">Tokens that the repetition penalty knows from the start.</param>
    public Sampler(SamplingConfig config, IEnumerable<int> prompt)
    {
        _config = config;
        _random = new SeededRandom(config.Seed ?? Random.Shared.NextInt64());
        _seen = [.. prompt];
    }

    /// <summary>What is wrong with a configuration, or null.</summary>
    public static string? Check(SamplingConfig config) => config switch
    {
        { MaxTokens: < 1 } => "max tokens must be at least 1",
        { Temperature: not (>= 0 and <= 100) } => "temperature must be from 0 to 100",
        { TopP: not (> 0 and <= 1) } => "top-p must be above 0 and at most 1",
        { TopK: < 0 } => "top-k must not be negative",
        { RepetitionPenalty: not (>= 0.1 and <= 10) } => "the repetition penalty must be from 0.1 to 10",
        { Stop: null } => "stop must be a list",
        { Stop.Count: > 64 } => $"there are {config.Stop.Count} stop texts; 64 are allowed",
        _ => config.Stop.Any(string.IsNullOrEmpty) ? "a stop text is empty" : config.Stop.Any(text => text.Length > 1000) ? "a stop text is longer than 1000 characters" : null,
    };

    /// <summary>Chooses a token; changes the scores.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: a score is not a number.</exception>
    public int Next(Span<float> logits)
    {
        // One not-a-number among the scores makes their sum one.
        if (!float.IsFinite(TensorPrimitives.Sum(logits)))
            throw new EngineException(WorkerErrors.InvalidModel, "The model's scores are not numbers: its weights are damaged.");
        if (_config.RepetitionPenalty != 1)
        {
            foreach (var token in _seen)
                logits[token] = logits[token] > 0 ? logits[token] / (float)_config.RepetitionPenalty : logits[token] * (float)_config.RepetitionPenalty;
        }
        var chosen = _config.Temperature == 0 ? TensorPrimitives.IndexOfMax(logits) : Draw(logits);
        _seen.Add(chosen);
        return chosen;
    }

    private int Draw(Span<float> logits)
    {
        TensorPrimitives.Divide(logits, (float)_config.Temperature, logits);
        if (_config.TopK == 0 && _config.TopP >= 1)
        {
            Kernels.SoftMax(logits);
            return At(logits, null, logits.Length, 1);
        }
        var order = new int[logits.Length];
        for (var i = 0; i < order.Length; i++)
            order[i] = i;
        var keys = new float[logits.Length];
        TensorPrimitives.Negate(logits, keys);
        keys.AsSpan().Sort(order.AsSpan());
        var count = _config.TopK > 0 ? Math.Min(_config.TopK, order.Length) : order.Length;
        // Probabilities of what top-k left, likeliest first.
        var probabilities = keys.AsSpan(0, count);
        TensorPrimitives.Negate(probabilities, probabilities);
        Kernels.SoftMax(probabilities);
        double total = 0;
        var kept = 0;
        while (kept < count && (kept == 0 || total < _config.TopP))
            total += probabilities[kept++];
        return At(probabilities, order, kept, total);
    }

    private int At(ReadOnlySpan<float> probabilities, int[]? order, int count, double total)
    {
        var left = _random.NextDouble() * total;
        var index = 0;
        while (index < count - 1 && (left -= probabilities[index]) >= 0)
            index++;
        return order is null ? index : order[index];
    }
}
