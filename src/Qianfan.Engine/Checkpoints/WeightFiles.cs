using System.Numerics.Tensors;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Checkpoints;

/// <summary>The weights of a model folder, in one file or in several with an index.</summary>
internal sealed class WeightFiles : IDisposable
{
    public const string SingleFile = "model.safetensors";
    public const string IndexFile = "model.safetensors.index.json";
    private readonly Dictionary<string, SafetensorsFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SafetensorsFile> _owners = new(StringComparer.Ordinal);

    private WeightFiles()
    {
    }

    /// <exception cref="EngineException">Code <c>invalid_model</c>.</exception>
    public static WeightFiles Open(string directory)
    {
        var weights = new WeightFiles();
        try
        {
            if (File.Exists(Path.Combine(directory, SingleFile)))
            {
                weights.Add(directory, SingleFile);
            }
            else if (File.Exists(Path.Combine(directory, IndexFile)))
            {
                using var index = CheckpointFolder.ReadJson(directory, IndexFile);
                if (!index.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != System.Text.Json.JsonValueKind.Object)
                    throw new EngineException(WorkerErrors.InvalidModel, $"{IndexFile} has no weight_map.");
                foreach (var name in map.EnumerateObject().Select(entry => entry.Value.ToString()).Distinct(StringComparer.Ordinal))
                {
                    // The index names neighbours, never a path.
                    if (name.Length == 0 || name != Path.GetFileName(name) || name.Contains('\0', StringComparison.Ordinal))
                        throw new EngineException(WorkerErrors.InvalidModel, $"{IndexFile} names the file {name}, which is not in its folder.");
                    weights.Add(directory, name);
                }
            }
            else
            {
                throw new EngineException(WorkerErrors.InvalidModel, $"{SingleFile} is missing in {directory}; other weight formats are not supported.");
            }
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => _owners.ContainsKey(name);

    /// <summary>Reads a weight after checking that it has the shape that <c>config.json</c> implies.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: it is missing, has another shape, or holds what is no number.</exception>
    public float[] Read(string name, long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        Read(name, shape, values);
        return values;
    }

    /// <inheritdoc cref="Read(string, long[])"/>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="into">Gets its values.</param>
    public void Read(string name, long[] shape, Span<float> into)
    {
        Find(name, shape).Read(name, into);
        if (!TensorPrimitives.IsFiniteAll<float>(into))
            throw new EngineException(WorkerErrors.InvalidModel, $"The weight {name} holds values that are not numbers.");
    }

    private SafetensorsFile Find(string name, long[] shape)
    {
        if (!_owners.TryGetValue(name, out var file))
            throw new EngineException(WorkerErrors.InvalidModel, $"The weight {name} is missing.");
        var stored = file.Tensors[name].Shape;
        if (!stored.AsSpan().SequenceEqual(shape))
            throw new EngineException(WorkerErrors.InvalidModel, $"The weight {name} is [{string.Join(", ", stored)}]; config.json makes it [{string.Join(", ", shape)}].");
        return file;
    }

    /// <summary>What the files say about where they come from.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _files.Values.FirstOrDefault()?.Metadata ?? new Dictionary<string, string>();

    /// <summary>All weights that the shape asks for.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: as <see cref="Check"/>.</exception>
    public Dictionary<string, float[]> ReadAll(ModelShape shape)
    {
        Check(shape);
        return shape.Weights().ToDictionary(weight => weight.Name, weight => Read(weight.Name, weight.Shape), StringComparer.Ordinal);
    }

    /// <summary>Looks whether the files hold what the shape asks for.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: a weight is missing, has another shape, or the folder holds one that the model has no use for.</exception>
    public void Check(ModelShape shape)
    {
        var wanted = shape.Weights().ToDictionary(weight => weight.Name, weight => weight.Shape, StringComparer.Ordinal);
        foreach (var name in _owners.Keys)
        {
            // Written by some tools although nothing learns from them, or a copy of the tied embedding.
            if (!wanted.ContainsKey(name) && !name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal) && name != WeightNames.Head)
                throw new EngineException(WorkerErrors.InvalidModel, $"The weight {name} has no place in a {shape.Family} model of this shape.");
        }
        foreach (var (name, size) in wanted)
            Find(name, size);
    }

    public void Dispose()
    {
        foreach (var file in _files.Values)
            file.Dispose();
    }

    private void Add(string directory, string name)
    {
        var file = SafetensorsFile.Open(Path.Combine(directory, name));
        _files.Add(name, file);
        foreach (var tensor in file.Tensors.Keys)
        {
            if (!_owners.TryAdd(tensor, file))
                throw new EngineException(WorkerErrors.InvalidModel, $"The weight {tensor} is in two files.");
        }
    }
}
