using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>A parameter of training that a person can set, with what the platform says about it.</summary>
/// <param name="Key">Name on the wire, such as <c>learningRate</c>.</param>
/// <param name="IsWhole">Takes whole numbers only.</param>
/// <param name="Low">Lowest value of a range; null for choices.</param>
/// <param name="High">Highest value of a range; null for choices.</param>
/// <param name="Choices">The values to choose from; empty for a range.</param>
/// <param name="Default">What the platform takes when nothing is given; null when it does not say.</param>
public sealed record TrainField(string Key, bool IsWhole, double? Low, double? High, IReadOnlyList<string> Choices, string? Default)
{
    /// <summary>The limits as a person reads them: <c>1 – 50</c>, or the choices.</summary>
    public string Limits => Choices.Count > 0
        ? string.Join(", ", Choices)
        : Low is { } low && High is { } high ? $"{low.ToString("0.#########", CultureInfo.CurrentCulture)} – {high.ToString("0.#########", CultureInfo.CurrentCulture)}" : "";

    /// <summary>Whether a value is one that the platform takes.</summary>
    public bool Accepts(string value)
    {
        if (Choices.Count > 0)
            return Choices.Any(c => c == value || (Number(c) is { } choice && Number(value) is { } given && choice.Equals(given)));
        return Number(value) is { } number && (!IsWhole || number == Math.Floor(number)) && !(number < Low) && !(number > High);
    }

    /// <summary>Reads a number as people of any culture that the portal speaks write one: with a decimal point.</summary>
    public static double? Number(string? text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
}

/// <summary>A way to train a base model.</summary>
/// <param name="PeftType"><c>FullFineTuning</c>, <c>LoRA</c> ...</param>
/// <param name="Fields">Its parameters, the everyday ones first.</param>
public sealed record TrainMethod(string PeftType, IReadOnlyList<TrainField> Fields);

/// <summary>A base model that can be fine-tuned.</summary>
/// <param name="Name">Its name on the platform.</param>
/// <param name="Methods">How it can be trained; the default first.</param>
public sealed record BaseModelOption(string Name, IReadOnlyList<TrainMethod> Methods)
{
    // Parameters that a form can show: those that are a number or a choice.
    private static readonly string[] KnownFields = ["epoch", "batchSize", "learningRate", "maxSeqLen", "loraRank", "loraAlpha", "loraDropout", "warmupRatio", "weightDecay", "schedulerName", "gradientAccumulationSteps", "promptDropout", "Packing", "activationCheckpointing", "precision", "earlyStopPatience", "keepBest", "loggingSteps"];

    /// <summary>What a platform reports, as far as it can be trained in that way.</summary>
    public static IReadOnlyList<BaseModelOption> From(IReadOnlyList<SupportedModel> models, TrainMode mode) =>
        [.. models.Select(m => ModelInfo.Find([m], m.Model, mode)).OfType<ModelInfo>().Select(From)];

    private static BaseModelOption From(ModelInfo info) => new(
        info.Model,
        [.. info.PeftTypes.Select(method => new TrainMethod(
            method.Value,
            [.. info.Parameters(method).Where(p => KnownFields.Contains(p.Key)).Select(Field).OrderBy(f => Array.IndexOf(KnownFields, f.Key))]))]);

    private static TrainField Field(SupportedHyperParameter parameter)
    {
        var range = parameter.CheckType == "range";
        double? Bound(int i) => range && parameter.CheckValue.Count > 0 && parameter.CheckValue[Math.Min(i, parameter.CheckValue.Count - 1)] is { ValueKind: JsonValueKind.Number } bound ? bound.GetDouble() : null;
        return new TrainField(
            parameter.Key,
            parameter.Type == "int",
            Bound(0),
            Bound(1),
            range ? [] : [.. parameter.CheckValue.Select(Text)],
            parameter.Default is { ValueKind: JsonValueKind.Number or JsonValueKind.String } value ? Text(value) : null);
    }

    /// <summary>The config of values that a person gave, by their names on the wire; what was left as it is stays with the platform.</summary>
    public static TrainConfig ConfigOf(string peftType, IReadOnlyDictionary<string, string> values, int validationPercent)
    {
        var parameters = new JsonObject();
        foreach (var (key, value) in values)
            parameters[key] = TrainField.Number(value) is { } number ? (number == Math.Floor(number) && Math.Abs(number) < 1e15 ? JsonValue.Create((long)number) : JsonValue.Create(number)) : value;
        return TrainConfig.FromHyperParameters(parameters, new PeftType(peftType)) with { TrainsetRate = validationPercent };
    }

    // What JSON calls 0.0001 and 1E-4 alike is shown as people write it.
    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetDouble().ToString("0.############", CultureInfo.InvariantCulture) : value.ToString();
}
