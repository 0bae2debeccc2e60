using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Qianfan.Engine.Serving;

/// <summary>The tokens that top-k, top-p and min-p leave, without putting the whole vocabulary in order: only those above a bound are, and the bound is lowered until they are enough.</summary>
internal static class LikelyTokens
{
    /// <summary>How far below the likeliest to look; mostly the first is enough.</summary>
    private static readonly float[] s_bounds = [1f / 16, 1f / 256, 1f / 65536, 0];

    /// <summary>More than sums of the same numbers in another order differ by.</summary>
    private const double Rounding = 1e-9;

    /// <param name="probabilities">Of every token; at least one is above 0.</param>
    /// <param name="topK">Only the k likeliest; 0 is no limit.</param>
    /// <param name="topP">The smallest set that reaches this share of what top-k left; from 1 on it is no limit.</param>
    /// <param name="minP">Only those at least this many times as likely as the likeliest.</param>
    /// <returns>The likeliest first, of equals the earlier; at least one, none of probability 0.</returns>
    public static (int Token, float Probability)[] Of(ReadOnlySpan<float> probabilities, int topK, double topP, double minP)
    {
        var most = TensorPrimitives.Max(probabilities);
        var least = most * minP;
        // Top-p is a share of what top-k left, which min-p has no say in.
        var needed = topK > 0 && topP < 1 ? 0 : least;
        var likely = new List<ulong>();
        foreach (var bound in s_bounds)
        {
            var sum = Above((float)Math.Max(needed, most * bound), probabilities, likely);
            if (most * bound <= needed || (topK > 0 ? likely.Count >= topK : topP < 1 && sum >= topP + Rounding))
                break;
        }
        var keys = CollectionsMarshal.AsSpan(likely);
        keys.Sort();
        if (topK > 0 && topK < keys.Length)
            keys = keys[..topK];
        double whole = 1, total = 0;
        if (topK > 0)
        {
            whole = 0;
            foreach (var key in keys)
                whole += Probability(key);
        }
        var count = 0;
        while (count < keys.Length && (count == 0 || (topP >= 1 || total < topP * whole) && Probability(keys[count]) >= least))
            total += Probability(keys[count++]);
        var found = new (int, float)[count];
        for (var i = 0; i < count; i++)
            found[i] = ((int)(uint)keys[i], Probability(keys[i]));
        return found;
    }

    /// <summary>Finds tokens at least so likely. In order of their keys the likeliest are first, of equals the earlier.</summary>
    private static double Above(float least, ReadOnlySpan<float> probabilities, List<ulong> found)
    {
        found.Clear();
        double sum = 0;
        for (var token = 0; token < probabilities.Length; token++)
        {
            var probability = probabilities[token];
            if (probability < least || probability <= 0)
                continue;
            found.Add((ulong)(uint.MaxValue - BitConverter.SingleToUInt32Bits(probability)) << 32 | (uint)token);
            sum += probability;
        }
        return sum;
    }

    private static float Probability(ulong key) => BitConverter.UInt32BitsToSingle(uint.MaxValue - (uint)(key >> 32));
}
