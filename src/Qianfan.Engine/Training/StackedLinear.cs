using Qianfan.Engine.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>Linear layers that have the same input, as one matrix product: their weights lie below one another in memory, and below those the first matrices of their LoRA corrections. Owns its tensors.</summary>
internal sealed class StackedLinear : IDisposable
{
    private readonly int _inputs;
    private readonly int _outputs;
    private readonly int _rank;
    private readonly Tensor _matrix;
    private readonly Tensor _transposed;
    private readonly Tensor? _bias;
    private readonly List<Correction> _corrections = [];
    private readonly List<Parameter> _weights = [];
    private readonly List<Parameter> _biases = [];
    private readonly double _dropout;
    private readonly int _seed;
    private readonly Products _products;
    private readonly INetworkOperations _operations;
    private Tensor? _gradient;
    private Tensor? _biasGradient;

    /// <param name="Start">The layer's first column of the outputs.</param>
    /// <param name="Count">Its columns.</param>
    /// <param name="Column">The correction's first column among those of all corrections.</param>
    /// <param name="A">[rank, inputs].</param>
    /// <param name="B">[outputs, rank].</param>
    /// <param name="Scale">Of their product.</param>
    private sealed record Correction(int Start, int Count, int Column, Parameter A, Parameter B, float Scale);

    /// <param name="layers">Names of the weights with their outputs.</param>
    /// <param name="inputs">Inputs of all of them.</param>
    /// <param name="read">Gives the values of a weight or bias.</param>
    /// <param name="biased">Whether they have biases.</param>
    /// <param name="adapters">Trained in place of the weights, when given.</param>
    /// <param name="seed">Tells the dropout of this layer from that of others.</param>
    /// <param name="products">How matrices are multiplied; those of the corrections, which are narrow, always in 32 bits.</param>
    /// <param name="operations">What else is done, and where.</param>
    public StackedLinear(IReadOnlyList<(string Name, int Outputs)> layers, int inputs, ReadWeight read, bool biased, LoraAdapters? adapters, int seed, Products products, INetworkOperations operations)
    {
        (_inputs, _outputs, _seed, _products, _operations) = (inputs, layers.Sum(layer => layer.Outputs), seed, products, operations);
        var adapted = layers.Where(layer => adapters?.Of(layer.Name) is not null).ToList();
        _rank = adapted.Count * (adapters?.Rank ?? 0);
        _dropout = adapters?.Dropout ?? 0;
        IsTrained = adapters is null;
        _matrix = Tensors.Create(operations.Device, _outputs + _rank, inputs);
        _transposed = _matrix.t().DetachFromDisposeScope();
        _bias = biased ? Tensors.Create(operations.Device, _outputs + _rank) : null;
        _bias?.zero_();
        var (row, column) = (0, 0);
        foreach (var (name, outputs) in layers)
        {
            _weights.Add(Place(name, _matrix.narrow(0, row, outputs), values => read(name, values)));
            if (_bias is not null)
                _biases.Add(Place(WeightNames.Bias(name), _bias.narrow(0, row, outputs), values => read(WeightNames.Bias(name), values)));
            if (adapters?.Of(name) is { } pair)
            {
                var a = Place(WeightNames.LoraA(name), _matrix.narrow(0, _outputs + column, adapters.Rank), pair.A.CopyTo);
                var b = Place(WeightNames.LoraB(name), Tensors.Create(operations.Device, outputs, adapters.Rank), pair.B.CopyTo);
                _corrections.Add(new Correction(row, outputs, column, a, b, (float)adapters.Scale));
                column += adapters.Rank;
            }
            row += outputs;
        }
    }

    /// <summary>Whether the weights themselves are trained.</summary>
    public bool IsTrained { get; }

    /// <summary>Weights and biases.</summary>
    public IEnumerable<Parameter> Weights => [.. _weights, .. _biases];

    /// <summary>Matrices of the corrections.</summary>
    public IEnumerable<Parameter> Corrections => _corrections.SelectMany(correction => (Parameter[])[correction.A, correction.B]);

    /// <summary>Columns of what <see cref="Forward"/> returns: the outputs, then what corrections work with.</summary>
    public int Width => _outputs + _rank;

    /// <summary>The outputs of all layers beside one another.</summary>
    /// <param name="x">[tokens, inputs].</param>
    /// <param name="pass">What it is part of.</param>
    /// <returns>[tokens, <see cref="Width"/>], and a copy of the corrections' columns for the way back.</returns>
    public (Tensor Outputs, Tensor? Low) Forward(Tensor x, Pass pass)
    {
        var y = _bias is null ? _products.Of(x, _transposed) : _products.AddedTo(_bias, x, _transposed);
        return (y, Correct(y, x, pass));
    }

    /// <summary>The same, for a layer of its own, added to what was there before.</summary>
    public (Tensor Sum, Tensor? Low) AddTo(Tensor before, Tensor x, Pass pass)
    {
        if (_rank == 0 && _bias is null)
            return (_products.AddedTo(before, x, _transposed), null);
        var (y, low) = Forward(x, pass);
        return (before + y.narrow(1, 0, _outputs), low);
    }

    /// <summary>A gradient of the outputs with room for the corrections' columns.</summary>
    public Tensor Widen(Tensor gradient)
    {
        if (_rank == 0)
            return gradient;
        var wide = gradient.new_empty(gradient.shape[0], Width);
        wide.narrow(1, 0, _outputs).copy_(gradient);
        return wide;
    }

    /// <summary>The gradient of the input. On the way, fills the corrections' columns of <paramref name="gradient"/> and takes the gradients of their second matrices.</summary>
    public Tensor BackwardInput(Tensor gradient, Tensor? low, Pass pass)
    {
        foreach (var (start, count, column, _, b, scale) in _corrections)
        {
            var own = gradient.narrow(1, start, count);
            b.MadeGradient.addmm_(own.t(), low!.narrow(1, column, b.Value.shape[1]), pass.Kept, scale);
            gradient.narrow(1, _outputs + column, b.Value.shape[1]).addmm_(own, b.Value, 0, scale);
        }
        if (_rank == 0 || !Drops(pass))
            return _products.Of(gradient, _matrix);
        var through = gradient.narrow(1, _outputs, _rank).mm(_matrix.narrow(0, _outputs, _rank)).mul_(Mask(pass));
        _products.AddTo(through, gradient.narrow(1, 0, _outputs), _matrix.narrow(0, 0, _outputs), 1);
        return through;
    }

    /// <summary>Takes the gradients of the weights, or of the corrections' first matrices; after <see cref="BackwardInput"/>.</summary>
    public void BackwardWeights(Tensor gradient, Tensor x, Pass pass)
    {
        if (IsTrained)
        {
            _products.AddTo(_gradient ??= Share(Tensors.Create(_matrix.device, _outputs, _inputs), _weights), gradient.t(), x, pass.Kept);
            if (_bias is not null)
                _operations.SumColumns(gradient, _biasGradient ??= Share(Tensors.Create(_matrix.device, _outputs), _biases), pass.First);
        }
        else if (_rank > 0)
        {
            var seen = Drops(pass) ? x * Mask(pass) : x;
            _gradient ??= Share(Tensors.Create(_matrix.device, _rank, _inputs), _corrections.Select(correction => correction.A));
            _gradient.addmm_(gradient.narrow(1, _outputs, _rank).t(), seen, pass.Kept, 1);
        }
    }

    /// <summary>Frees the gradients.</summary>
    public void ClearGradients()
    {
        foreach (var parameter in Weights.Concat(Corrections))
            parameter.ClearGradient();
        _gradient?.Dispose();
        _biasGradient?.Dispose();
        (_gradient, _biasGradient) = (null, null);
    }

    public void Dispose()
    {
        ClearGradients();
        foreach (var parameter in Weights.Concat(Corrections))
            parameter.Value.Dispose();
        foreach (var tensor in (Tensor?[])[_matrix, _transposed, _bias])
            tensor?.Dispose();
    }

    private static Parameter Place(string name, Tensor place, WriteValues write)
    {
        Tensors.Write(place, write);
        return new Parameter(name, place.DetachFromDisposeScope());
    }

    private Tensor? Correct(Tensor y, Tensor x, Pass pass)
    {
        if (_rank == 0)
            return null;
        var low = Drops(pass) ? (x * Mask(pass)).mm(_transposed.narrow(1, _outputs, _rank)) : y.narrow(1, _outputs, _rank).contiguous();
        foreach (var (start, count, column, _, b, scale) in _corrections)
            y.narrow(1, start, count).addmm_(low.narrow(1, column, b.Value.shape[1]), b.Value.t(), 1, scale);
        return low;
    }

    private bool Drops(Pass pass) => pass.Training && _dropout > 0;

    /// <summary>What dropout leaves of the inputs; the same each time in a pass.</summary>
    private Tensor Mask(Pass pass)
    {
        random.manual_seed(unchecked(pass.Seed * 1_000_003 + _seed));
        return _matrix.new_empty(pass.Tokens, _inputs).bernoulli_(1 - _dropout).div_(1 - _dropout);
    }

    /// <summary>Gives each of the parameters that lie below one another its part of their gradient.</summary>
    private static Tensor Share(Tensor gradient, IEnumerable<Parameter> parameters)
    {
        var row = 0L;
        foreach (var parameter in parameters)
        {
            parameter.Gradient = gradient.narrow(0, row, parameter.Value.shape[0]).DetachFromDisposeScope();
            row += parameter.Value.shape[0];
        }
        return gradient;
    }
}
