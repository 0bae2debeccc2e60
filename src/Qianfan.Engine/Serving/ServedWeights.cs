using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving;

/// <summary>The number format of matrices while they are served. Norms and biases stay in 32 bits.</summary>
internal enum WeightKind
{
    F32,
    BF16,
    Int8,
}

/// <summary>A model's weights as they are served.</summary>
/// <param name="Matrices">Those of two dimensions, by name.</param>
/// <param name="Vectors">Norms and biases, by name.</param>
internal sealed record ServedWeights(IReadOnlyDictionary<string, Matrix> Matrices, IReadOnlyDictionary<string, float[]> Vectors)
{
    /// <summary>Models with fewer parameters than this fit the processor's caches: 8-bit weights gain nothing there.</summary>
    internal const long Int8From = 32_000_000;

    public long Bytes => Matrices.Values.Sum(matrix => matrix.Bytes) + Vectors.Values.Sum(vector => (long)vector.Length * sizeof(float));

    /// <summary>What a model is served in when nobody says: as it is stored; 8 bits where it is large enough to gain.</summary>
    public static WeightKind Default(ModelShape shape) =>
        shape.ParameterCount >= Int8From ? WeightKind.Int8 : shape.Format == WeightFormat.BF16 ? WeightKind.BF16 : WeightKind.F32;

    /// <summary>The format of a name on the wire.</summary>
    /// <exception cref="EngineException">Code <c>invalid_argument</c>.</exception>
    public static WeightKind? Parse(string? name) => name switch
    {
        null => null,
        "f32" => WeightKind.F32,
        "bf16" => WeightKind.BF16,
        "int8" => WeightKind.Int8,
        _ => throw new EngineException(WorkerErrors.InvalidArgument, $"weights is {name}; f32, bf16 and int8 are known."),
    };

    /// <summary>Bytes that a model's weights take.</summary>
    public static long Estimate(ModelShape shape, WeightKind kind) => shape.Weights().Sum(weight =>
    {
        var values = weight.Shape.Aggregate(1L, (product, size) => product * size);
        if (weight.Shape.Length == 1 || kind == WeightKind.F32)
            return values * sizeof(float);
        var blocks = weight.Shape[0] * ((weight.Shape[1] + Int8Matrix.Block - 1) / Int8Matrix.Block);
        return kind == WeightKind.BF16 ? values * sizeof(ushort) : blocks * (Int8Matrix.Block + sizeof(float));
    });

    /// <param name="shape">Shape of the model.</param>
    /// <param name="read">Values of a weight; asked for one after another, so that one at a time is in memory twice.</param>
    /// <param name="kind">How to keep matrices.</param>
    /// <param name="path">How to multiply 8-bit ones; null for the best here.</param>
    public static ServedWeights Of(ModelShape shape, Func<string, long[], float[]> read, WeightKind kind, Int8Path? path = null)
    {
        var matrices = new Dictionary<string, Matrix>(StringComparer.Ordinal);
        var vectors = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var (name, size) in shape.Weights())
        {
            var values = read(name, size);
            if (size.Length == 1)
                vectors[name] = values;
            else
                matrices[name] = Matrix(values, (int)size[0], (int)size[1]);
        }
        return new ServedWeights(matrices, vectors);

        Matrix Matrix(float[] values, int outputs, int inputs) => kind switch
        {
            WeightKind.Int8 => new Int8Matrix(values, outputs, inputs, path ?? Int8Paths.Best),
            WeightKind.BF16 => new Brain16Matrix(values, outputs, inputs),
            _ => new Float32Matrix(values, outputs, inputs),
        };
    }
}
