using Qianfan.Engine.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Qianfan.Engine.Training;

/// <summary>A decoder of the Llama kind in TorchSharp, for training. Owns its tensors. One thread at a time.</summary>
internal sealed class LlamaNetwork : IDisposable
{
    private readonly ModelShape _shape;
    private readonly Dictionary<string, Tensor> _weights = new(StringComparer.Ordinal);
    private readonly RotaryTable _table;
    private Tensor? _cosine;
    private Tensor? _sine;
    private readonly LoraAdapters? _adapters;

    /// <param name="shape">Shape of the model.</param>
    /// <param name="weights">Values of every weight, by name.</param>
    /// <param name="adapters">Trained in place of the weights, when given; disposed with the network.</param>
    public LlamaNetwork(ModelShape shape, IReadOnlyDictionary<string, float[]> weights, LoraAdapters? adapters = null)
    {
        _shape = shape;
        _adapters = adapters;
        foreach (var (name, size) in shape.Weights())
            _weights[name] = Tensors.Create(weights[name], size, trained: adapters is null);
        _table = new RotaryTable(shape);
    }

    public int VocabularySize => _shape.VocabularySize;

    /// <summary>What training changes, by name, in a fixed order.</summary>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Trained =>
        _adapters is null ? [.. _shape.Weights().Select(weight => KeyValuePair.Create(weight.Name, _weights[weight.Name]))] : _adapters.Trained;

    /// <summary>A weight's values at this moment.</summary>
    public Span<float> Values(string name) => Tensors.Values(_weights[name]);

    /// <summary>Hidden states after the last norm, flattened to [rows x length, hidden].</summary>
    /// <param name="tokens">[rows, length]; rows are padded at the right, where causal attention never looks.</param>
    /// <param name="training">Whether dropout applies.</param>
    /// <param name="packed">The batch, if its rows share sequences.</param>
    public Tensor Hidden(Tensor tokens, bool training, Batch? packed = null)
    {
        var (rows, length) = (tokens.shape[0], tokens.shape[1]);
        var (cosine, sine) = Angles((int)(packed?.Places?.Max() + 1 ?? length));
        if (packed?.Places is { } places)
        {
            var at = tensor(places, ScalarType.Int64);
            (cosine, sine) = (cosine.index_select(0, at).view(rows, 1, length, -1), sine.index_select(0, at).view(rows, 1, length, -1));
        }
        var own = packed?.Owners is { } owners ? Own(tensor(owners, [rows, length], ScalarType.Int32), length) : null;
        var x = _weights[WeightNames.Embedding].index_select(0, tokens.view(-1)).view(rows, length, _shape.HiddenSize);
        for (var layer = 0; layer < _shape.Layers; layer++)
        {
            var normed = Norm(x, WeightNames.InputNorm(layer));
            var query = Heads(Linear(normed, WeightNames.Query(layer), training), rows, length, _shape.Heads);
            var key = Heads(Linear(normed, WeightNames.Key(layer), training), rows, length, _shape.KeyValueHeads);
            if (_shape.QueryKeyNorm)
                (query, key) = (Norm(query, WeightNames.QueryNorm(layer)), Norm(key, WeightNames.KeyNorm(layer)));
            (query, key) = (Rotate(query, cosine, sine), Rotate(key, cosine, sine));
            var value = Heads(Linear(normed, WeightNames.Value(layer), training), rows, length, _shape.KeyValueHeads);
            // The parameter is misspelt in TorchSharp.
            var mask = _shape.Window(layer) >= length ? own : own is null ? Window(length, _shape.Window(layer)) : own.logical_and(Window(length, _shape.Window(layer)));
            var attended = nn.functional.scaled_dot_product_attention(query, Repeat(key), Repeat(value), attn_mask: mask, is_casual: mask is null);
            x = x + Linear(attended.transpose(1, 2).reshape(rows, length, _shape.QuerySize), WeightNames.Output(layer), training);
            normed = Norm(x, WeightNames.PostAttentionNorm(layer));
            var gated = nn.functional.silu(Linear(normed, WeightNames.Gate(layer), training)) * Linear(normed, WeightNames.Up(layer), training);
            x = x + Linear(gated, WeightNames.Down(layer), training);
        }
        return Norm(x, WeightNames.Norm).reshape(rows * length, _shape.HiddenSize);
    }

    /// <summary>Scores of every token of the vocabulary, [n, vocabulary], for hidden states [n, hidden].</summary>
    public Tensor Logits(Tensor hidden) =>
        nn.functional.linear(hidden, _weights[_shape.TiedEmbeddings ? WeightNames.Embedding : WeightNames.Head]);

    /// <summary>Weighted cross-entropy of a batch, divided by the weight of the whole step, for the gradient and as a number. Only positions that are learnt go through the output layer.</summary>
    /// <remarks>The number is summed here, in order: libtorch's sums differ in the last bit with where a tensor happens to lie in memory.</remarks>
    public (Tensor Share, double Value) Loss(Batch batch, double totalWeight, bool training)
    {
        var tokens = tensor(batch.Tokens, [batch.Rows, batch.Length], ScalarType.Int64);
        var hidden = Hidden(tokens, training, batch.Owners is null ? null : batch).index_select(0, tensor(batch.Positions, ScalarType.Int64));
        var losses = nn.functional.cross_entropy(Logits(hidden), tensor(batch.Targets, ScalarType.Int64), reduction: nn.Reduction.None);
        double sum = 0;
        var values = Tensors.Values(losses);
        for (var i = 0; i < values.Length; i++)
            sum += (double)values[i] * batch.Weights[i];
        return (losses.dot(tensor(batch.Weights, ScalarType.Float32)) / totalWeight, sum / totalWeight);
    }

    public void Dispose()
    {
        foreach (var weight in _weights.Values)
            weight.Dispose();
        _cosine?.Dispose();
        _sine?.Dispose();
        _adapters?.Dispose();
    }

    private Tensor Linear(Tensor x, string name, bool training)
    {
        var y = nn.functional.linear(x, _weights[name], _weights.GetValueOrDefault(WeightNames.Bias(name)));
        return _adapters is null ? y : _adapters.Add(name, x, y, training);
    }

    /// <summary>Cosine and sine of the first positions, [length, head]. The halves change places in <see cref="Rotate"/>, and the first of them its sign.</summary>
    private (Tensor Cosine, Tensor Sine) Angles(int length)
    {
        if (_cosine is null || _sine is null || _cosine.shape[0] < length)
        {
            _table.Reserve(length);
            var (half, size) = (_table.Half, _shape.HeadSize);
            var cosine = new float[_table.Length * size];
            var sine = new float[cosine.Length];
            for (var position = 0; position < _table.Length; position++)
            {
                _table.Cosine(position).CopyTo(cosine.AsSpan(position * size));
                _table.Cosine(position).CopyTo(cosine.AsSpan(position * size + half));
                _table.Sine(position).CopyTo(sine.AsSpan(position * size + half));
                TensorPrimitives.Negate(_table.Sine(position), sine.AsSpan(position * size, half));
            }
            _cosine?.Dispose();
            _sine?.Dispose();
            _cosine = Tensors.Create(cosine, [_table.Length, size], trained: false);
            _sine = Tensors.Create(sine, [_table.Length, size], trained: false);
        }
        return (_cosine.narrow(0, 0, length), _sine.narrow(0, 0, length));
    }

    /// <summary>Which tokens each token sees: itself and those before it, as far as the window goes.</summary>
    private static Tensor Window(long length, int window) => ones([length, length], ScalarType.Bool).tril().logical_and(ones([length, length], ScalarType.Bool).triu(1 - window));

    /// <summary>Tokens of the same row, up to each token itself.</summary>
    private static Tensor Own(Tensor owners, long length) =>
        owners.unsqueeze(2).eq(owners.unsqueeze(1)).logical_and(ones([length, length], ScalarType.Bool).tril()).unsqueeze(1);

    private Tensor Norm(Tensor x, string name) =>
        x * (x.square().mean([-1], keepdim: true) + _shape.NormEpsilon).rsqrt() * _weights[name];

    private Tensor Heads(Tensor x, long rows, long length, int heads) => x.view(rows, length, heads, _shape.HeadSize).transpose(1, 2);

    private static Tensor Rotate(Tensor x, Tensor cosine, Tensor sine) => (x * cosine).addcmul(x.roll(x.shape[3] / 2, 3), sine, 1);

    /// <summary>Each key and value head serves several query heads.</summary>
    private Tensor Repeat(Tensor x)
    {
        var times = _shape.Heads / _shape.KeyValueHeads;
        return times == 1 ? x : x.unsqueeze(2).expand(x.shape[0], x.shape[1], times, x.shape[2], x.shape[3]).reshape(x.shape[0], _shape.Heads, x.shape[2], x.shape[3]);
    }
}
