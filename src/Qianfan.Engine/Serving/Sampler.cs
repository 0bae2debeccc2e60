using System.Numerics.Tensors;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving;

/// <summary>Chooses the next token of one sequence.</summary>
internal sealed class Sampler
{
    private const int MostAlternatives = 20;
    private const int MostBiases = 1024;
    private readonly SamplingConfig _config;
    private readonly SeededRandom _random;
    private readonly HashSet<int> _seen;
    private readonly Dictionary<int, int> _generated = [];

    /// <param name="config">Checked by <see cref="Check"/>.</param>
    /// <param name="prompt">Tokens that the repetition penalty knows from the start.</param>
    public Sampler(SamplingConfig config, IEnumerable<int> prompt)
    {
        _config = config;
        _random = new SeededRandom(config.Seed ?? Random.Shared.NextInt64());
        _seen = [.. prompt];
    }

    /// <summary>Takes tokens out of the choice, by scores of negative infinity.</summary>
    internal delegate void Restriction(Span<float> logits);

    /// <summary>What is wrong with a configuration, by the name of its field; or null.</summary>
    public static string? Check(SamplingConfig config) => config switch
    {
        { MaxTokens: < 1 } => "maxTokens must be at least 1",
        { Temperature: not (>= 0 and <= 100) } => "temperature must be from 0 to 100",
        { TopP: not (> 0 and <= 1) } => "topP must be above 0 and at most 1",
        { TopK: < 0 } => "topK must not be negative",
        { MinP: not (>= 0 and <= 1) } => "minP must be from 0 to 1",
        { RepetitionPenalty: not (>= 0.1 and <= 10) } => "repetitionPenalty must be from 0.1 to 10",
        { FrequencyPenalty: not (>= -2 and <= 2) } => "frequencyPenalty must be from -2 to 2",
        { PresencePenalty: not (>= -2 and <= 2) } => "presencePenalty must be from -2 to 2",
        { Logprobs: < 0 or > MostAlternatives } => $"logprobs must be from 0 to {MostAlternatives}",
        { LogitBias.Count: > MostBiases } => $"logitBias has {config.LogitBias.Count} tokens; {MostBiases} are allowed",
        { ResponseFormat: not (null or "text" or "json_object" or "json_schema") } => "responseFormat must be text, json_object or json_schema",
        { ResponseFormat: "json_schema", JsonSchema: null } => "jsonSchema is missing",
        { ResponseFormat: not "json_schema", JsonSchema: not null } => "jsonSchema needs the responseFormat json_schema",
        { Stop: null } => "stop must be a list",
        { Stop.Count: > 64 } => $"stop has {config.Stop.Count} stop texts; 64 are allowed",
        _ when config.LogitBias?.Values.Any(bias => bias is not (>= -100 and <= 100)) == true => "logitBias must be from -100 to 100",
        _ => config.Stop.Any(string.IsNullOrEmpty) ? "stop has an empty text" : config.Stop.Any(text => text.Length > 1000) ? "stop has a text of more than 1000 characters" : null,
    };

    /// <summary>The model's own probabilities at the last choice, before settings changed them; null unless asked for.</summary>
    public TokenProbabilities? Probabilities { get; private set; }

    /// <summary>Chooses a token; changes the scores.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: a score is not a number.</exception>
    public int Next(Span<float> logits, Restriction? restrict = null)
    {
        // One not-a-number among the scores makes their sum one.
        if (!float.IsFinite(TensorPrimitives.Sum(logits)))
            throw new EngineException(WorkerErrors.InvalidModel, "The model's scores are not numbers: its weights are damaged.");
        var raw = _config.Logprobs is null ? null : logits.ToArray();
        if (_config.RepetitionPenalty != 1)
        {
            foreach (var token in _seen)
                logits[token] = logits[token] > 0 ? logits[token] / (float)_config.RepetitionPenalty : logits[token] * (float)_config.RepetitionPenalty;
        }
        foreach (var (token, times) in _generated)
            logits[token] -= (float)(_config.FrequencyPenalty * times + _config.PresencePenalty);
        if (_config.LogitBias is { } biases)
        {
            foreach (var (token, bias) in biases)
                logits[token] += (float)bias;
        }
        restrict?.Invoke(logits);
        var chosen = _config.Temperature == 0 ? TensorPrimitives.IndexOfMax(logits) : Draw(logits);
        _seen.Add(chosen);
        if (_config.FrequencyPenalty != 0 || _config.PresencePenalty != 0)
            _generated[chosen] = _generated.GetValueOrDefault(chosen) + 1;
        if (raw is not null)
            Probabilities = TokenProbabilities.Of(raw, chosen, _config.Logprobs!.Value);
        return chosen;
    }

    private int Draw(Span<float> logits)
    {
        TensorPrimitives.Divide(logits, (float)_config.Temperature, logits);
        Kernels.SoftMax(logits);
        if (_config.TopK == 0 && _config.TopP >= 1 && _config.MinP == 0)
            return At(logits);
        var likely = LikelyTokens.Of(logits, _config.TopK, _config.TopP, _config.MinP);
        double total = 0;
        foreach (var (_, probability) in likely)
            total += probability;
        var left = _random.NextDouble() * total;
        foreach (var (token, probability) in likely)
        {
            if ((left -= probability) < 0)
                return token;
        }
        return likely[^1].Token;
    }

    private int At(ReadOnlySpan<float> probabilities)
    {
        var left = _random.NextDouble();
        var found = 0;
        for (var token = 0; token < probabilities.Length; token++)
        {
            // What is ruled out is never drawn, however the sums are rounded.
            if (probabilities[token] <= 0)
                continue;
            found = token;
            if ((left -= probabilities[token]) < 0)
                break;
        }
        return found;
    }
}
