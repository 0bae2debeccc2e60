using Microsoft.Extensions.Options;

namespace Qianfan.Platform.Data;

/// <summary>Where the platform keeps its files. All paths are absolute.</summary>
internal sealed class DataFolders
{
    private readonly string _root;
    private readonly IDictionary<string, string> _aliases;

    public DataFolders(IOptions<PlatformOptions> options)
    {
        _aliases = options.Value.ModelAliases;
        _root = Path.GetFullPath(options.Value.DataDirectory);
        Engine = Path.GetFullPath(options.Value.EngineDirectory ?? Path.Combine(AppContext.BaseDirectory, "engine"));
        Bos = options.Value.BosDirectory is { } bos ? Path.GetFullPath(bos) : null;
    }

    public string Engine { get; }

    public string BaseModels => Path.Combine(Engine, "models");

    public string? Bos { get; }

    public string Database => Path.Combine(_root, "platform.db");

    public string SchedulerDatabase => Path.Combine(_root, "training-scheduler.db");

    public string Files => Path.Combine(_root, "files");

    public string Uploads => Path.Combine(_root, "uploads");

    public string Datasets => Path.Combine(_root, "datasets");

    public string Tasks => Path.Combine(_root, "tasks");

    public string Models => Path.Combine(_root, "models");

    public string File(string publicId) => Path.Combine(Files, publicId);

    public string UploadPart(string publicId) => Path.Combine(Uploads, publicId);

    public string Dataset(string publicId) => Path.Combine(Datasets, publicId);

    public string Task(string publicId) => Path.Combine(Tasks, publicId);

    public string TaskRows(string publicId) => Path.Combine(Task(publicId), "rows.jsonl");

    public string TaskValidationRows(string publicId) => Path.Combine(Task(publicId), "validation.jsonl");

    public string TaskStart(string publicId) => Path.Combine(Task(publicId), "start");

    public string TaskOutput(string publicId) => Path.Combine(Task(publicId), "output");

    public string Exports => Path.Combine(_root, "exports");

    public string Export(string publicId) => Path.Combine(Exports, publicId);

    public string ExportContent(string publicId) => Path.Combine(Export(publicId), "content");

    public string Model(string publicId) => Path.Combine(Models, publicId);

    /// <summary>A base model by its name, or by another name that the settings give it.</summary>
    public string BaseModel(string name) => Path.Combine(BaseModels, _aliases.TryGetValue(name, out var model) ? model : name);

    public void Create()
    {
        foreach (var folder in new[] { _root, Files, Uploads, Datasets, Tasks, Models, Exports }) Directory.CreateDirectory(folder);
    }
}
