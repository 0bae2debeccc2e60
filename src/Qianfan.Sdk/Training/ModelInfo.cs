using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>What a base model offers for one kind of training: methods, limits, defaults. Immutable.</summary>
/// <remarks>Known from the platform (<see cref="FineTuningClient.DescribeSupportedModelsAsync"/>), or for Baidu's cloud from a table in this library (py/v0.4.0).</remarks>
public sealed class ModelInfo
{
    private static readonly Lazy<(Dictionary<string, string> Aliases, List<SupportedModel> Models)> s_table = new(ReadTable);
    private readonly SupportedTrainMode _mode;

    private ModelInfo(SupportedModel model, SupportedTrainMode mode)
    {
        Model = model.Model;
        BaseModel = model.BaseModel;
        _mode = mode;
    }

    /// <summary>Name of the model on the wire.</summary>
    public string Model { get; }

    /// <summary>Family that the model belongs to.</summary>
    public string? BaseModel { get; }

    /// <summary>Kind of training.</summary>
    public TrainMode TrainMode => _mode.TrainMode;

    /// <summary>The methods offered, in alphabetical order; the first one is the default.</summary>
    public IReadOnlyList<PeftType> PeftTypes =>
        [.. _mode.SupportParameterScale.Select(s => s.ParameterScale).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(PeftType.From)];

    /// <summary>The train types (and wire names) in the library's table.</summary>
    public static IReadOnlyList<string> KnownTrainTypes => [.. s_table.Value.Models.Select(m => m.Model).Union(s_table.Value.Aliases.Keys).Order(StringComparer.Ordinal)];

    /// <summary>The name on the wire of a train type: <c>ERNIE-Speed</c> is <c>ERNIE-Speed-8K</c>. Unknown ones stay as they are.</summary>
    public static string WireName(string trainType) => s_table.Value.Aliases.GetValueOrDefault(trainType, trainType);

    /// <summary>Finds a train type in the library's table; null when it isn't there.</summary>
    public static ModelInfo? Find(string trainType, TrainMode trainMode) => Find(s_table.Value.Models, trainType, trainMode);

    /// <summary>Finds a train type in what the platform reports; null when it isn't there.</summary>
    public static ModelInfo? Find(IEnumerable<SupportedModel> models, string trainType, TrainMode trainMode)
    {
        ArgumentNullException.ThrowIfNull(models);
        var wire = WireName(trainType);
        foreach (var model in models)
        {
            var isIt = model.Model.Equals(trainType, StringComparison.OrdinalIgnoreCase) || model.Model.Equals(wire, StringComparison.OrdinalIgnoreCase);
            if (isIt && model.SupportTrainMode.FirstOrDefault(m => m.TrainMode == trainMode) is { SupportParameterScale.Count: > 0 } mode)
            {
                return new ModelInfo(model, mode);
            }
        }

        return null;
    }

    /// <summary>The parameters of a method with limits and defaults; empty when the method isn't offered.</summary>
    public IReadOnlyList<SupportedHyperParameter> Parameters(PeftType peftType)
    {
        // The platform has been seen to list a method twice; what comes later completes what came before.
        var merged = new Dictionary<string, SupportedHyperParameter>(StringComparer.Ordinal);
        foreach (var scale in _mode.SupportParameterScale.Where(s => s.ParameterScale == peftType.Normalized.Value))
        {
            foreach (var parameter in scale.SupportHyperParameterConfig)
            {
                merged[parameter.Key] = parameter;
            }
        }

        return [.. merged.Values];
    }

    /// <summary>The default config of a method.</summary>
    /// <param name="peftType">The method; the model's default method when null.</param>
    public TrainConfig DefaultConfig(PeftType? peftType = null)
    {
        var method = peftType?.Normalized ?? PeftTypes[0];
        var values = new JsonObject();
        foreach (var parameter in Parameters(method))
        {
            if (parameter.Default is { ValueKind: not JsonValueKind.Null and not JsonValueKind.Undefined } value)
            {
                values[parameter.Key] = JsonNode.Parse(value.GetRawText());
            }
        }

        return TrainConfig.FromHyperParameters(values, method);
    }

    /// <summary>What is wrong with a config for this model, in full sentences; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate(TrainConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var method = config.PeftType?.Normalized ?? PeftTypes[0];
        if (!PeftTypes.Contains(method))
        {
            return [$"{Model} can't be trained with {method}; it offers {string.Join(", ", PeftTypes)}."];
        }

        var limits = Parameters(method).ToDictionary(p => p.Key, StringComparer.Ordinal);
        var faults = new List<string>();
        foreach (var (key, value) in config.ToHyperParameters())
        {
            if (limits.TryGetValue(key, out var limit) && Fault(limit, value) is { } fault)
            {
                faults.Add($"{key} is {value?.ToJsonString()}; {Model} with {method} takes {fault}.");
            }
        }

        return faults;
    }

    private static string? Fault(SupportedHyperParameter limit, JsonNode? value)
    {
        if (limit.CheckValue.Count == 0)
        {
            return null;
        }

        switch (limit.CheckType)
        {
            case "range" when Number(value) is { } number && Number(limit.CheckValue[0]) is { } low:
                var high = limit.CheckValue.Count > 1 ? Number(limit.CheckValue[1]) ?? low : low;
                return number < low || number > high ? string.Create(CultureInfo.InvariantCulture, $"{low} to {high}") : null;
            case "choice":
                return IsChoice(limit, value) ? null : "one of " + Choices(limit);
            case "mult_choice" when value is JsonArray several:
                return several.All(v => IsChoice(limit, v)) ? null : "some of " + Choices(limit);
            default:
                return null;
        }
    }

    private static bool IsChoice(SupportedHyperParameter limit, JsonNode? value) =>
        limit.CheckValue.Any(c => Number(c) is { } a && Number(value) is { } b ? a.Equals(b) : c.ToString() == value?.ToString());

    private static string Choices(SupportedHyperParameter limit) => string.Join(", ", limit.CheckValue.Select(c => c.ToString()));

    private static double? Number(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static double? Number(JsonNode? value) =>
        value is JsonValue v && v.GetValueKind() == JsonValueKind.Number && double.TryParse(v.ToJsonString(), CultureInfo.InvariantCulture, out var number) ? number : null;

    private static (Dictionary<string, string> Aliases, List<SupportedModel> Models) ReadTable()
    {
        using var stream = typeof(ModelInfo).Assembly.GetManifestResourceStream("Qianfan.Sdk.train-models.json")
            ?? throw new InvalidOperationException("The table of models is missing from the assembly.");
        using var document = JsonDocument.Parse(stream);
        var aliases = document.RootElement.GetProperty("aliases").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!, StringComparer.OrdinalIgnoreCase);
        var models = document.RootElement.GetProperty("models").EnumerateArray().Select(m => m.Deserialize(QianfanJson.Wire.SupportedModel)!).ToList();
        return (aliases, models);
    }
}
