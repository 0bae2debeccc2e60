using System.Runtime.InteropServices;
using Qianfan.Engine.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>A Llama decoder in TorchSharp, for training. Owns its tensors. One thread at a time.</summary>
internal sealed class LlamaNetwork : IDisposable
{
    private readonly ModelShape _shape;
    private readonly Dictionary<string, Tensor> _weights = new(StringComparer.Ordinal);
    private readonly Tensor _cosine;
    private readonly Tensor _sine;
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
        var half = shape.HeadSize / 2;
        var cosine = new float[shape.ContextLength * shape.HeadSize];
        var sine = new float[cosine.Length];
        for (var position = 0; position < shape.ContextLength; position++)
        {
            for (var i = 0; i < half; i++)
            {
                var angle = position * Math.Pow(shape.RopeTheta, -2.0 * i / shape.HeadSize);
                var at = position * shape.HeadSize + i;
                cosine[at] = cosine[at + half] = (float)Math.Cos(angle);
                // The halves change places in Rotate, and the first of them its sign.
                sine[at + half] = (float)Math.Sin(angle);
                sine[at] = -sine[at + half];
            }
        }
        _cosine = Tensors.Create(cosine, [shape.ContextLength, shape.HeadSize], trained: false);
        _sine = Tensors.Create(sine, [shape.ContextLength, shape.HeadSize], trained: false);
    }

    /// <summary>What training changes, by name, in a fixed order.</summary>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Trained =>
        _adapters is null ? [.. _shape.Weights().Select(weight => KeyValuePair.Create(weight.Name, _weights[weight.Name]))] : _adapters.Trained;

    /// <summary>A weight's values at this moment.</summary>
    public Span<float> Values(string name) => Tensors.Values(_weights[name]);

    /// <summary>Hidden states after the last norm, flattened to [rows x length, hidden].</summary>
    /// <param name="tokens">[rows, length]; rows are padded at the right, where causal attention never looks.</param>
    /// <param name="training">Whether dropout applies.</param>
    public Tensor Hidden(Tensor tokens, bool training)
    {
        var (rows, length) = (tokens.shape[0], tokens.shape[1]);
        var cosine = _cosine.narrow(0, 0, length);
        var sine = _sine.narrow(0, 0, length);
        var x = _weights[WeightNames.Embedding].index_select(0, tokens.view(-1)).view(rows, length, _shape.HiddenSize);
        for (var layer = 0; layer < _shape.Layers; layer++)
        {
            var normed = Norm(x, WeightNames.InputNorm(layer));
            var query = Rotate(Heads(Linear(normed, WeightNames.Query(layer), training), rows, length, _shape.Heads), cosine, sine);
            var key = Rotate(Heads(Linear(normed, WeightNames.Key(layer), training), rows, length, _shape.KeyValueHeads), cosine, sine);
            var value = Heads(Linear(normed, WeightNames.Value(layer), training), rows, length, _shape.KeyValueHeads);
            // The parameter is misspelt in TorchSharp.
            var attended = nn.functional.scaled_dot_product_attention(query, Repeat(key), Repeat(value), is_casual: true);
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
        var hidden = Hidden(tokens, training).index_select(0, tensor(batch.Positions, ScalarType.Int64));
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
        _cosine.Dispose();
        _sine.Dispose();
        _adapters?.Dispose();
    }

    private Tensor Linear(Tensor x, string name, bool training)
    {
        var y = nn.functional.linear(x, _weights[name]);
        return _adapters is null ? y : _adapters.Add(name, x, y, training);
    }

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
