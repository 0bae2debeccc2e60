using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>What a base model offers for one kind of training: methods, limits, defaults. Immutable.</summary>
/// <remarks>Known from the platform (<see cref="FineTuningClient.DescribeSupportedModelsAsync"/>), or from the tables of four versions of the official SDK. Seed: <c>qianfan.trainer.configs.ModelInfo</c> and <c>ModelInfoMapping</c> of the versions after it.</remarks>
public sealed class ModelInfo
{
    private readonly SupportedTrainMode _mode;
    private readonly PeftType? _defaultPeftType;

    internal ModelInfo(string trainType, SupportedModel model, SupportedTrainMode mode, string? shortName = null, PeftType? defaultPeftType = null, bool hasLimits = true)
    {
        TrainType = trainType;
        Model = model.Model;
        BaseModel = model.BaseModel;
        ShortName = shortName;
        HasLimits = hasLimits;
        _mode = mode;
        _defaultPeftType = defaultPeftType;
    }

    /// <summary>The name by which the SDK calls it, such as <c>ERNIE-Speed</c>; the same as <see cref="Model"/> where the platform reports it.</summary>
    public string TrainType { get; }

    /// <summary>Name of the model on the wire of V2, such as <c>ERNIE-Speed-8K</c>.</summary>
    public string Model { get; }

    /// <summary>Family that the model belongs to, such as <c>ERNIE-Bot-turbo</c>; on the wire of V1 the <c>baseTrainType</c>.</summary>
    public string? BaseModel { get; }

    /// <summary>Short name, with which the official SDK begins the names of jobs; null where none is given.</summary>
    public string? ShortName { get; }

    /// <summary>False where nothing is checked: the seed's table holds one default config for each model and no limits.</summary>
    public bool HasLimits { get; }

    /// <summary>Kind of training.</summary>
    public TrainMode TrainMode => _mode.TrainMode;

    /// <summary>The methods offered, in alphabetical order.</summary>
    public IReadOnlyList<PeftType> PeftTypes =>
        [.. _mode.SupportParameterScale.Select(s => s.ParameterScale).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(PeftType.From)];

    /// <summary>The method that is used when none is asked for: the one of the table, else the first in alphabetical order.</summary>
    public PeftType DefaultPeftType => _defaultPeftType ?? PeftTypes[0];

    /// <summary>The train types in the library's table of a version, with their names on the wire of V2.</summary>
    public static IReadOnlyList<string> KnownTrainTypes(SdkVersion version = SdkVersion.V040) =>
        [.. ModelTable.Models(version).SelectMany(m => new[] { m.TrainType, m.Model }).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>The name on the wire of a train type: <c>ERNIE-Speed</c> is <c>ERNIE-Speed-8K</c>. Unknown ones stay as they are.</summary>
    public static string WireName(string trainType) => ModelTable.WireName(trainType);

    /// <summary>Finds a train type (or its name on the wire) in the library's table of a version; null when it isn't there.</summary>
    public static ModelInfo? Find(string trainType, TrainMode trainMode, SdkVersion version = SdkVersion.V040)
    {
        var models = ModelTable.Models(version).Where(m => m.TrainMode == trainMode).ToList();
        return models.Find(m => m.TrainType.Equals(trainType, StringComparison.OrdinalIgnoreCase))
            ?? models.Find(m => m.Model.Equals(trainType, StringComparison.OrdinalIgnoreCase));
    }

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
                return new ModelInfo(model.Model, model, mode);
            }
        }

        return null;
    }

    /// <summary>Asks the platform for a train type; on Baidu's cloud one that it doesn't report is looked up in the library's table.</summary>
    /// <exception cref="InvalidArgumentException">It can't be trained so; the message says what the platform offers.</exception>
    public static async Task<ModelInfo> FindAsync(QianfanClient client, string trainType, TrainMode trainMode, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        var models = await client.FineTuning.DescribeSupportedModelsAsync(cancellationToken).ConfigureAwait(false);
        if (Find(models, trainType, trainMode) is { } reported)
        {
            return reported;
        }

        if (!client.Options.PlatformExtensions && Find(trainType, trainMode) is { } known)
        {
            return known;
        }

        var offered = models.Where(m => m.SupportTrainMode.Any(s => s.TrainMode == trainMode)).Select(m => m.Model);
        throw new InvalidArgumentException($"The platform can't train {trainType} by {trainMode}; it offers {string.Join(", ", offered)}.");
    }

    /// <summary>The parameters of a method with limits and defaults; empty when the method isn't offered.</summary>
    public IReadOnlyList<SupportedHyperParameter> Parameters(PeftType peftType)
    {
        // The platform has been seen to list a method twice: the later one counts, as for the official client.
        var method = _mode.SupportParameterScale.LastOrDefault(s => s.ParameterScale == peftType.Normalized.Value);
        return method is null ? [] : [.. method.SupportHyperParameterConfig.GroupBy(p => p.Key, StringComparer.Ordinal).Select(g => g.Last())];
    }

    /// <summary>The default config of a method. Parameters that <see cref="TrainConfig"/> has no property for are left out: the platform has their defaults anyway.</summary>
    /// <param name="peftType">The method; the model's default method when null.</param>
    public TrainConfig DefaultConfig(PeftType? peftType = null)
    {
        var method = peftType?.Normalized ?? DefaultPeftType;
        var values = new JsonObject();
        foreach (var parameter in Parameters(method))
        {
            if (parameter.Default is { ValueKind: not JsonValueKind.Null and not JsonValueKind.Undefined } value)
            {
                values[parameter.Key] = JsonNode.Parse(value.GetRawText());
            }
        }

        return TrainConfig.FromHyperParameters(values, method) with { Extras = null };
    }

    /// <summary>What is wrong with a config for this model, in full sentences; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate(TrainConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (!HasLimits)
        {
            return [];
        }

        var method = config.PeftType?.Normalized ?? DefaultPeftType;
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

    /// <summary>A base model that nothing is known of: no limits, no defaults.</summary>
    internal static ModelInfo Unknown(string trainType, string? baseModel, TrainMode mode, PeftType method) => new(
        trainType,
        new SupportedModel { Model = WireName(trainType), BaseModel = baseModel },
        new SupportedTrainMode { TrainMode = mode, SupportParameterScale = [new SupportedParameterScale { ParameterScale = method.Normalized.Value }] },
        hasLimits: false);

    /// <summary>The same defaults for another base model.</summary>
    internal ModelInfo As(string trainType, string baseModel) =>
        new(trainType, new SupportedModel { Model = trainType, BaseModel = baseModel }, _mode, null, _defaultPeftType, HasLimits);

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
}
