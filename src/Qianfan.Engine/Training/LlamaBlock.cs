using Qianfan.Engine.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>A block of a decoder of the Llama kind: attention and a feed-forward part. Its way back is written out: so each sum is made where it is needed, and nothing is kept that a pass over the memory makes anew. Owns its tensors.</summary>
internal sealed class LlamaBlock : IDisposable
{
    private readonly ModelShape _shape;
    private readonly RotaryTable _table;
    private readonly INetworkOperations _operations;
    private readonly int _window;
    private readonly bool _trained;
    private readonly StackedLinear _queryKeyValue;
    private readonly StackedLinear _output;
    private readonly StackedLinear _gateUp;
    private readonly StackedLinear _down;
    private readonly Parameter _inputNorm;
    private readonly Parameter _postNorm;
    private readonly Parameter? _queryNorm;
    private readonly Parameter? _keyNorm;

    public LlamaBlock(ModelShape shape, int layer, ReadWeight read, LoraAdapters? adapters, RotaryTable table, INetworkOperations operations, Products products)
    {
        (_shape, _table, _operations, _window, _trained) = (shape, table, operations, shape.Window(layer), adapters is null);
        _inputNorm = Norm(WeightNames.InputNorm(layer), shape.HiddenSize);
        _queryKeyValue = Linear(0, shape.QueryKeyValueBias, WeightNames.Query(layer), WeightNames.Key(layer), WeightNames.Value(layer));
        _output = Linear(1, shape.OutputBias, WeightNames.Output(layer));
        if (shape.QueryKeyNorm)
            (_queryNorm, _keyNorm) = (Norm(WeightNames.QueryNorm(layer), shape.HeadSize), Norm(WeightNames.KeyNorm(layer), shape.HeadSize));
        _postNorm = Norm(WeightNames.PostAttentionNorm(layer), shape.HiddenSize);
        _gateUp = Linear(2, shape.FeedForwardBias, WeightNames.Gate(layer), WeightNames.Up(layer));
        _down = Linear(3, shape.FeedForwardBias, WeightNames.Down(layer));

        Parameter Norm(string name, int size) => Parameter.Read(name, read, operations.Device, size);

        StackedLinear Linear(int place, bool biased, params string[] names)
        {
            var linears = shape.Linears(layer).Where(linear => names.Contains(linear.Name)).ToList();
            return new StackedLinear([.. linears.Select(linear => (linear.Name, linear.Outputs))], linears[0].Inputs, read, biased, adapters, layer * 4 + place, products, operations);
        }
    }

    private StackedLinear[] Linears => [_queryKeyValue, _output, _gateUp, _down];

    private IEnumerable<Parameter> Norms => ((Parameter?[])[_inputNorm, _queryNorm, _keyNorm, _postNorm]).OfType<Parameter>();

    /// <summary>The block's weights as a checkpoint has them.</summary>
    public IEnumerable<Parameter> Weights => Norms.Concat(Linears.SelectMany(linear => linear.Weights));

    /// <summary>Its LoRA corrections.</summary>
    public IEnumerable<Parameter> Corrections => Linears.SelectMany(linear => linear.Corrections);

    /// <summary>What the way back needs of the way there.</summary>
    public sealed class Trace : IDisposable
    {
        public required Tensor Input { get; init; }
        public required Tensor Query { get; init; }
        public required Tensor Key { get; init; }
        public required Tensor Value { get; init; }

        /// <summary>Query and key before their norms, if they have any, and those norms' scales.</summary>
        public (Tensor Query, Tensor QueryScales, Tensor Key, Tensor KeyScales)? Raw { get; init; }
        public required Tensor Attended { get; init; }
        public required Tensor Middle { get; init; }

        /// <summary>Turns into its own gradient.</summary>
        public required Tensor GateUp { get; init; }
        public required (Tensor? QueryKeyValue, Tensor? Output, Tensor? GateUp) Low { get; init; }
        public Tensor? DownLow { get; set; }

        /// <summary>All but the input.</summary>
        public IEnumerable<Tensor> Made => ((Tensor?[])[Query, Key, Value, Raw?.Query, Raw?.QueryScales, Raw?.Key, Raw?.KeyScales, Attended, Middle, GateUp, Low.QueryKeyValue, Low.Output, Low.GateUp, DownLow]).OfType<Tensor>();

        /// <summary>Frees all but the input.</summary>
        public void Forget()
        {
            foreach (var tensor in Made)
                tensor.Dispose();
        }

        public void Dispose()
        {
            Forget();
            Input.Dispose();
        }
    }

    /// <summary>The block's output.</summary>
    /// <param name="x">[tokens, hidden].</param>
    /// <param name="pass">What it is part of.</param>
    /// <param name="trace">Gets what <see cref="Backward"/> needs, <paramref name="x"/> with it, which the caller then leaves alone.</param>
    public Tensor Forward(Tensor x, Pass pass, out Trace trace)
    {
        using var scope = NewDisposeScope();
        trace = Begin(x, pass);
        var (result, low) = _down.AddTo(trace.Middle, _operations.SwiGlu(trace.GateUp, _shape.IntermediateSize), pass);
        trace.DownLow = low;
        foreach (var tensor in trace.Made)
            tensor.MoveToOuterDisposeScope();
        return result.MoveToOuterDisposeScope();
    }

    private Trace Begin(Tensor x, Pass pass)
    {
        var (normed, _) = _operations.Norm(x, _inputNorm.Value, _shape.NormEpsilon);
        var (y, low) = _queryKeyValue.Forward(normed, pass);
        Tensor query = Heads(y, 0, _shape.Heads), key = Heads(y, _shape.QuerySize, _shape.KeyValueHeads), value = Heads(y, _shape.QuerySize + _shape.KeyValueSize, _shape.KeyValueHeads);
        (Tensor, Tensor, Tensor, Tensor)? raw = null;
        if (_queryNorm is not null && _keyNorm is not null)
        {
            var (queryNormed, queryScales) = _operations.Norm(query.view(-1, _shape.HeadSize), _queryNorm.Value, _shape.NormEpsilon);
            var (keyNormed, keyScales) = _operations.Norm(key.view(-1, _shape.HeadSize), _keyNorm.Value, _shape.NormEpsilon);
            raw = (query, queryScales, key, keyScales);
            (query, key) = (queryNormed.view(query.shape), keyNormed.view(key.shape));
        }
        _operations.Rotate(query, _table, pass.Batch.Places, back: false);
        _operations.Rotate(key, _table, pass.Batch.Places, back: false);
        var attended = Attend(query, key, value, pass);
        var (middle, outputLow) = _output.AddTo(x, Flat(attended, pass), pass);
        var (gateUp, gateUpLow) = _gateUp.Forward(_operations.Norm(middle, _postNorm.Value, _shape.NormEpsilon).Normed, pass);
        return new Trace { Input = x, Query = query, Key = key, Value = value, Raw = raw, Attended = attended, Middle = middle, GateUp = gateUp, Low = (low, outputLow, gateUpLow) };

        Tensor Heads(Tensor all, int start, int heads) =>
            all.narrow(1, start, heads * _shape.HeadSize).view(pass.Batch.Rows, pass.Batch.Length, heads, _shape.HeadSize).transpose(1, 2).contiguous();
    }

    /// <summary>Takes the gradients of the weights.</summary>
    /// <param name="gradient">Of the output; becomes that of the input.</param>
    /// <param name="trace">Of <see cref="Forward"/>; of no use afterwards.</param>
    /// <param name="pass">What it is part of.</param>
    public void Backward(Tensor gradient, Trace trace, Pass pass)
    {
        using var scope = NewDisposeScope();
        var wide = _down.Widen(gradient);
        var product = _operations.SwiGluBackward(_down.BackwardInput(wide, trace.DownLow, pass), trace.GateUp, _shape.IntermediateSize);
        _down.BackwardWeights(wide, product, pass);
        BackwardNormed(_gateUp, trace.GateUp, trace.Low.GateUp, trace.Middle, _postNorm, gradient, pass);

        wide = _output.Widen(gradient);
        var given = Unflat(_output.BackwardInput(wide, trace.Low.Output, pass), pass);
        _output.BackwardWeights(wide, Flat(trace.Attended, pass), pass);
        var back = autograd.grad([trace.Attended], [trace.Query, trace.Key, trace.Value], [given]);
        Tensor query = back[0].contiguous(), key = back[1].contiguous();
        _operations.Rotate(query, _table, pass.Batch.Places, back: true);
        _operations.Rotate(key, _table, pass.Batch.Places, back: true);
        if (trace.Raw is { } raw)
            (query, key) = (BackwardHeads(query, raw.Query, raw.QueryScales, _queryNorm!, pass), BackwardHeads(key, raw.Key, raw.KeyScales, _keyNorm!, pass));
        var all = query.new_empty(pass.Tokens, _queryKeyValue.Width);
        Put(query, 0);
        Put(key, _shape.QuerySize);
        Put(back[2], _shape.QuerySize + _shape.KeyValueSize);
        BackwardNormed(_queryKeyValue, all, trace.Low.QueryKeyValue, trace.Input, _inputNorm, gradient, pass);

        void Put(Tensor heads, int start) =>
            all.narrow(1, start, heads.shape[1] * _shape.HeadSize).view(pass.Batch.Rows, pass.Batch.Length, heads.shape[1], _shape.HeadSize).copy_(heads.transpose(1, 2));
    }

    /// <summary>Frees the gradients.</summary>
    public void ClearGradients()
    {
        foreach (var linear in Linears)
            linear.ClearGradients();
        foreach (var norm in Norms)
            norm.ClearGradient();
    }

    public void Dispose()
    {
        ClearGradients();
        foreach (var linear in Linears)
            linear.Dispose();
        foreach (var norm in Norms)
            norm.Value.Dispose();
    }

    /// <summary>Back through layers and the norm before them, onto the gradient of what both read.</summary>
    private void BackwardNormed(StackedLinear linear, Tensor gradient, Tensor? low, Tensor x, Parameter norm, Tensor into, Pass pass)
    {
        var given = linear.BackwardInput(gradient, low, pass);
        var (normed, scales) = _operations.Norm(x, norm.Value, _shape.NormEpsilon);
        linear.BackwardWeights(gradient, normed, pass);
        _operations.NormBackward(given, x, scales, norm.Value, into, GradientOf(norm), pass.First);
    }

    private Tensor BackwardHeads(Tensor gradient, Tensor raw, Tensor scales, Parameter norm, Pass pass)
    {
        var into = zeros_like(raw);
        _operations.NormBackward(gradient.view(-1, _shape.HeadSize), raw.view(-1, _shape.HeadSize), scales, norm.Value, into.view(-1, _shape.HeadSize), GradientOf(norm), pass.First);
        return into;
    }

    private Tensor? GradientOf(Parameter norm) => _trained ? norm.MadeGradient : null;

    /// <summary>The one part whose way back is libtorch's. Query heads that share a key stand as rows of their own, so that no key is repeated.</summary>
    private Tensor Attend(Tensor query, Tensor key, Tensor value, Pass pass)
    {
        long rows = pass.Batch.Rows * _shape.KeyValueHeads, length = pass.Batch.Length, size = _shape.HeadSize, times = _shape.Heads / _shape.KeyValueHeads;
        var mask = pass.Mask(_window, _shape.KeyValueHeads);
        using var gradients = set_grad_enabled(pass.Training);
        foreach (var tensor in (Tensor[])[query, key, value])
            tensor.requires_grad_(pass.Training);
        // The parameter is misspelt in TorchSharp.
        return nn.functional.scaled_dot_product_attention(query.view(rows, times, length, size), key.view(rows, 1, length, size).expand(rows, times, length, size),
            value.view(rows, 1, length, size).expand(rows, times, length, size), attn_mask: mask, is_casual: mask is null);
    }

    private Tensor Flat(Tensor attended, Pass pass) =>
        attended.view(pass.Batch.Rows, _shape.KeyValueHeads, -1, pass.Batch.Length, _shape.HeadSize).permute(0, 3, 1, 2, 4).reshape(pass.Tokens, _shape.QuerySize);

    private Tensor Unflat(Tensor flat, Pass pass) =>
        flat.view(pass.Batch.Rows, pass.Batch.Length, _shape.KeyValueHeads, -1, _shape.HeadSize).permute(0, 2, 3, 1, 4).reshape(pass.Batch.Rows * _shape.KeyValueHeads, -1, pass.Batch.Length, _shape.HeadSize);
}
