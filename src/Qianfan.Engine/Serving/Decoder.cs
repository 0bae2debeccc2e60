using System.Numerics.Tensors;
using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Serving;

/// <summary>A decoder of the Llama kind in managed SIMD code. Several sequences go through it together. One thread at a time.</summary>
internal sealed class Decoder
{
    private readonly ModelShape _shape;
    private readonly Layer[] _layers;
    private readonly Matrix _embedding;
    private readonly float[] _norm;
    private readonly Matrix _head;
    private readonly RotaryTable _rotary;
    private readonly Crew _crew;
    private Buffers _buffers;

    /// <summary>A matrix with the bias that is added to its products, if it has one.</summary>
    private sealed record Linear(string Name, Matrix Weight, float[]? Bias);

    private sealed record Layer(float[] InputNorm, Linear Query, Linear Key, Linear Value, float[]? QueryNorm, float[]? KeyNorm, Linear Output, float[] PostNorm, Linear Gate, Linear Up, Linear Down);

    /// <summary>Next tokens of one sequence.</summary>
    /// <param name="Cache">What came before them.</param>
    /// <param name="Tokens">At least one.</param>
    /// <param name="Adapter">What this sequence adds to the weights, or null.</param>
    internal sealed record Segment(KeyValueCache Cache, IReadOnlyList<int> Tokens, ServedAdapter? Adapter = null);

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
        public readonly (KeyValueCache Cache, int Position)[] Places = new (KeyValueCache, int)[tokens];
        public readonly float[] Up = new float[tokens * shape.IntermediateSize];
    }

    /// <param name="shape">Shape of the model.</param>
    /// <param name="weights">Every weight by name; kept, not copied.</param>
    /// <param name="crew">Who takes part in an operation.</param>
    public Decoder(ModelShape shape, ServedWeights weights, Crew crew)
    {
        _shape = shape;
        _crew = crew;
        _embedding = weights.Matrices[WeightNames.Embedding];
        _norm = weights.Vectors[WeightNames.Norm];
        _head = shape.TiedEmbeddings ? _embedding : weights.Matrices[WeightNames.Head];
        _layers = [.. Enumerable.Range(0, shape.Layers).Select(i => new Layer(Vector(WeightNames.InputNorm(i))!, Linear(WeightNames.Query(i)), Linear(WeightNames.Key(i)), Linear(WeightNames.Value(i)),
            Vector(WeightNames.QueryNorm(i)), Vector(WeightNames.KeyNorm(i)), Linear(WeightNames.Output(i)), Vector(WeightNames.PostAttentionNorm(i))!,
            Linear(WeightNames.Gate(i)), Linear(WeightNames.Up(i)), Linear(WeightNames.Down(i))))];
        _rotary = new RotaryTable(shape);
        _buffers = new Buffers(shape, 1);

        float[]? Vector(string name) => weights.Vectors.GetValueOrDefault(name);

        Linear Linear(string name) => new(name, weights.Matrices[name], Vector(WeightNames.Bias(name)));
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
                _embedding.CopyRow(token, x.Slice(row++ * hidden, hidden));
        }
        for (var layer = 0; layer < _layers.Length; layer++)
        {
            Norm(x, _layers[layer].InputNorm, normed, tokens);
            Attend(layer, segments, tokens);
            Feed(_layers[layer], segments, x, normed, tokens);
        }
        foreach (var segment in segments)
            segment.Cache.Advance(segment.Tokens.Count);
        Norm(x, _norm, normed, tokens);
        return normed;
    }

    /// <summary>Scores of every token of the vocabulary for hidden states [rows, hidden].</summary>
    public void Logits(ReadOnlySpan<float> hidden, int rows, Span<float> logits) =>
        _head.Multiply(hidden, logits, rows, _crew);

    private void Attend(int index, IReadOnlyList<Segment> segments, int tokens)
    {
        var layer = _layers[index];
        var b = _buffers;
        Multiply(layer.Query, segments, b.Normed, b.Query, tokens);
        Multiply(layer.Key, segments, b.Normed, b.Key, tokens);
        Multiply(layer.Value, segments, b.Normed, b.Value, tokens);
        var row = 0;
        foreach (var (cache, segmentTokens, _) in segments)
        {
            for (var i = 0; i < segmentTokens.Count; i++, row++)
            {
                var position = cache.Length + i;
                var key = b.Key.AsSpan(row * _shape.KeyValueSize, _shape.KeyValueSize);
                NormHeads(key, layer.KeyNorm);
                Rotate(key, position);
                var (page, at) = (position / Page.Tokens, position % Page.Tokens * _shape.KeyValueSize);
                key.CopyTo(cache.Keys(index, page)[at..]);
                b.Value.AsSpan(row * _shape.KeyValueSize, _shape.KeyValueSize).CopyTo(cache.Values(index, page)[at..]);
                b.Places[row] = (cache, position);
            }
        }
        _crew.Run(tokens, token =>
        {
            var (cache, position) = b.Places[token];
            var query = b.Query.AsSpan(token * _shape.QuerySize, _shape.QuerySize);
            NormHeads(query, layer.QueryNorm);
            Rotate(query, position);
            // A sliding window hides what lies further back.
            var first = Math.Max(0, position + 1 - _shape.Window(index));
            Mix(query, cache, index, first, position + 1, b.Attended.AsSpan(token * _shape.QuerySize, _shape.QuerySize));
        });
        Multiply(layer.Output, segments, b.Attended, b.Projected, tokens);
        var x = b.X.AsSpan(0, tokens * _shape.HiddenSize);
        TensorPrimitives.Add(x, b.Projected.AsSpan(0, x.Length), x);
    }

    /// <summary>For each head: the values of the tokens from first to before end, weighted by how well their keys fit the query.</summary>
    private void Mix(ReadOnlySpan<float> query, KeyValueCache cache, int layer, int first, int end, Span<float> result)
    {
        var length = end - first;
        Span<float> scores = length <= 1024 ? stackalloc float[length] : new float[length];
        var (size, width) = (_shape.HeadSize, _shape.KeyValueSize);
        var scale = 1 / MathF.Sqrt(size);
        result.Clear();
        for (var head = 0; head < _shape.Heads; head++)
        {
            var q = query.Slice(head * size, size);
            var shared = head / (_shape.Heads / _shape.KeyValueHeads) * size;
            for (int at = first, count; at < end; at += count)
            {
                count = Math.Min(end, (at / Page.Tokens + 1) * Page.Tokens) - at;
                Kernels.Scores(q, cache.Keys(layer, at / Page.Tokens)[(at % Page.Tokens * width + shared)..], width, scale, scores.Slice(at - first, count));
            }
            Kernels.SoftMax(scores);
            for (int at = first, count; at < end; at += count)
            {
                count = Math.Min(end, (at / Page.Tokens + 1) * Page.Tokens) - at;
                Kernels.Weigh(scores.Slice(at - first, count), cache.Values(layer, at / Page.Tokens)[(at % Page.Tokens * width + shared)..], width, result.Slice(head * size, size));
            }
        }
    }

    private void Feed(Layer layer, IReadOnlyList<Segment> segments, Span<float> x, Span<float> normed, int tokens)
    {
        var b = _buffers;
        Norm(x, layer.PostNorm, normed, tokens);
        Multiply(layer.Gate, segments, b.Normed, b.Gate, tokens);
        Multiply(layer.Up, segments, b.Normed, b.Up, tokens);
        var gate = b.Gate.AsSpan(0, tokens * _shape.IntermediateSize);
        var up = b.Up.AsSpan(0, gate.Length);
        // gate * sigmoid(gate) * up
        TensorPrimitives.Multiply(up, gate, up);
        TensorPrimitives.Sigmoid(gate, gate);
        TensorPrimitives.Multiply(gate, up, gate);
        Multiply(layer.Down, segments, gate, b.Projected, tokens);
        TensorPrimitives.Add(x, b.Projected.AsSpan(0, x.Length), x);
    }

    private void Norm(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, Span<float> y, int tokens)
    {
        for (var row = 0; row < tokens; row++)
            Kernels.Norm(x.Slice(row * _shape.HiddenSize, _shape.HiddenSize), weights, y.Slice(row * _shape.HiddenSize, _shape.HiddenSize), (float)_shape.NormEpsilon);
    }

    private void Multiply(Linear linear, IReadOnlyList<Segment> segments, ReadOnlySpan<float> x, Span<float> y, int tokens)
    {
        var (inputs, outputs) = (linear.Weight.Inputs, linear.Weight.Outputs);
        linear.Weight.Multiply(x, y, tokens, _crew);
        if (linear.Bias is { } bias)
        {
            for (var row = 0; row < tokens; row++)
                TensorPrimitives.Add(y.Slice(row * outputs, outputs), bias, y.Slice(row * outputs, outputs));
        }
        var start = 0;
        foreach (var segment in segments)
        {
            segment.Adapter?.AddTo(linear.Name, x[(start * inputs)..], y[(start * outputs)..], segment.Tokens.Count, _crew);
            start += segment.Tokens.Count;
        }
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
