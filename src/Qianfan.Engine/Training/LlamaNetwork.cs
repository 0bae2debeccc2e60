using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>A decoder of the Llama kind, for training: matrix products and attention by libtorch, the rest by <see cref="INetworkOperations"/>. Owns its tensors. One thread at a time.</summary>
internal sealed class LlamaNetwork : IDisposable
{
    /// <summary>Scores that are in memory at once, unless those of <see cref="FewestScored"/> tokens are more.</summary>
    private const int ScoresAtOnce = 1 << 22;
    private const int FewestScored = 256;

    /// <summary>Numbers of new gradients after which what blocks kept goes back to the system: gradients are larger, and don't fit where that was.</summary>
    private const long TrimmedAfter = 1 << 24;

    private readonly ModelShape _shape;
    private readonly bool _full;
    private readonly bool _checkpointing;
    private readonly INetworkOperations _operations;
    private readonly Products _products;
    private readonly LlamaBlock[] _blocks;
    private readonly Parameter _embedding;
    private readonly Parameter _norm;
    private readonly Parameter _head;
    private readonly Dictionary<string, Parameter> _weights;
    private bool _fresh = true;

    /// <param name="shape">Shape of the model.</param>
    /// <param name="weights">Values of every weight, by name.</param>
    /// <param name="adapters">Trained in place of the weights, when given.</param>
    /// <param name="activationCheckpointing">Keeps only the input of each block for the way back, and goes through the block once more.</param>
    /// <param name="products">How the weights' matrices are multiplied; null for exactly.</param>
    /// <param name="operations">What else is done, and where; null for the processor.</param>
    public LlamaNetwork(ModelShape shape, IReadOnlyDictionary<string, float[]> weights, LoraAdapters? adapters = null, bool activationCheckpointing = false, Products? products = null, INetworkOperations? operations = null)
        : this(shape, (name, into) => weights[name].CopyTo(into), adapters, activationCheckpointing, products, operations)
    {
    }

    /// <inheritdoc cref="LlamaNetwork(ModelShape, IReadOnlyDictionary{string, float[]}, LoraAdapters?, bool, Products?, INetworkOperations?)"/>
    /// <param name="shape">Shape of the model.</param>
    /// <param name="read">Gives the values of a weight, once for each.</param>
    /// <param name="adapters">Trained in place of the weights, when given.</param>
    /// <param name="activationCheckpointing">Keeps only the input of each block for the way back, and goes through the block once more.</param>
    /// <param name="products">How the weights' matrices are multiplied; null for exactly.</param>
    /// <param name="operations">What else is done, and where; null for the processor.</param>
    public LlamaNetwork(ModelShape shape, ReadWeight read, LoraAdapters? adapters = null, bool activationCheckpointing = false, Products? products = null, INetworkOperations? operations = null)
    {
        // What is kept leaves it.
        using var scope = NewDisposeScope();
        (_shape, _full, _checkpointing) = (shape, adapters is null, activationCheckpointing);
        (_products, _operations) = (products ?? Products.Exact, operations ?? new ProcessorOperations(get_num_threads()));
        _embedding = Parameter.Read(WeightNames.Embedding, read, _operations.Device, shape.VocabularySize, shape.HiddenSize);
        var table = new RotaryTable(shape);
        _blocks = [.. Enumerable.Range(0, shape.Layers).Select(layer => new LlamaBlock(shape, layer, read, adapters, table, _operations, _products))];
        _norm = Parameter.Read(WeightNames.Norm, read, _operations.Device, shape.HiddenSize);
        _head = shape.TiedEmbeddings ? _embedding : Parameter.Read(WeightNames.Head, read, _operations.Device, shape.VocabularySize, shape.HiddenSize);
        _weights = Outer.Concat(_blocks.SelectMany(block => block.Weights)).ToDictionary(weight => weight.Name, StringComparer.Ordinal);
        Trained = _full ? [.. shape.Weights().Select(weight => _weights[weight.Name])] : [.. _blocks.SelectMany(block => block.Corrections)];
    }

    /// <summary>Tokens whose scores are in memory at once.</summary>
    public static int ScoredAtOnce(ModelShape shape) => Math.Max(FewestScored, ScoresAtOnce / shape.VocabularySize);

    public int VocabularySize => _shape.VocabularySize;

    /// <summary>What training changes, in a fixed order.</summary>
    public IReadOnlyList<Parameter> Trained { get; }

    /// <summary>A weight's values at this moment: those that count, on the processor, and a copy of those on another device.</summary>
    public Span<float> Values(string name) => Tensors.Read(_weights[name].Value);

    /// <summary>An optimizer of what is trained. The network must outlive it.</summary>
    public AdamW Optimizer(double weightDecay, double maxNorm) => _operations.Optimizer(Trained, weightDecay, maxNorm);

    /// <summary>Goes through the network with a batch and back: adds its share to the gradients.</summary>
    /// <param name="batch">Its rows; short ones are padded at the right, where causal attention never looks.</param>
    /// <param name="totalWeight">Weight of the whole step.</param>
    /// <param name="seed">Seed of dropout.</param>
    /// <returns>The batch's share of the step's loss: its weighted cross-entropy, divided by that weight.</returns>
    public double Learn(Batch batch, double totalWeight, long seed = 0)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var pass = new Pass(batch, Training: true, _fresh, seed, _operations.Device);
        var inputs = new Tensor[_blocks.Length];
        var traces = new LlamaBlock.Trace?[_blocks.Length];
        var x = Embedded(batch);
        for (var layer = 0; layer < _blocks.Length; layer++)
        {
            inputs[layer] = x;
            x = _blocks[layer].Forward(x, pass, out var trace);
            if (_checkpointing)
                trace.Forget();
            else
                traces[layer] = trace;
        }
        var (loss, gradient) = Head(x, pass, totalWeight, learn: true);
        x.Dispose();
        long made = 0;
        for (var layer = _blocks.Length - 1; layer >= 0; layer--)
        {
            if (traces[layer] is not { } trace)
                _blocks[layer].Forward(inputs[layer], pass, out trace).Dispose();
            _blocks[layer].Backward(gradient!, trace, pass);
            trace.Dispose();
            made += _full && _fresh ? _blocks[layer].Weights.Sum(weight => weight.Value.numel()) : 0;
            if (made < TrimmedAfter)
                continue;
            NativeHeap.Trim();
            made = 0;
        }
        if (_full)
        {
            var table = _embedding.MadeGradient;
            if (_fresh && !_shape.TiedEmbeddings)
                table.zero_();
            _operations.AddRows(table, batch.Tokens, gradient!);
        }
        _fresh = false;
        return loss / totalWeight;
    }

    /// <summary>The weighted cross-entropy of a batch, summed up.</summary>
    public double Loss(Batch batch)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var pass = new Pass(batch, Training: false, First: false, Seed: 0, _operations.Device);
        return Head(Hidden(pass), pass, 1, learn: false).Loss;
    }

    /// <summary>Scores of every token of the vocabulary at the positions that a batch learns, [positions, vocabulary].</summary>
    public Tensor Scores(Batch batch)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var pass = new Pass(batch, Training: false, First: false, Seed: 0, _operations.Device);
        var hidden = Hidden(pass).index_select(0, tensor(batch.Positions, ScalarType.Int64, _operations.Device));
        return _operations.Norm(hidden, _norm.Value, _shape.NormEpsilon).Normed.mm(_head.Value.t()).MoveToOuterDisposeScope();
    }

    /// <summary>Forgets the gradients: what is learnt next begins anew. Until a block's are made again on the way back, what other blocks keep for it lies in their memory.</summary>
    public void ClearGradients()
    {
        foreach (var block in _blocks)
            block.ClearGradients();
        _fresh = true;
    }

    public void Dispose()
    {
        foreach (var block in _blocks)
            block.Dispose();
        foreach (var parameter in Outer)
        {
            parameter.Value.Dispose();
            parameter.ClearGradient();
        }
    }

    private IEnumerable<Parameter> Outer => _shape.TiedEmbeddings ? [_embedding, _norm] : [_embedding, _norm, _head];

    private Tensor Embedded(Batch batch) => _embedding.Value.index_select(0, tensor(batch.Tokens, ScalarType.Int64, _operations.Device));

    /// <summary>What the blocks make of a batch, where nothing is learnt from it.</summary>
    private Tensor Hidden(Pass pass)
    {
        var x = Embedded(pass.Batch);
        foreach (var block in _blocks)
        {
            var next = block.Forward(x, pass, out var trace);
            trace.Dispose();
            x = next;
        }
        return x;
    }

    /// <summary>Final norm, output layer and loss. Only positions that are learnt go through, and so many at once that their scores stay small.</summary>
    /// <returns>The loss, summed up in order; and the gradient of <paramref name="x"/>.</returns>
    private (double Loss, Tensor? Gradient) Head(Tensor x, Pass pass, double totalWeight, bool learn)
    {
        using var scope = NewDisposeScope();
        var batch = pass.Batch;
        var positions = tensor(batch.Positions, ScalarType.Int64, _operations.Device);
        var chosen = x.index_select(0, positions);
        var (normed, scales) = _operations.Norm(chosen, _norm.Value, _shape.NormEpsilon);
        var back = learn ? empty_like(normed) : null;
        var table = _products.Factor(_head.Value);
        double loss = 0;
        var part = ScoredAtOnce(_shape);
        for (var start = 0; start < batch.Positions.Length; start += part)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(part, batch.Positions.Length - start);
            var hidden = normed.narrow(0, start, count);
            var scores = _products.Of(hidden, table.t());
            loss += _operations.CrossEntropy(scores, batch.Targets.AsMemory(start, count), batch.Weights.AsMemory(start, count), totalWeight, learn);
            if (back is null)
                continue;
            scores = _products.OnlyFactor(scores);
            _products.AddTo(back.narrow(0, start, count), scores, table, 0);
            if (_full)
                _products.AddTo(_head.MadeGradient, scores.t(), hidden, pass.First && start == 0 ? 0 : 1);
        }
        if (back is null)
            return (loss, null);
        var own = zeros_like(chosen);
        _operations.NormBackward(back, chosen, scales, _norm.Value, own, _full ? _norm.MadeGradient : null, pass.First);
        return (loss, zeros_like(x).index_copy_(0, positions, own).MoveToOuterDisposeScope());
    }
}
