using System.Text.Json;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>The tables of base models that came with four versions of the official SDK.</summary>
internal static class ModelTable
{
    private static readonly Lazy<Tables> s_tables = new(Read);

    public static IReadOnlyList<ModelInfo> Models(SdkVersion version) => s_tables.Value.Models[version];

    public static string WireName(string trainType) => s_tables.Value.Aliases.GetValueOrDefault(trainType, trainType);

    private static Tables Read()
    {
        using var stream = typeof(ModelTable).Assembly.GetManifestResourceStream("Qianfan.Sdk.train-models.json")
            ?? throw new InvalidOperationException("The table of models is missing from the assembly.");
        using var document = JsonDocument.Parse(stream);
        var models = document.RootElement.GetProperty("versions").EnumerateObject()
            .ToDictionary(v => Version(v.Name), v => (IReadOnlyList<ModelInfo>)[.. v.Value.EnumerateArray().Select(m => Model(m, Version(v.Name) != SdkVersion.Seed))]);
        var aliases = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var model in models[SdkVersion.V040])
        {
            aliases.TryAdd(model.TrainType, model.Model);
        }

        foreach (var alias in document.RootElement.GetProperty("aliases").EnumerateObject())
        {
            aliases[alias.Name] = alias.Value.GetString()!;
        }

        return new Tables(aliases, models);
    }

    private static SdkVersion Version(string name) => name switch
    {
        "0.2.0" => SdkVersion.Seed,
        "0.2.3" => SdkVersion.V023,
        "0.2.9" => SdkVersion.V029,
        _ => SdkVersion.V040,
    };

    private static ModelInfo Model(JsonElement entry, bool hasLimits)
    {
        var mode = new SupportedTrainMode
        {
            TrainMode = TrainMode.From(entry.GetProperty("trainMode").GetString()!),
            SupportParameterScale = [.. entry.GetProperty("methods").EnumerateObject().Select(Method)],
        };
        var model = new SupportedModel { Model = entry.GetProperty("model").GetString()!, ModelType = "text2text", BaseModel = Text(entry, "baseModel") };
        return new ModelInfo(Text(entry, "trainType")!, model, mode, Text(entry, "shortName"), Text(entry, "defaultMethod") is { } method ? PeftType.From(method) : null, hasLimits);
    }

    private static SupportedParameterScale Method(JsonProperty method) => new()
    {
        ParameterScale = method.Name,
        SupportHyperParameterConfig = [.. method.Value.EnumerateObject().Select(Parameter)],
    };

    private static SupportedHyperParameter Parameter(JsonProperty parameter)
    {
        var (check, values) = ("range", default(JsonElement));
        foreach (var (member, name) in new[] { ("range", "range"), ("choice", "choice"), ("some", "mult_choice") })
        {
            if (parameter.Value.TryGetProperty(member, out var limit))
            {
                (check, values) = (name, limit);
            }
        }

        return new SupportedHyperParameter
        {
            Key = parameter.Name,
            Type = parameter.Name switch
            {
                "epoch" or "batchSize" or "maxSeqLen" or "loggingSteps" or "loraRank" or "loraAlpha" => "int",
                "loraAllLinear" or "schedulerName" => "string",
                "loraTargetModules" => "array",
                _ => "float",
            },
            CheckType = check,
            CheckValue = values.ValueKind == JsonValueKind.Array ? [.. values.EnumerateArray().Select(v => v.Clone())] : [],
            Default = parameter.Value.TryGetProperty("default", out var value) ? value.Clone() : null,
        };
    }

    private static string? Text(JsonElement entry, string name) => entry.TryGetProperty(name, out var value) ? value.GetString() : null;

    private sealed record Tables(Dictionary<string, string> Aliases, Dictionary<SdkVersion, IReadOnlyList<ModelInfo>> Models);
}
