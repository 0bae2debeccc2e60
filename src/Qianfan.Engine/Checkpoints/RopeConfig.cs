using System.Text.Json;

namespace Qianfan.Engine.Checkpoints;

/// <summary>Reads <c>rope_scaling</c> (older files) or <c>rope_parameters</c> (newer ones) of a <c>config.json</c>.</summary>
internal sealed class RopeConfig(JsonElement config, Func<string, EngineException> refuse)
{
    private static readonly string[] s_common = ["type", "rope_type", "rope_theta", "factor", "original_max_position_embeddings"];

    /// <param name="context">The model's context; a kind of scaling that can't be followed past a point shortens it to that point.</param>
    public RopeScaling Read(ref int context)
    {
        var place = config.TryGetProperty("rope_parameters", out var scaling) && scaling.ValueKind != JsonValueKind.Null ? "rope_parameters" : "rope_scaling";
        if (!config.TryGetProperty(place, out scaling) || scaling.ValueKind == JsonValueKind.Null)
            return RopeScaling.None;
        if (scaling.ValueKind != JsonValueKind.Object)
            throw refuse($"{place} is not an object");
        var kind = scaling.TryGetProperty("rope_type", out var newer) ? newer.ToString() : scaling.TryGetProperty("type", out var older) ? older.ToString() : "default";
        switch (kind)
        {
            case "default":
                Only();
                return RopeScaling.None;
            case "linear":
                Only();
                return new RopeScaling(RopeKind.Linear, Number("factor"));
            case "dynamic":
                // It stretches ever more as the text grows past the original context, so that what was computed before no longer fits.
                // Up to there it changes nothing, and there the engine ends.
                Only();
                context = Math.Min(context, Original(context));
                return RopeScaling.None;
            case "llama3":
                Only("low_freq_factor", "high_freq_factor");
                var llama = new RopeScaling(RopeKind.Llama3, Number("factor"))
                {
                    OriginalContext = Original(null),
                    LowFrequencyFactor = Number("low_freq_factor"),
                    HighFrequencyFactor = Number("high_freq_factor"),
                };
                return llama.LowFrequencyFactor < llama.HighFrequencyFactor ? llama : throw refuse($"low_freq_factor {llama.LowFrequencyFactor} is not below high_freq_factor {llama.HighFrequencyFactor}");
            case "yarn":
                Only("beta_fast", "beta_slow", "attention_factor");
                return new RopeScaling(RopeKind.Yarn, Number("factor"))
                {
                    OriginalContext = Original(context),
                    BetaFast = Number("beta_fast", 32),
                    BetaSlow = Number("beta_slow", 1),
                    AttentionFactor = Has("attention_factor") ? Number("attention_factor") : null,
                };
            default:
                throw refuse($"rope_type {kind} is not supported, only default, linear, dynamic, llama3 and yarn");
        }

        // A setting that is passed over would change every answer a little.
        void Only(params string[] more)
        {
            foreach (var entry in scaling.EnumerateObject())
            {
                if (entry.Value.ValueKind != JsonValueKind.Null && !s_common.Contains(entry.Name) && !more.Contains(entry.Name))
                    throw refuse($"{entry.Name} in {place} of rope_type {kind} is not supported");
            }
        }

        bool Has(string name) => scaling.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;

        double Number(string name, double? otherwise = null)
        {
            if (!Has(name))
                return otherwise ?? throw refuse($"{name} is missing in {place}");
            var value = scaling.GetProperty(name);
            return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number > 0 && double.IsFinite(number)
                ? number
                : throw refuse($"{name} in {place} is {value}, not a number above 0");
        }

        int Original(int? otherwise) => Number("original_max_position_embeddings", otherwise) is var number && number is >= 1 and <= 1 << 24
            ? (int)number
            : throw refuse($"original_max_position_embeddings is {number}");
    }

    /// <summary>What <see cref="Read"/> reads; null for none.</summary>
    public static Dictionary<string, object>? Write(RopeScaling scaling) => scaling.Kind switch
    {
        RopeKind.None => null,
        RopeKind.Linear => new() { ["rope_type"] = "linear", ["factor"] = scaling.Factor },
        RopeKind.Llama3 => new()
        {
            ["rope_type"] = "llama3",
            ["factor"] = scaling.Factor,
            ["low_freq_factor"] = scaling.LowFrequencyFactor,
            ["high_freq_factor"] = scaling.HighFrequencyFactor,
            ["original_max_position_embeddings"] = scaling.OriginalContext,
        },
        _ => new()
        {
            ["rope_type"] = "yarn",
            ["factor"] = scaling.Factor,
            ["beta_fast"] = scaling.BetaFast,
            ["beta_slow"] = scaling.BetaSlow,
            ["attention_factor"] = scaling.Magnitude,
            ["original_max_position_embeddings"] = scaling.OriginalContext,
        },
    };
}
