using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Exports;

/// <summary>A model's weights with an adapter put in, one at a time: a large model needs no more memory than its largest weight.</summary>
internal sealed class MergedWeights : IDisposable
{
    private readonly WeightFiles _files;
    private readonly PeftAdapter? _adapter;
    private readonly Dictionary<string, long[]> _shapes;

    /// <exception cref="EngineException">Code <c>invalid_model</c>.</exception>
    public MergedWeights(string modelDirectory, string? adapterDirectory)
    {
        Shape = ModelShape.Read(modelDirectory);
        _shapes = Shape.Weights().ToDictionary(weight => weight.Name, weight => weight.Shape, StringComparer.Ordinal);
        _adapter = adapterDirectory is null ? null : PeftAdapter.Read(adapterDirectory, Shape);
        _files = WeightFiles.Open(modelDirectory);
        try
        {
            _files.Check(Shape);
        }
        catch
        {
            _files.Dispose();
            throw;
        }
        Provenance = _adapter is null ? _files.Metadata : _adapter.Metadata;
    }

    public ModelShape Shape { get; }

    /// <summary>What the files say about where they come from.</summary>
    public IReadOnlyDictionary<string, string> Provenance { get; }

    public float[] Read(string name)
    {
        var values = _files.Read(name, _shapes[name]);
        _adapter?.MergeInto(name, values);
        return values;
    }

    public void Dispose() => _files.Dispose();
}
