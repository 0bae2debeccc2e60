using System.Globalization;
using System.Text.Json;
using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>Keeps the newest two checkpoints of a training. A checkpoint appears under its name only when it is complete and on the disk.</summary>
internal sealed class CheckpointStore
{
    private const int Kept = 2;
    private const string Prefix = "step-";
    private const string Unfinished = "unfinished";
    private const string Best = "best.safetensors";
    private readonly string _directory;

    public CheckpointStore(string directory) => _directory = directory;

    /// <summary>Writes a checkpoint and removes all but the newest two.</summary>
    public void Save(TrainingState state, IReadOnlyList<Parameter> parameters, AdamW optimizer)
    {
        var unfinished = Path.Combine(_directory, Unfinished);
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);
        Directory.CreateDirectory(unfinished);
        Write(Path.Combine(unfinished, "weights.safetensors"), parameters);
        Write(Path.Combine(unfinished, "moments.safetensors"), optimizer.Moments);
        CheckpointFolder.WriteAtomically(Path.Combine(unfinished, "state.json"), JsonSerializer.Serialize(state, CheckpointFolder.Indented));
        var place = Path.Combine(_directory, Prefix + state.Step.ToString("D8", CultureInfo.InvariantCulture));
        // There may be one of the same step, when training was stopped again before its first step.
        if (Directory.Exists(place))
            Directory.Delete(place, recursive: true);
        Directory.Move(unfinished, place);
        foreach (var old in Complete().SkipLast(Kept))
            Directory.Delete(old, recursive: true);
    }

    /// <summary>The newest checkpoint's state, or null if there is none.</summary>
    /// <exception cref="EngineException">Code <c>invalid_argument</c>: it belongs to another training; <c>invalid_model</c>: it is damaged.</exception>
    public TrainingState? Newest(string fingerprint)
    {
        if (Complete().LastOrDefault() is not { } newest)
            return null;
        using var document = CheckpointFolder.ReadJson(newest, "state.json");
        var state = document.Deserialize<TrainingState>() ?? throw new EngineException(WorkerErrors.InvalidModel, "The checkpoint's state.json is empty.");
        return state.Fingerprint == fingerprint ? state
            : throw new EngineException(WorkerErrors.InvalidArgument, "The task folder holds a checkpoint of a training with other rows, another base model or other settings.");
    }

    /// <summary>Brings the newest checkpoint's weights and moments into place.</summary>
    /// <returns>Its state, or null if there is none.</returns>
    /// <exception cref="EngineException">Code <c>invalid_argument</c>: it belongs to another training; <c>invalid_model</c>: it is damaged.</exception>
    public TrainingState? Restore(string fingerprint, IReadOnlyList<Parameter> parameters, AdamW optimizer)
    {
        if (Newest(fingerprint) is not { } state)
            return null;
        var newest = Complete().Last();
        Read(Path.Combine(newest, "weights.safetensors"), parameters);
        Read(Path.Combine(newest, "moments.safetensors"), optimizer.Moments);
        return state;
    }

    /// <summary>Keeps the weights of the best validation so far.</summary>
    public void SaveBest(IReadOnlyList<Parameter> parameters) => Write(Path.Combine(_directory, Best), parameters);

    /// <summary>Brings the weights of the best validation into place.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: they are damaged or missing.</exception>
    public void RestoreBest(IReadOnlyList<Parameter> parameters) => Read(Path.Combine(_directory, Best), parameters);

    private static void Write(string path, IReadOnlyList<Parameter> parameters)
    {
        var weights = new SafetensorsWriter();
        foreach (var (name, tensor) in parameters)
            weights.Add(name, tensor.shape, WeightFormat.F32, consume => consume(Tensors.Read(tensor)));
        weights.Write(path);
    }

    private static void Read(string path, IReadOnlyList<Parameter> parameters)
    {
        using var weights = SafetensorsFile.Open(path);
        foreach (var (name, tensor) in parameters)
            Tensors.Write(tensor, values => weights.Read(name, values));
    }

    private IEnumerable<string> Complete() => Directory.Exists(_directory)
        ? Directory.EnumerateDirectories(_directory, Prefix + "*").Order(StringComparer.Ordinal)
        : [];
}
