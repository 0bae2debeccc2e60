namespace Qianfan.Engine.Checkpoints;

/// <summary>How a model stretches its rotary positions beyond the context that it was first trained with.</summary>
internal enum RopeKind
{
    None,

    /// <summary>All positions are divided by the factor.</summary>
    Linear,

    /// <summary>Llama 3.1: slow turns are stretched, fast ones stay, with a smooth passage between.</summary>
    Llama3,

    /// <summary>YaRN: the same idea with a straight passage, and sharper attention.</summary>
    Yarn,
}

/// <summary>Rotary scaling as <c>rope_scaling</c> or <c>rope_parameters</c> of a <c>config.json</c> tells it.</summary>
internal sealed record RopeScaling(RopeKind Kind, double Factor)
{
    public static readonly RopeScaling None = new(RopeKind.None, 1);

    /// <summary>Context before the stretching, in tokens.</summary>
    public int OriginalContext { get; init; }

    /// <summary>Llama 3: turns in the original context at and below which a frequency is stretched in full.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>Llama 3: turns in the original context at and above which a frequency stays.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>YaRN: turns in the original context at and above which a frequency stays.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>YaRN: turns in the original context at and below which a frequency is stretched in full.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>YaRN: cosine and sine are multiplied by this; null follows from the factor.</summary>
    public double? AttentionFactor { get; init; }

    /// <summary>What cosine and sine are multiplied by.</summary>
    public double Magnitude => Kind == RopeKind.Yarn ? AttentionFactor ?? (Factor > 1 ? 0.1 * Math.Log(Factor) + 1 : 1) : 1;

    /// <summary>Radians a position turns each pair of a head by.</summary>
    public double[] Frequencies(double theta, int headSize)
    {
        var plain = Enumerable.Range(0, headSize / 2).Select(i => Math.Pow(theta, -2.0 * i / headSize)).ToArray();
        return Kind switch
        {
            RopeKind.None => plain,
            RopeKind.Linear => [.. plain.Select(frequency => frequency / Factor)],
            RopeKind.Llama3 => [.. plain.Select(Llama3)],
            _ => [.. plain.Select((frequency, i) => Yarn(frequency, i, theta, headSize))],
        };
    }

    private double Llama3(double frequency)
    {
        var turns = OriginalContext * frequency / (2 * Math.PI);
        var kept = Math.Clamp((turns - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor), 0, 1);
        return frequency * (kept + (1 - kept) / Factor);
    }

    private double Yarn(double frequency, int pair, double theta, int headSize)
    {
        var low = Math.Max(Math.Floor(PairOf(BetaFast)), 0);
        var high = Math.Min(Math.Ceiling(PairOf(BetaSlow)), headSize - 1);
        var stretched = Math.Clamp((pair - low) / (high == low ? 0.001 : high - low), 0, 1);
        return frequency * (1 - stretched + stretched / Factor);

        // The pair that makes so many turns in the original context.
        double PairOf(double turns) => headSize * Math.Log(OriginalContext / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
    }
}
