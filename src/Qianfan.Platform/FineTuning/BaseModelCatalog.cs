using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.FineTuning;

/// <summary>A model that fine-tuning can start from: a folder below the engine's <c>models</c>, described by its <c>qianfan.json</c>.</summary>
internal sealed record BaseModel
{
    /// <summary>The folder's name, or the other name by which it was asked for.</summary>
    public string Name { get; init; } = "";

    public string DisplayName { get; init; } = "";

    public string Description { get; init; } = "";

    public int ContextLength { get; init; }

    public string DefaultParameterScale { get; init; } = "";

    /// <summary>By parameter scale, then by hyper-parameter.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyDictionary<string, HyperParameterLimit>> ParameterScales { get; init; }
}

/// <summary>What a hyper-parameter may be: a range, or one of some choices.</summary>
internal sealed record HyperParameterLimit
{
    public required JsonElement Default { get; init; }

    public double? Min { get; init; }

    public double? Max { get; init; }

    public IReadOnlyList<JsonElement>? Choices { get; init; }
}

/// <summary>The base models there are. Read anew when a description changes, so that a model can be added while the platform runs.</summary>
internal sealed class BaseModelCatalog(DataFolders folders, IOptions<PlatformOptions> options)
{
    private const string DescriptionFile = "qianfan.json";

    private readonly ConcurrentDictionary<string, (DateTime Written, BaseModel Model)> _models = new(StringComparer.Ordinal);

    /// <summary>All, by name: the folders first, then their other names.</summary>
    public IReadOnlyList<BaseModel> List()
    {
        if (!Directory.Exists(folders.BaseModels)) return [];
        var models = Directory.EnumerateDirectories(folders.BaseModels).Select(folder => FindFolder(Path.GetFileName(folder)));
        return [.. Ordered(models), .. Ordered(options.Value.ModelAliases.Keys.Select(Find))];
    }

    /// <summary>The model of this name, or null.</summary>
    public BaseModel? Find(string name) => options.Value.ModelAliases.TryGetValue(name, out var model)
        ? FindFolder(model) is { } found ? found with { Name = name } : null
        : FindFolder(name);

    private static IEnumerable<BaseModel> Ordered(IEnumerable<BaseModel?> models) => models.OfType<BaseModel>().OrderBy(model => model.Name, StringComparer.Ordinal);

    private BaseModel? FindFolder(string name)
    {
        if (!IsName(name)) return null;
        var path = Path.Combine(folders.BaseModel(name), DescriptionFile);
        if (!File.Exists(path)) return null;
        var written = File.GetLastWriteTimeUtc(path);
        if (_models.TryGetValue(name, out var known) && known.Written == written) return known.Model;
        var model = JsonSerializer.Deserialize<BaseModel>(File.ReadAllBytes(path), PlatformJson.Options) ?? throw new JsonException($"{path} is empty.");
        model = model with { Name = name };
        _models[name] = (written, model);
        return model;
    }

    /// <summary>The model of this name.</summary>
    /// <exception cref="PlatformException">There is none; the message lists those there are.</exception>
    public BaseModel Get(string name, string parameter) => Find(name) ?? throw PlatformException.Invalid(
        parameter, $"param[{parameter}] invalid: there is no base model {PlatformException.Shown(name)}; there are: {string.Join(", ", List().Select(model => model.Name))}");

    // A name is never a path.
    private static bool IsName(string name) => name.Length is > 0 and <= 100 && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
