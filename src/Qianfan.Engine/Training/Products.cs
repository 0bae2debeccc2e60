using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>Matrix products of 32-bit tensors. Rounded ones have factors and results in bf16, for processors that multiply those faster; they add up in 32 bits, and what is kept is 32-bit all the same.</summary>
/// <param name="rounded">Whether they are rounded.</param>
internal sealed class Products(bool rounded)
{
    /// <summary>Numbers of a rounded product that are in memory at once, besides the sum that they are added to.</summary>
    private const long AtOnce = 1 << 22;

    /// <summary>In 32 bits throughout.</summary>
    public static readonly Products Exact = new(rounded: false);

    /// <summary>a b.</summary>
    public Tensor Of(Tensor a, Tensor b)
    {
        if (!rounded)
            return a.mm(b);
        using var scope = NewDisposeScope();
        return OfRounded(a, b).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>What was there before, or a bias, and a b.</summary>
    public Tensor AddedTo(Tensor before, Tensor a, Tensor b) => rounded ? Of(a, b).add_(before) : addmm(before, a, b, 1, 1);

    /// <summary>Adds a b to <paramref name="sum"/> times <paramref name="kept"/>, which is 0 or 1.</summary>
    public void AddTo(Tensor sum, Tensor a, Tensor b, float kept)
    {
        if (!rounded)
        {
            sum.addmm_(a, b, kept, 1);
            return;
        }
        using var scope = NewDisposeScope();
        var factor = Factor(b);
        var rows = Math.Max(1, AtOnce / sum.shape[1]);
        for (long start = 0; start < sum.shape[0]; start += rows)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(rows, sum.shape[0] - start);
            var (part, product) = (sum.narrow(0, start, count), OfRounded(a.narrow(0, start, count), factor));
            if (kept == 0)
                part.copy_(product);
            else
                part.add_(product);
        }
    }

    /// <summary>A factor of several products, rounded once.</summary>
    public Tensor Factor(Tensor a) => rounded ? a.to(ScalarType.BFloat16) : a;

    /// <summary>The same of a tensor that is of no other use, and is freed.</summary>
    public Tensor OnlyFactor(Tensor a)
    {
        var factor = Factor(a);
        if (rounded)
            a.Dispose();
        return factor;
    }

    private static Tensor OfRounded(Tensor a, Tensor b) => a.to(ScalarType.BFloat16).mm(b.to(ScalarType.BFloat16));
}
