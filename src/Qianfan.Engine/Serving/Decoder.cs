using System.Numerics.Tensors;
using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Serving;

/// <summary>A decoder of the Llama kind in managed SIMD code, 32-bit. Several sequences go through it together. One thread at a time.</summary>
internal sealed class Decoder
{
    private readonly ModelShape _shape;
    private readonly Layer[] _layers;
    private readonly float[] _embedding;
    private readonly float[] _norm;
    private readonly float[] _head;
    private readonly RotaryTable _rotary;
    private readonly ParallelOptions _parallel;
    private Buffers _buffers;

    /// <summary>A matrix with the bias that is added to its products, if it has one.</summary>
    private sealed record Linear(float[] Weight, float[]? Bias);

    private sealed record Layer(float[] InputNorm, Linear Query, Linear Key, Linear Value, float[]? QueryNorm, float[]? KeyNorm, Linear Output, float[] PostNorm, Linear Gate, Linear Up, Linear Down);

    /// <summary>Next tokens of one sequence.</summary>
    internal sealed record Segment(KeyValueCache Cache, IReadOnlyList<int> Tokens);

    private sealed class Buffers(ModelShape shape, int tokens)
    {
        public readonly int Tokens = tokens;
        public readonly float[] X = new float[tokens * shape.HiddenSize];
        public readonly float[] Normed = new float[tokens * shape.HiddenSize];
        public readonly float[] Query = new float[tokens * shape.QuerySize];
        public readonly float[] Key = new float[tokens * shape.KeyValueSize];
        public readonly float[] Value = new float[tokens * shape.KeyValueSize];
        public readonly float[] Attended = new float[tokens * shape.QuerySize];
        public readonly float[] Projected = new float[tokens * shape.HiddenSize];
        public readonly float[] Gate = new float[tokens * shape.IntermediateSize];
        public readonly float[] Up = new float[tokens * shape.IntermediateSize];
    }

    /// <param name="shape">Shape of the model.</param>
    /// <param name="weights">Every weight by name; kept, not copied.</param>
    /// <param name="threads">How many threads one operation may use.</param>
    public Decoder(ModelShape shape, IReadOnlyDictionary<string, float[]> weights, int threads)
    {
        _shape = shape;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads };
        _embedding = weights[WeightNames.Embedding];
        _norm = weights[WeightNames.Norm];
        _head = shape.TiedEmbeddings ? _embedding : weights[WeightNames.Head];
        _layers = [.. Enumerable.Range(0, shape.Layers).Select(i => new Layer(weights[WeightNames.InputNorm(i)], Linear(WeightNames.Query(i)), Linear(WeightNames.Key(i)), Linear(WeightNames.Value(i)),
            weights.GetValueOrDefault(WeightNames.QueryNorm(i)), weights.GetValueOrDefault(WeightNames.KeyNorm(i)), Linear(WeightNames.Output(i)),
            weights[WeightNames.PostAttentionNorm(i)], Linear(WeightNames.Gate(i)), Linear(WeightNames.Up(i)), Linear(WeightNames.Down(i))))];
        _rotary = new RotaryTable(shape);
        _buffers = new Buffers(shape, 1);

        Linear Linear(string name) => new(weights[name], weights.GetValueOrDefault(WeightNames.Bias(name)));
    }

    /// <summary>Takes each sequence on by its tokens.</summary>
    /// <returns>Hidden states after the last norm, [tokens of all segments in order, hidden]; valid until the next call.</returns>
    public Span<float> Forward(IReadOnlyList<Segment> segments)
    {
        var tokens = segments.Sum(segment => segment.Tokens.Count);
        if (_buffers.Tokens < tokens)
            _buffers = new Buffers(_shape, tokens);
        var hidden = _shape.HiddenSize;
        var x = _buffers.X.AsSpan(0, tokens * hidden);
        var normed = _buffers.Normed.AsSpan(0, tokens * hidden);
        var row = 0;
        foreach (var segment in segments)
        {
            segment.Cache.Reserve(segment.Tokens.Count);
            _rotary.Reserve(segment.Cache.Length + segment.Tokens.Count);
            foreach (var token in segment.Tokens)
                _embedding.AsSpan(token * hidden, hidden).CopyTo(x[(row++ * hidden)..]);
        }
        for (var layer = 0; layer < _layers.Length; layer++)
        {
            Norm(x, _layers[layer].InputNorm, normed, tokens);
            Attend(layer, segments, tokens);
            Feed(_layers[layer], x, normed, tokens);
        }
        foreach (var segment in segments)
            segment.Cache.Advance(segment.Tokens.Count);
        Norm(x, _norm, normed, tokens);
        return normed;
    }

    /// <summary>Scores of every token of the vocabulary for hidden states [rows, hidden].</summary>
    public void Logits(ReadOnlySpan<float> hidden, int rows, Span<float> logits) =>
        Kernels.Multiply(_head, hidden, logits, rows, _shape.HiddenSize, _shape.VocabularySize, _parallel);

    private void Attend(int index, IReadOnlyList<Segment> segments, int tokens)
    {
        var layer = _layers[index];
        var b = _buffers;
        Multiply(layer.Query, b.Normed, b.Query, tokens, _shape.HiddenSize, _shape.QuerySize);
        Multiply(layer.Key, b.Normed, b.Key, tokens, _shape.HiddenSize, _shape.KeyValueSize);
        Multiply(layer.Value, b.Normed, b.Value, tokens, _shape.HiddenSize, _shape.KeyValueSize);
        var row = 0;
        foreach (var (cache, segmentTokens) in segments)
        {
            var keys = cache.Keys(index);
            var values = cache.Values(index);
            for (var i = 0; i < segmentTokens.Count; i++, row++)
            {
                var position = cache.Length + i;
                var key = b.Key.AsSpan(row * _shape.KeyValueSize, _shape.KeyValueSize);
                NormHeads(key, layer.KeyNorm);
                Rotate(key, position);
                key.CopyTo(keys[(position * _shape.KeyValueSize)..]);
                b.Value.AsSpan(row * _shape.KeyValueSize, _shape.KeyValueSize).CopyTo(values[(position * _shape.KeyValueSize)..]);
                var query = b.Query.AsSpan(row * _shape.QuerySize, _shape.QuerySize);
                NormHeads(query, layer.QueryNorm);
                Rotate(query, position);
                // A sliding window hides what lies further back.
                var first = Math.Max(0, position + 1 - _shape.Window(index));
                Mix(query, keys[(first * _shape.KeyValueSize)..], values[(first * _shape.KeyValueSize)..], position + 1 - first, b.Attended.AsSpan(row * _shape.QuerySize, _shape.QuerySize));
            }
        }
        Multiply(layer.Output, b.Attended, b.Projected, tokens, _shape.QuerySize, _shape.HiddenSize);
        var x = b.X.AsSpan(0, tokens * _shape.HiddenSize);
        TensorPrimitives.Add(x, b.Projected.AsSpan(0, x.Length), x);
    }

    /// <summary>For each head: the values before and at this token, weighted by how well their keys fit the query.</summary>
    private void Mix(ReadOnlySpan<float> query, ReadOnlySpan<float> keys, ReadOnlySpan<float> values, int length, Span<float> result)
    {
        Span<float> scores = length <= 1024 ? stackalloc float[length] : new float[length];
        var size = _shape.HeadSize;
        var scale = 1 / MathF.Sqrt(size);
        for (var head = 0; head < _shape.Heads; head++)
        {
            var q = query.Slice(head * size, size);
            var shared = head / (_shape.Heads / _shape.KeyValueHeads) * size;
            for (var t = 0; t < length; t++)
                scores[t] = TensorPrimitives.Dot(q, keys.Slice(t * _shape.KeyValueSize + shared, size)) * scale;
            Kernels.SoftMax(scores);
            var into = result.Slice(head * size, size);
            into.Clear();
            for (var t = 0; t < length; t++)
                TensorPrimitives.MultiplyAdd(values.Slice(t * _shape.KeyValueSize + shared, size), scores[t], into, into);
        }
    }

    private void Feed(Layer layer, Span<float> x, Span<float> normed, int tokens)
    {
        var b = _buffers;
        Norm(x, layer.PostNorm, normed, tokens);
        Multiply(layer.Gate, b.Normed, b.Gate, tokens, _shape.HiddenSize, _shape.IntermediateSize);
        Multiply(layer.Up, b.Normed, b.Up, tokens, _shape.HiddenSize, _shape.IntermediateSize);
        var gate = b.Gate.AsSpan(0, tokens * _shape.IntermediateSize);
        var up = b.Up.AsSpan(0, gate.Length);
        // gate * sigmoid(gate) * up
        TensorPrimitives.Multiply(up, gate, up);
        TensorPrimitives.Sigmoid(gate, gate);
        TensorPrimitives.Multiply(gate, up, gate);
        Multiply(layer.Down, gate, b.Projected, tokens, _shape.IntermediateSize, _shape.HiddenSize);
        TensorPrimitives.Add(x, b.Projected.AsSpan(0, x.Length), x);
    }

    private void Norm(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<float> y, int tokens)
    {
        for (var row = 0; row < tokens; row++)
            Kernels.Norm(x.Slice(row * _shape.HiddenSize, _shape.HiddenSize), weights, y.Slice(row * _shape.HiddenSize, _shape.HiddenSize), (float)_shape.NormEpsilon);
    }

    private void Multiply(Linear linear, ReadOnlySpan<float> x, Span<float> y, int tokens, int inputs, int outputs)
    {
        Kernels.Multiply(linear.Weight, x, y, tokens, inputs, outputs, _parallel);
        if (linear.Bias is not { } bias)
            return;
        for (var row = 0; row < tokens; row++)
            TensorPrimitives.Add(y.Slice(row * outputs, outputs), bias, y.Slice(row * outputs, outputs));
    }

    private void NormHeads(Span<float> heads, float[]? weights)
    {
        if (weights is null)
            return;
        for (var at = 0; at < heads.Length; at += _shape.HeadSize)
            Kernels.Norm(heads.Slice(at, _shape.HeadSize), weights, heads.Slice(at, _shape.HeadSize), (float)_shape.NormEpsilon);
    }

    private void Rotate(Span<float> heads, int position)
    {
        for (var at = 0; at < heads.Length; at += _shape.HeadSize)
            Kernels.Rotate(heads.Slice(at, _shape.HeadSize), _rotary.Cosine(position), _rotary.Sine(position));
    }
}
