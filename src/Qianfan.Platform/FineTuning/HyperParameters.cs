using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>Makes a worker's configuration from a caller's hyper-parameters, the base model's limits and what the engine knows besides.</summary>
internal static class HyperParameters
{
    private const string Field = "hyperParameterConfig";

    private sealed record Known(string Key, string Name, string Description, string Type, HyperParameterLimit Limit, Func<TrainingConfig, JsonElement, TrainingConfig> Apply);

    // Of turns and of their padding: texts have no turns, and share sequences in any case.
    private static readonly string[] s_ofConversations = ["Packing", "promptDropout"];

    private static readonly string[] s_linear = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    // What a base model says in its description goes before the limits here.
    private static readonly Known[] s_known =
    [
        Integer("epoch", "Epochs", "Passes over the rows", 1, 1000, 3, (config, value) => config with { Epochs = value }),
        Integer("batchSize", "Batch size", "Rows a step; of texts, sequences", 1, 256, 8, (config, value) => config with { BatchSize = value }),
        Number("learningRate", "Learning rate", "Peak of the schedule", 1e-10, 1, 0.001, (config, value) => config with { LearningRate = value }),
        Integer("maxSeqLen", "Sequence length", "Longest row in tokens; a text goes on in the next sequence", 16, 1 << 20, 512, (config, value) => config with { MaxSequenceLength = value }),
        Number("warmupRatio", "Warm-up", "Share of the steps over which the learning rate grows", 0, 1, 0.03, (config, value) => config with { WarmupRatio = value }),
        Number("weightDecay", "Weight decay", "Decoupled weight decay of AdamW", 0, 1, 0.01, (config, value) => config with { WeightDecay = value }),
        Choice("schedulerName", "Schedule", "Course of the learning rate", ["cosine", "linear", "constant"], (config, value) => config with { Scheduler = value }),
        Number("maxGradientNorm", "Gradient norm", "Norm above which gradients are scaled down", 1e-6, 1e6, 1, (config, value) => config with { MaxGradientNorm = value }),
        Integer("loggingSteps", "Logging", "Steps between two reported losses", 1, 10_000, 1, (config, value) => config with { LoggingSteps = value }),
        Integer("checkpointSteps", "Checkpoints", "Steps between two checkpoints; 0: about every 20 seconds", 0, 1_000_000, 0, (config, value) => config with { CheckpointSteps = value }),
        Integer("seed", "Seed", "Of initialization, order and dropout", 0, int.MaxValue, 42, (config, value) => config with { Seed = value }),
        Integer("loraRank", "LoRA rank", "Rank of the adapter", 1, 1024, 8, (config, value) => config with { LoraRank = value }),
        Number("loraAlpha", "LoRA alpha", "Scale of the adapter, divided by its rank", 0.001, 4096, 16, (config, value) => config with { LoraAlpha = value }),
        Number("loraDropout", "LoRA dropout", "Dropout before the adapter", 0, 0.9, 0, (config, value) => config with { LoraDropout = value }),
        Several("loraTargetModules", "LoRA layers", "Linear layers that get an adapter", s_linear, (config, value) => config with { LoraTargetModules = value.Count == s_linear.Length ? null : value }),
        // Capital P: so it is on the wire of the official clients, True and False as texts too.
        Switch("Packing", "Packing", "Short rows share a sequence, without seeing each other", (config, value) => config with { Packing = value }),
        Number("promptDropout", "Prompt dropout", "Share of a question's words that every second row of an epoch goes without: other wordings are understood more often", 0, 0.9, 0, (config, value) => config with { PromptDropout = value }),
        Switch("activationCheckpointing", "Activation checkpointing", "Less memory for about a third more work; the losses are the same", (config, value) => config with { ActivationCheckpointing = value }),
        Choice("precision", "Precision", "Number format of the matrix products; auto takes bf16 for larger models where the hardware gains from it", ["auto", "fp32", "bf16"], (config, value) => config with { Precision = value }),
        Integer("gradientAccumulationSteps", "Accumulation", "Batches whose gradients make one step", 1, 1024, 1, (config, value) => config with { GradientAccumulationSteps = value }),
        Integer("earlyStopPatience", "Early stop", "Validations without a better loss after which training ends; 0: never", 0, 1000, 0, (config, value) => config with { EarlyStopPatience = value }),
        Switch("keepBest", "Best weights", "The model has the weights of its best validation, not the last ones", (config, value) => config with { KeepBest = value }),
    ];

    /// <summary>The parameters of a base model, kind of training and scale, as DescribeFineTuningSupportModels lists them.</summary>
    public static IReadOnlyList<SupportedHyperParameter> Describe(BaseModel model, TrainMode mode, string scale) =>
        [.. Applicable(model.ParameterScales[scale], mode, scale).Select(entry => new SupportedHyperParameter
        {
            Key = entry.Known.Key,
            Name = entry.Known.Name,
            Description = entry.Known.Description,
            Type = entry.Known.Type,
            CheckType = entry.Known.Type == "array" ? "mult_choice" : entry.Limit.Choices is null ? "range" : "choice",
            CheckValue = entry.Limit.Choices ?? [Json(entry.Limit.Min ?? 0), Json(entry.Limit.Max ?? double.MaxValue)],
            Default = entry.Limit.Default,
        })];

    /// <summary>The configuration.</summary>
    /// <exception cref="PlatformException">A parameter is unknown, of the wrong type or out of its limits; the message names it.</exception>
    public static TrainingConfig Resolve(BaseModel model, TrainMode mode, string scale, JsonObject given, double validationPercent)
    {
        if (!model.ParameterScales.TryGetValue(scale, out var limits))
        {
            throw PlatformException.Invalid(
                "parameterScale",
                $"param[parameterScale] invalid: {model.Name} can be trained by {string.Join(" or ", model.ParameterScales.Keys)}, not by {PlatformException.Shown(scale)}");
        }

        var applicable = Applicable(limits, mode, scale).ToDictionary(entry => entry.Known.Key, StringComparer.Ordinal);
        foreach (var (key, _) in given.Where(entry => entry.Value is not null && !applicable.ContainsKey(entry.Key)))
            throw Wrong(key, $"is not known to {model.Name} with {mode} and {scale}; known are {string.Join(", ", applicable.Keys)}");

        Together(given, validationPercent);
        var config = new TrainingConfig { ParameterScale = scale, Epochs = 1, BatchSize = 1, LearningRate = 0.001, MaxSequenceLength = model.ContextLength };
        foreach (var (key, (known, limit)) in applicable)
        {
            var value = given[key] is { } node ? Check(known, limit, node) : limit.Default;
            config = known.Apply(config, value);
        }

        return config with { ValidationPercent = validationPercent };
    }

    private static IEnumerable<(Known Known, HyperParameterLimit Limit)> Applicable(IReadOnlyDictionary<string, HyperParameterLimit> limits, TrainMode mode, string scale) =>
        from known in s_known
        where scale == "LoRA" || !known.Key.StartsWith("lora", StringComparison.Ordinal)
        where mode != TrainMode.PostPretrain || !s_ofConversations.Contains(known.Key)
        select (known, limits.GetValueOrDefault(known.Key) ?? known.Limit);

    // Both look at rows that are held out.
    private static void Together(JsonObject given, double validationPercent)
    {
        if (validationPercent > 0)
            return;
        foreach (var key in new[] { "earlyStopPatience", "keepBest" })
        {
            if (given[key]?.ToString() is { } value && value is not "0" and not "False")
                throw Wrong(key, "needs rows that are held out: give a split ratio above 0");
        }
    }

    private static JsonElement Check(Known known, HyperParameterLimit limit, JsonNode node)
    {
        if (known.Type == "array")
            return CheckSeveral(known, limit.Choices!, node);
        var value = Read(known, node);
        if (limit.Choices is { } choices)
        {
            if (!choices.Any(choice => JsonElement.DeepEquals(choice, value)))
                throw Wrong(known.Key, $"must be one of {string.Join(", ", choices)}, not {PlatformException.Shown(node.ToJsonString())}");
            return value;
        }

        var number = value.GetDouble();
        if (number < (limit.Min ?? double.MinValue) || number > (limit.Max ?? double.MaxValue))
            throw Wrong(known.Key, string.Create(CultureInfo.InvariantCulture, $"must be between {limit.Min} and {limit.Max}, not {number}"));
        return value;
    }

    private static JsonElement CheckSeveral(Known known, IReadOnlyList<JsonElement> choices, JsonNode node)
    {
        if (node is not JsonArray { Count: > 0 } given || !given.All(item => choices.Any(choice => choice.ToString() == item?.ToString())))
            throw Wrong(known.Key, $"must be a list of some of {string.Join(", ", choices)}, not {PlatformException.Shown(node.ToJsonString())}");
        return JsonSerializer.SerializeToElement(given.Select(item => item!.ToString()).Distinct());
    }

    // Official clients send some numbers as text.
    private static JsonElement Read(Known known, JsonNode node)
    {
        var text = node is JsonValue value && value.TryGetValue<string>(out var given) ? given : node.ToJsonString();
        return known.Type switch
        {
            "string" when node is JsonValue boolean && boolean.TryGetValue<bool>(out var flag) => Json(flag ? "True" : "False"),
            "string" when node is JsonValue => Json(text),
            "int" when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) && whole is >= int.MinValue and <= int.MaxValue => Json(whole),
            "int" when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && real == Math.Floor(real) && Math.Abs(real) <= int.MaxValue => Json((long)real),
            "float" when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) => Json(real),
            "int" => throw Wrong(known.Key, $"must be a whole number, not {PlatformException.Shown(node.ToJsonString())}"),
            "float" => throw Wrong(known.Key, $"must be a number, not {PlatformException.Shown(node.ToJsonString())}"),
            _ => throw Wrong(known.Key, $"must be text, not {PlatformException.Shown(node.ToJsonString())}"),
        };
    }

    private static PlatformException Wrong(string key, string what) => PlatformException.Invalid($"{Field}.{key}", $"param[{Field}.{key}] {what}");

    private static Known Integer(string key, string name, string description, int min, int max, int standard, Func<TrainingConfig, int, TrainingConfig> apply) =>
        new(key, name, description, "int", new HyperParameterLimit { Default = Json((long)standard), Min = min, Max = max }, (config, value) => apply(config, value.GetInt32()));

    private static Known Number(string key, string name, string description, double min, double max, double standard, Func<TrainingConfig, double, TrainingConfig> apply) =>
        new(key, name, description, "float", new HyperParameterLimit { Default = Json(standard), Min = min, Max = max }, (config, value) => apply(config, value.GetDouble()));

    private static Known Choice(string key, string name, string description, string[] choices, Func<TrainingConfig, string, TrainingConfig> apply) =>
        new(key, name, description, "string", new HyperParameterLimit { Default = Json(choices[0]), Choices = [.. choices.Select(Json)] }, (config, value) => apply(config, value.GetString()!));

    private static Known Switch(string key, string name, string description, Func<TrainingConfig, bool, TrainingConfig> apply) =>
        Choice(key, name, description, ["False", "True"], (config, value) => apply(config, value == "True"));

    private static Known Several(string key, string name, string description, string[] choices, Func<TrainingConfig, IReadOnlyList<string>, TrainingConfig> apply) =>
        new(
            key,
            name,
            description,
            "array",
            new HyperParameterLimit { Default = JsonSerializer.SerializeToElement(choices), Choices = [.. choices.Select(Json)] },
            // The engine calls layers by their last name.
            (config, value) => apply(config, [.. value.EnumerateArray().Select(item => item.GetString()!.Split('.')[^1])]));

    private static JsonElement Json(string value) => JsonSerializer.SerializeToElement(value);

    private static JsonElement Json(long value) => JsonSerializer.SerializeToElement(value);

    private static JsonElement Json(double value) => JsonSerializer.SerializeToElement(value);
}
