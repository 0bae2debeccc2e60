using Qianfan.Engine.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>A low-rank correction of linear layers of a model's blocks. Owns its tensors.</summary>
internal sealed class LoraAdapters : IDisposable
{
    private readonly Dictionary<string, (Tensor A, Tensor B)> _pairs = new(StringComparer.Ordinal);
    private readonly List<KeyValuePair<string, Tensor>> _trained = [];
    private readonly double _scale;
    private readonly double _dropout;

    /// <param name="shape">The model that is adapted.</param>
    /// <param name="rank">Rank of the corrections.</param>
    /// <param name="alpha">The correction is scaled by alpha / rank.</param>
    /// <param name="dropout">Share of a layer's inputs that the correction doesn't see in a step.</param>
    /// <param name="initial">Values by PEFT name to go on from, or null for new ones: then the model's answers don't change at first.</param>
    /// <param name="seed">Seed of new values.</param>
    /// <param name="modules">Names of the layers that are adapted; null for all.</param>
    public LoraAdapters(ModelShape shape, int rank, double alpha, double dropout, IReadOnlyDictionary<string, float[]>? initial, long seed, IReadOnlyList<string>? modules = null)
    {
        _scale = alpha / rank;
        _dropout = dropout;
        var random = new SeededRandom(seed, -1);
        foreach (var (name, outputs, inputs) in shape.Adapted(modules))
        {
            var bound = 1 / Math.Sqrt(inputs);
            var a = initial?[WeightNames.LoraA(name)] ?? [.. Enumerable.Range(0, rank * inputs).Select(_ => (float)((random.NextDouble() * 2 - 1) * bound))];
            var b = initial?[WeightNames.LoraB(name)] ?? new float[outputs * rank];
            var pair = (Tensors.Create(a, [rank, inputs], trained: true), Tensors.Create(b, [outputs, rank], trained: true));
            _pairs[name] = pair;
            _trained.Add(KeyValuePair.Create(WeightNames.LoraA(name), pair.Item1));
            _trained.Add(KeyValuePair.Create(WeightNames.LoraB(name), pair.Item2));
        }
    }

    public IReadOnlyList<KeyValuePair<string, Tensor>> Trained => _trained;

    /// <summary>The output of a layer with its correction.</summary>
    public Tensor Add(string name, Tensor input, Tensor output, bool training)
    {
        if (!_pairs.TryGetValue(name, out var pair))
            return output;
        var seen = training && _dropout > 0 ? nn.functional.dropout(input, _dropout, training: true) : input;
        return output.add(nn.functional.linear(nn.functional.linear(seen, pair.A), pair.B), alpha: _scale);
    }

    public void Dispose()
    {
        foreach (var (a, b) in _pairs.Values)
        {
            a.Dispose();
            b.Dispose();
        }
    }
}
