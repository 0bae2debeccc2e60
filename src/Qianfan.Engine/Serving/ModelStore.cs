using System.Globalization;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving;

/// <summary>Reads models; those that are in memory already are shared as long as somebody serves them. Thread-safe.</summary>
/// <param name="threads">How many threads an operation may use.</param>
/// <param name="pool">What weights must leave memory for.</param>
internal sealed class ModelStore(int threads, PagePool pool)
{
    private readonly Crew _crew = new(threads);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, WeakReference<BaseModel>> _bases = new(StringComparer.Ordinal);

    /// <summary>The model that a request asks for.</summary>
    /// <exception cref="EngineException">As <see cref="ServedModel.Load"/>.</exception>
    public ServedModel Load(LoadModel request)
    {
        BaseModel? model;
        // Two adapters that come together must not read their base twice.
        lock (_lock)
        {
            foreach (var key in _bases.Where(entry => !entry.Value.TryGetTarget(out _)).Select(entry => entry.Key).ToList())
                _bases.Remove(key);
            var stamp = Stamp(request);
            if (!_bases.TryGetValue(stamp, out var known) || !known.TryGetTarget(out model))
            {
                model = BaseModel.Load(request.ModelDirectory, _crew, Math.Max(0, MemoryBudget.Available() - pool.Unused), ServedWeights.Parse(request.Weights));
                _bases[stamp] = new WeakReference<BaseModel>(model);
            }
        }
        return ServedModel.On(model, request.AdapterDirectory);
    }

    /// <summary>The folder and the state of its files: one that was written anew is another model.</summary>
    private static string Stamp(LoadModel request)
    {
        var folder = new DirectoryInfo(request.ModelDirectory);
        var files = folder.Exists ? folder.EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal) : Enumerable.Empty<FileInfo>();
        return string.Join('\n', [request.Weights ?? "", folder.FullName,
            .. files.Select(file => string.Create(CultureInfo.InvariantCulture, $"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}"))]);
    }
}
