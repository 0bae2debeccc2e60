using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Serving;

/// <summary>Keys and values of the tokens that one sequence has been through. Grows as the sequence does.</summary>
internal sealed class KeyValueCache
{
    private const int FirstCapacity = 64;
    private readonly ModelShape _shape;
    private readonly int _width;
    private readonly int _most;
    private readonly float[][] _keys;
    private readonly float[][] _values;

    public KeyValueCache(ModelShape shape)
    {
        _shape = shape;
        _width = shape.KeyValueSize;
        _most = shape.ContextLength;
        _keys = new float[shape.Layers][];
        _values = new float[shape.Layers][];
        Array.Fill(_keys, []);
        Array.Fill(_values, []);
    }

    /// <summary>Tokens in the cache.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes in memory.</summary>
    public long Bytes => 2L * _keys.Length * _keys[0].Length * sizeof(float);

    /// <summary>A cache of its own of the first tokens.</summary>
    public KeyValueCache CopyOf(int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, Length);
        var copy = new KeyValueCache(_shape);
        copy.Reserve(tokens);
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            Keys(layer)[..(tokens * _width)].CopyTo(copy.Keys(layer));
            Values(layer)[..(tokens * _width)].CopyTo(copy.Values(layer));
        }
        copy.Advance(tokens);
        return copy;
    }

    public Span<float> Keys(int layer) => _keys[layer];

    public Span<float> Values(int layer) => _values[layer];

    /// <summary>Makes room for more tokens; <see cref="Advance"/> follows when all layers have written theirs.</summary>
    public void Reserve(int tokens)
    {
        var needed = Length + tokens;
        if (needed > _most)
            throw new InvalidOperationException($"A sequence of {needed} tokens does not fit a context of {_most}.");
        if (_keys[0].Length >= needed * _width)
            return;
        var capacity = Math.Min(_most, Math.Max(needed, Math.Max(FirstCapacity, _keys[0].Length / _width * 2)));
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            Array.Resize(ref _keys[layer], capacity * _width);
            Array.Resize(ref _values[layer], capacity * _width);
        }
    }

    public void Advance(int tokens) => Length += tokens;
}
