using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Training;

/// <summary>Low-rank corrections of linear layers of a model's blocks: how they begin, and how they count. The layers hold the tensors.</summary>
internal sealed class LoraAdapters
{
    private readonly Dictionary<string, (float[] A, float[] B)> _pairs = new(StringComparer.Ordinal);

    /// <param name="shape">The model that is adapted.</param>
    /// <param name="rank">Rank of the corrections.</param>
    /// <param name="alpha">The correction is scaled by alpha / rank.</param>
    /// <param name="dropout">Share of a layer's inputs that the correction doesn't see in a step.</param>
    /// <param name="initial">Values by PEFT name to go on from, or null for new ones: then the model's answers don't change at first.</param>
    /// <param name="seed">Seed of new values.</param>
    /// <param name="modules">Names of the layers that are adapted; null for all.</param>
    public LoraAdapters(ModelShape shape, int rank, double alpha, double dropout, IReadOnlyDictionary<string, float[]>? initial, long seed, IReadOnlyList<string>? modules = null)
    {
        (Rank, Scale, Dropout) = (rank, alpha / rank, dropout);
        var random = new SeededRandom(seed, -1);
        foreach (var (name, outputs, inputs) in shape.Adapted(modules))
        {
            var bound = 1 / Math.Sqrt(inputs);
            var a = initial?[WeightNames.LoraA(name)] ?? [.. Enumerable.Range(0, rank * inputs).Select(_ => (float)((random.NextDouble() * 2 - 1) * bound))];
            _pairs[name] = (a, initial?[WeightNames.LoraB(name)] ?? new float[outputs * rank]);
        }
    }

    public int Rank { get; }

    public double Scale { get; }

    public double Dropout { get; }

    /// <summary>How the correction of a layer begins; null if it has none.</summary>
    public (float[] A, float[] B)? Of(string name) => _pairs.TryGetValue(name, out var pair) ? pair : null;
}
