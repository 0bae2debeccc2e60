using System.Numerics;
using System.Numerics.Tensors;
using Qianfan.Engine.Checkpoints;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Qianfan.Engine.Training;

/// <summary>The same in the processor's memory, each in one pass over it. Sums are taken in an order that doesn't depend on the number of threads.</summary>
/// <param name="threads">At least 1.</param>
internal sealed unsafe class ProcessorOperations(int threads) : INetworkOperations
{
    /// <summary>Rows of a matrix that one thread takes at a time.</summary>
    private const int Part = 32;

    private readonly ParallelOptions _parallel = new() { MaxDegreeOfParallelism = threads };

    public Device Device => CPU;

    public (Tensor Normed, Tensor Scales) Norm(Tensor x, Tensor weight, double epsilon)
    {
        var (rows, width) = Size(x);
        var normed = empty(rows, width, ScalarType.Float32);
        var scales = empty(rows, ScalarType.Float32);
        float* from = Tensors.Pointer(x), to = Tensors.Pointer(normed), w = Tensors.Pointer(weight), multipliers = Tensors.Pointer(scales);
        InParts(rows, (start, end) =>
        {
            for (var row = start; row < end; row++)
            {
                ReadOnlySpan<float> values = new(from + (long)row * width, width);
                Span<float> result = new(to + (long)row * width, width);
                var scale = multipliers[row] = (float)(1 / Math.Sqrt(TensorPrimitives.SumOfSquares(values) / width + epsilon));
                TensorPrimitives.Multiply(values, scale, result);
                TensorPrimitives.Multiply(result, new ReadOnlySpan<float>(w, width), result);
            }
        });
        return (normed, scales);
    }

    public void NormBackward(Tensor gradient, Tensor x, Tensor scales, Tensor weight, Tensor into, Tensor? weightGradient, bool first)
    {
        var (rows, width) = Size(x);
        float* d = Tensors.Pointer(gradient), from = Tensors.Pointer(x), to = Tensors.Pointer(into), w = Tensors.Pointer(weight), multipliers = Tensors.Pointer(scales);
        var sums = weightGradient is null ? null : new float[Parts(rows)][];
        InParts(rows, (start, end) =>
        {
            Span<float> scaled = new float[width];
            Span<float> sum = sums is null ? [] : sums[start / Part] = new float[width];
            for (var row = start; row < end; row++)
            {
                ReadOnlySpan<float> values = new(from + (long)row * width, width), given = new(d + (long)row * width, width);
                Span<float> result = new(to + (long)row * width, width);
                var scale = multipliers[row];
                if (sums is not null)
                {
                    TensorPrimitives.Multiply(given, values, scaled);
                    TensorPrimitives.MultiplyAdd(scaled, scale, sum, sum);
                }
                TensorPrimitives.Multiply(given, new ReadOnlySpan<float>(w, width), scaled);
                var along = TensorPrimitives.Dot(scaled, values) * scale * scale * scale / width;
                TensorPrimitives.MultiplyAdd(scaled, scale, result, result);
                TensorPrimitives.MultiplyAdd(values, -along, result, result);
            }
        });
        if (weightGradient is not null)
            AddUp(sums!, weightGradient, first);
    }

    public Tensor SwiGlu(Tensor gateUp, int size)
    {
        var (rows, width) = Size(gateUp);
        var product = empty(rows, size, ScalarType.Float32);
        float* from = Tensors.Pointer(gateUp), to = Tensors.Pointer(product);
        InParts(rows, (start, end) =>
        {
            for (var row = start; row < end; row++)
            {
                ReadOnlySpan<float> gate = new(from + (long)row * width, size), up = new(from + (long)row * width + size, size);
                Span<float> result = new(to + (long)row * size, size);
                TensorPrimitives.Sigmoid(gate, result);
                TensorPrimitives.Multiply(result, gate, result);
                TensorPrimitives.Multiply(result, up, result);
            }
        });
        return product;
    }

    public Tensor SwiGluBackward(Tensor gradient, Tensor gateUp, int size)
    {
        var (rows, width) = Size(gateUp);
        var product = empty(rows, size, ScalarType.Float32);
        float* d = Tensors.Pointer(gradient), both = Tensors.Pointer(gateUp), to = Tensors.Pointer(product);
        InParts(rows, (start, end) =>
        {
            for (var row = start; row < end; row++)
            {
                float* gate = both + (long)row * width, up = gate + size, given = d + (long)row * size, result = to + (long)row * size;
                TensorPrimitives.Sigmoid(new ReadOnlySpan<float>(gate, size), new Span<float>(result, size));
                var i = 0;
                for (; i + Vector<float>.Count <= size; i += Vector<float>.Count)
                {
                    Vector<float> s = Vector.Load(result + i), g = Vector.Load(gate + i), u = Vector.Load(up + i), given1 = Vector.Load(given + i);
                    var silu = g * s;
                    Vector.Store(silu * u, result + i);
                    Vector.Store(given1 * silu, up + i);
                    Vector.Store(given1 * u * (s + silu * (Vector<float>.One - s)), gate + i);
                }
                for (; i < size; i++)
                {
                    float s = result[i], silu = gate[i] * s;
                    (result[i], up[i], gate[i]) = (silu * up[i], given[i] * silu, given[i] * up[i] * (s + silu * (1 - s)));
                }
            }
        });
        return product;
    }

    public void Rotate(Tensor heads, RotaryTable table, long[]? places, bool back)
    {
        var (count, length, size) = ((int)heads.shape[1], (int)heads.shape[2], (int)heads.shape[3]);
        var half = table.Half;
        table.Reserve((int)(places?.Max() + 1 ?? length));
        var memory = Tensors.Pointer(heads);
        InParts((int)heads.shape[0] * count * length, (start, end) =>
        {
            for (var at = start; at < end; at++)
            {
                var position = places is null ? at % length : (int)places[at / (count * length) * length + at % length];
                var values = memory + (long)at * size;
                fixed (float* cosine = table.Cosine(position), sine = table.Sine(position))
                {
                    var i = 0;
                    for (; i + Vector<float>.Count <= half; i += Vector<float>.Count)
                    {
                        Vector<float> a = Vector.Load(values + i), b = Vector.Load(values + half + i), c = Vector.Load(cosine + i), s = back ? -Vector.Load(sine + i) : Vector.Load(sine + i);
                        Vector.Store(a * c - b * s, values + i);
                        Vector.Store(b * c + a * s, values + half + i);
                    }
                    for (; i < half; i++)
                    {
                        float a = values[i], b = values[half + i], s = back ? -sine[i] : sine[i];
                        (values[i], values[half + i]) = (a * cosine[i] - b * s, b * cosine[i] + a * s);
                    }
                }
            }
        });
    }

    public double CrossEntropy(Tensor scores, ReadOnlyMemory<long> targets, ReadOnlyMemory<float> weights, double totalWeight, bool learn)
    {
        var (rows, width) = Size(scores);
        var memory = Tensors.Pointer(scores);
        var losses = new double[rows];
        InParts(rows, (start, end) =>
        {
            for (var row = start; row < end; row++)
            {
                Span<float> values = new(memory + (long)row * width, width);
                var (target, weight) = ((int)targets.Span[row], weights.Span[row]);
                var most = TensorPrimitives.Max<float>(values);
                double right = values[target] - most;
                TensorPrimitives.Subtract(values, most, values);
                TensorPrimitives.Exp<float>(values, values);
                var sum = TensorPrimitives.Sum<float>(values);
                losses[row] = (Math.Log(sum) - right) * weight;
                if (!learn)
                    continue;
                TensorPrimitives.Multiply(values, (float)(weight / totalWeight / sum), values);
                values[target] -= (float)(weight / totalWeight);
            }
        });
        double total = 0;
        foreach (var loss in losses)
            total += loss;
        return total;
    }

    public void AddRows(Tensor table, long[] tokens, Tensor gradient)
    {
        var width = (int)table.shape[1];
        float* from = Tensors.Pointer(gradient), to = Tensors.Pointer(table);
        for (var i = 0; i < tokens.Length; i++)
        {
            Span<float> row = new(to + tokens[i] * width, width);
            TensorPrimitives.Add(row, new ReadOnlySpan<float>(from + (long)i * width, width), row);
        }
    }

    public void SumColumns(Tensor gradient, Tensor into, bool first)
    {
        var (rows, width) = Size(gradient);
        var wanted = (int)into.numel();
        var from = Tensors.Pointer(gradient);
        var sums = new float[Parts(rows)][];
        InParts(rows, (start, end) =>
        {
            var sum = sums[start / Part] = new float[wanted];
            for (var row = start; row < end; row++)
                TensorPrimitives.Add(sum, new ReadOnlySpan<float>(from + (long)row * width, wanted), sum);
        });
        AddUp(sums, into, first);
    }

    public AdamW Optimizer(IReadOnlyList<Parameter> parameters, double weightDecay, double maxNorm) => new FusedAdamW(parameters, weightDecay, maxNorm, _parallel.MaxDegreeOfParallelism);

    private static void AddUp(float[][] sums, Tensor into, bool first)
    {
        var total = Tensors.Values(into);
        if (first)
            total.Clear();
        foreach (var sum in sums)
            TensorPrimitives.Add(total, sum, total);
    }

    private static (int Rows, int Width) Size(Tensor matrix) => ((int)matrix.shape[0], (int)matrix.shape[1]);

    private static int Parts(int rows) => (rows + Part - 1) / Part;

    private void InParts(int rows, Action<int, int> work) =>
        Parallel.For(0, Parts(rows), _parallel, part => work(part * Part, Math.Min(rows, (part + 1) * Part)));
}
