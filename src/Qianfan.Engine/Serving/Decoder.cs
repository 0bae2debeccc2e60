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
        var (b, hidden) = (_buffers, _shape.HiddenSize);
        var row = 0;
        foreach (var segment in segments)
        {
            segment.Cache.Reserve(segment.Tokens.Count);
            _rotary.Reserve(segment.Cache.Length + segment.Tokens.Count);
            for (var i = 0; i < segment.Tokens.Count; i++, row++)
            {
                _embedding.CopyRow(segment.Tokens[i], b.X.AsSpan(row * hidden, hidden));
                b.Places[row] = (segment.Cache, segment.Cache.Length + i);
            }
        }
        _crew.Each(tokens, token => Norm(token, _layers[0].InputNorm));
        for (var layer = 0; layer < _layers.Length; layer++)
        {
            Attend(layer, segments, tokens);
            Feed(layer, segments, tokens);
        }
        foreach (var segment in segments)
            segment.Cache.Advance(segment.Tokens.Count);
        return b.Normed.AsSpan(0, tokens * hidden);
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
        var (keySize, querySize) = (_shape.KeyValueSize, _shape.QuerySize);
        _crew.Each(tokens, token =>
        {
            var (cache, position) = b.Places[token];
            var key = b.Key.AsSpan(token * keySize, keySize);
            NormHeads(key, layer.KeyNorm);
            Rotate(key, position);
            var (page, at) = (position / Page.Tokens, position % Page.Tokens * keySize);
            key.CopyTo(cache.Keys(index, page)[at..]);
            b.Value.AsSpan(token * keySize, keySize).CopyTo(cache.Values(index, page)[at..]);
            var query = b.Query.AsSpan(token * querySize, querySize);
            NormHeads(query, layer.QueryNorm);
            Rotate(query, position);
        });
        _crew.Run(tokens * _shape.KeyValueHeads, part => Mix(index, part / _shape.KeyValueHeads, part % _shape.KeyValueHeads));
        Multiply(layer.Output, segments, b.Attended, b.Projected, tokens);
        _crew.Each(tokens, token => AddAndNorm(token, layer.PostNorm));
    }

    /// <summary>For each head of a token that reads a key: the values of the tokens before, weighted by how well their keys fit the query.</summary>
    private void Mix(int layer, int token, int keyHead)
    {
        var (cache, position) = _buffers.Places[token];
        // A sliding window hides what lies further back.
        var (first, end) = (Math.Max(0, position + 1 - _shape.Window(layer)), position + 1);
        Span<float> scores = end - first <= 1024 ? stackalloc float[end - first] : new float[end - first];
        var (size, width, heads) = (_shape.HeadSize, _shape.KeyValueSize, _shape.Heads / _shape.KeyValueHeads);
        var scale = 1 / MathF.Sqrt(size);
        for (var head = keyHead * heads; head < (keyHead + 1) * heads; head++)
        {
            var query = _buffers.Query.AsSpan(token * _shape.QuerySize + head * size, size);
            var result = _buffers.Attended.AsSpan(token * _shape.QuerySize + head * size, size);
            for (int at = first, count; at < end; at += count)
            {
                count = Math.Min(end, (at / Page.Tokens + 1) * Page.Tokens) - at;
                Kernels.Scores(query, cache.Keys(layer, at / Page.Tokens)[(at % Page.Tokens * width + keyHead * size)..], width, scale, scores.Slice(at - first, count));
            }
            Kernels.SoftMax(scores);
            result.Clear();
            for (int at = first, count; at < end; at += count)
            {
                count = Math.Min(end, (at / Page.Tokens + 1) * Page.Tokens) - at;
                Kernels.Weigh(scores.Slice(at - first, count), cache.Values(layer, at / Page.Tokens)[(at % Page.Tokens * width + keyHead * size)..], width, result);
            }
        }
    }

    private void Feed(int index, IReadOnlyList<Segment> segments, int tokens)
    {
        var (layer, b, size) = (_layers[index], _buffers, _shape.IntermediateSize);
        Multiply(layer.Gate, segments, b.Normed, b.Gate, tokens);
        Multiply(layer.Up, segments, b.Normed, b.Up, tokens);
        _crew.Each(tokens, token =>
        {
            // gate * sigmoid(gate) * up
            Span<float> gate = b.Gate.AsSpan(token * size, size), up = b.Up.AsSpan(token * size, size);
            TensorPrimitives.Multiply(up, gate, up);
            TensorPrimitives.Sigmoid(gate, gate);
            TensorPrimitives.Multiply(gate, up, gate);
        });
        Multiply(layer.Down, segments, b.Gate, b.Projected, tokens);
        var next = index + 1 < _layers.Length ? _layers[index + 1].InputNorm : _norm;
        _crew.Each(tokens, token => AddAndNorm(token, next));
    }

    /// <summary>What a part of a block has made joins a token's state, which the next part gets normed.</summary>
    private void AddAndNorm(int token, float[] weights)
    {
        var x = _buffers.X.AsSpan(token * _shape.HiddenSize, _shape.HiddenSize);
        TensorPrimitives.Add(x, _buffers.Projected.AsSpan(token * _shape.HiddenSize, _shape.HiddenSize), x);
        Norm(token, weights);
    }

    private void Norm(int token, float[] weights)
    {
        var (at, size) = (token * _shape.HiddenSize, _shape.HiddenSize);
        Kernels.Norm(_buffers.X.AsSpan(at, size), weights, _buffers.Normed.AsSpan(at, size), (float)_shape.NormEpsilon);
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
