using System.Numerics.Tensors;
using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Serving;

/// <summary>A LoRA adapter beside a model that others use too: its products are added to those of the weights it corrects. Immutable, so thread-safe.</summary>
internal sealed class ServedAdapter
{
    private readonly Dictionary<string, (Matrix Down, Matrix Up)> _parts = new(StringComparer.Ordinal);

    public ServedAdapter(PeftAdapter adapter, ModelShape shape)
    {
        foreach (var (name, outputs, inputs) in Enumerable.Range(0, shape.Layers).SelectMany(shape.Linears))
        {
            if (!adapter.Values.TryGetValue(WeightNames.LoraA(name), out var down) || !adapter.Values.TryGetValue(WeightNames.LoraB(name), out var up))
                continue;
            var scaled = new float[up.Length];
            TensorPrimitives.Multiply(up, (float)adapter.Scale, scaled);
            _parts[name] = (new Float32Matrix(down, adapter.Rank, inputs), new Float32Matrix(scaled, outputs, adapter.Rank));
        }
    }

    public long Bytes => _parts.Values.Sum(part => part.Down.Bytes + part.Up.Bytes);

    /// <summary>Adds the adapter's product to y [tokens, outputs], if it corrects this weight.</summary>
    public void AddTo(string weight, ReadOnlySpan<float> x, Span<float> y, int tokens, Crew crew)
    {
        if (!_parts.TryGetValue(weight, out var part))
            return;
        var inner = new float[tokens * part.Down.Outputs];
        part.Down.Multiply(x, inner, tokens, crew);
        var outer = new float[tokens * part.Up.Outputs];
        part.Up.Multiply(inner, outer, tokens, crew);
        TensorPrimitives.Add(y[..outer.Length], outer, y);
    }
}
