using System.Globalization;
using System.Text.Json;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Checkpoints;

/// <summary>Reads <c>config.json</c>. Whatever would change the model's answers and is not understood is refused.</summary>
internal sealed class ModelConfig(JsonElement root)
{
    public const string FileName = "config.json";

    private static readonly Dictionary<ModelFamily, string[]> s_architectures =
        Enum.GetValues<ModelFamily>().ToDictionary(family => family, family => new[] { $"{family}ForCausalLM" });

    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason.</exception>
    public ModelShape Read()
    {
        var family = Family();
        Require("hidden_act", "silu");
        RequireAbsent("quantization_config");
        if (root.TryGetProperty("partial_rotary_factor", out var partial) && partial.ValueKind != JsonValueKind.Null && Positive("partial_rotary_factor", 1) != 1)
            throw Refuse($"partial_rotary_factor is {partial}, and only 1 is supported");
        var hidden = Size("hidden_size", 1 << 16);
        var heads = Size("num_attention_heads", 1024);
        var keyValueHeads = Size("num_key_value_heads", 1024, heads);
        if (!Has("head_dim") && hidden % heads != 0)
            throw Refuse($"hidden_size {hidden} is no multiple of num_attention_heads {heads}");
        // Qwen3 has a size of its own where the others divide.
        var headSize = Size("head_dim", 1024, family == ModelFamily.Qwen3 ? 128 : hidden / heads);
        if (heads % keyValueHeads != 0)
            throw Refuse($"num_attention_heads {heads} is no multiple of num_key_value_heads {keyValueHeads}");
        if (headSize % 2 != 0)
            throw Refuse($"head_dim {headSize} is odd, so it can't be rotated");
        var layers = Size("num_hidden_layers", 512);
        var context = Size("max_position_embeddings", 1 << 20);
        var scaling = new RopeConfig(root, Refuse).Read(ref context);
        var bias = family is ModelFamily.Llama or ModelFamily.Qwen3 ? Flag("attention_bias") : RequireFalse("attention_bias", family);
        return new ModelShape
        {
            Family = family,
            HiddenSize = hidden,
            IntermediateSize = Size("intermediate_size", 1 << 18),
            Layers = layers,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadSize = headSize,
            VocabularySize = Size("vocab_size", 1 << 20),
            ContextLength = context,
            NormEpsilon = Positive("rms_norm_eps", 1e-6),
            RopeTheta = RopeTheta(),
            Rope = scaling,
            Windows = Windows(family, layers, context),
            QueryKeyValueBias = bias || family == ModelFamily.Qwen2,
            OutputBias = bias,
            FeedForwardBias = family == ModelFamily.Llama ? Flag("mlp_bias") : RequireFalse("mlp_bias", family),
            QueryKeyNorm = family == ModelFamily.Qwen3,
            TiedEmbeddings = Flag("tie_word_embeddings"),
            Format = Format(),
        };
    }

    /// <summary>The text of a <c>config.json</c>.</summary>
    public static string Write(ModelShape shape, int endToken, int padToken) => JsonSerializer.Serialize(new Dictionary<string, object?>
    {
        ["architectures"] = s_architectures[shape.Family],
        ["model_type"] = Name(shape.Family),
        ["hidden_size"] = shape.HiddenSize,
        ["intermediate_size"] = shape.IntermediateSize,
        ["num_hidden_layers"] = shape.Layers,
        ["num_attention_heads"] = shape.Heads,
        ["num_key_value_heads"] = shape.KeyValueHeads,
        ["head_dim"] = shape.HeadSize,
        ["vocab_size"] = shape.VocabularySize,
        ["max_position_embeddings"] = shape.ContextLength,
        ["rms_norm_eps"] = shape.NormEpsilon,
        ["rope_theta"] = shape.RopeTheta,
        ["rope_scaling"] = RopeConfig.Write(shape.Rope),
        ["sliding_window"] = shape.Windows.Count == 0 ? null : shape.NarrowestWindow,
        ["use_sliding_window"] = shape.Windows.Count > 0,
        ["layer_types"] = Enumerable.Range(0, shape.Layers).Select(layer => shape.Window(layer) == int.MaxValue ? "full_attention" : "sliding_attention"),
        ["hidden_act"] = "silu",
        ["attention_bias"] = shape.OutputBias,
        ["mlp_bias"] = shape.FeedForwardBias,
        ["tie_word_embeddings"] = shape.TiedEmbeddings,
        ["bos_token_id"] = null,
        ["eos_token_id"] = endToken,
        ["pad_token_id"] = padToken,
        ["torch_dtype"] = shape.Format switch { WeightFormat.F32 => "float32", WeightFormat.F16 => "float16", _ => "bfloat16" },
        ["use_cache"] = true,
    }, CheckpointFolder.Indented);

    private static string Name(ModelFamily family) => family.ToString().ToLowerInvariant();

    private ModelFamily Family()
    {
        var declared = root.TryGetProperty("model_type", out var type) ? type.ToString() : null;
        var known = Enum.GetValues<ModelFamily>();
        var index = Array.FindIndex(known, family => Name(family) == declared);
        if (index < 0)
            throw Refuse($"model_type is {declared ?? "missing"}, and only {string.Join(", ", known.Select(Name))} are supported");
        if (root.TryGetProperty("architectures", out var names) && names.ValueKind == JsonValueKind.Array && names.GetArrayLength() > 0 &&
            !names.EnumerateArray().Any(name => s_architectures[known[index]].Contains(name.ToString())))
            throw Refuse($"architectures is {names}, and only {s_architectures[known[index]][0]} is supported");
        return known[index];
    }

    private double RopeTheta()
    {
        // Newer files keep it in an object of its own.
        if (root.TryGetProperty("rope_parameters", out var rope) && rope.ValueKind == JsonValueKind.Object && rope.TryGetProperty("rope_theta", out var theta))
            return theta.ValueKind == JsonValueKind.Number && theta.TryGetDouble(out var value) && value > 0 ? value : throw Refuse($"rope_theta is {theta}, not a number above 0");
        return Positive("rope_theta", 10000);
    }

    /// <summary>Which layers look back only so far.</summary>
    private int[] Windows(ModelFamily family, int layers, int context)
    {
        if (family == ModelFamily.Llama)
            RequireAbsent("sliding_window");
        var qwen = family is ModelFamily.Qwen2 or ModelFamily.Qwen3;
        if (!Has("sliding_window") || qwen && !Flag("use_sliding_window"))
            return [];
        var window = Size("sliding_window", 1 << 20);
        var kinds = root.TryGetProperty("layer_types", out var types) && types.ValueKind == JsonValueKind.Array ? types.EnumerateArray().Select(type => type.ToString()).ToArray()
            : [.. Enumerable.Range(0, layers).Select(layer => !qwen || layer >= Count("max_window_layers", layers) ? "sliding_attention" : "full_attention")];
        if (kinds.Length != layers)
            throw Refuse($"layer_types has {kinds.Length} entries for {layers} layers");
        if (Array.Find(kinds, kind => kind is not ("sliding_attention" or "full_attention")) is { } strange)
            throw Refuse($"layer_types names {strange}, and only full_attention and sliding_attention are supported");
        return window >= context || !kinds.Contains("sliding_attention") ? [] : [.. kinds.Select(kind => kind == "sliding_attention" ? window : int.MaxValue)];
    }

    private WeightFormat Format()
    {
        var name = root.TryGetProperty("torch_dtype", out var old) ? old.ToString() : root.TryGetProperty("dtype", out var type) ? type.ToString() : "float32";
        return name switch
        {
            "float32" or "" => WeightFormat.F32,
            "float16" => WeightFormat.F16,
            "bfloat16" => WeightFormat.BF16,
            _ => throw Refuse($"torch_dtype {name} is not supported, only float32, float16 and bfloat16"),
        };
    }

    private bool Has(string name) => root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;

    private int Size(string name, int most, int? otherwise = null) => Number(name, 1, most, otherwise);

    private int Count(string name, int otherwise) => Number(name, 0, 1 << 20, otherwise);

    private int Number(string name, int least, int most, int? otherwise)
    {
        if (!Has(name))
            return otherwise ?? throw Refuse($"{name} is missing");
        var value = root.GetProperty(name);
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least && number <= most
            ? number
            : throw Refuse($"{name} is {value}, not a whole number from {least} to {most}");
    }

    private double Positive(string name, double otherwise)
    {
        if (!Has(name))
            return otherwise;
        var value = root.GetProperty(name);
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number > 0 && double.IsFinite(number)
            ? number
            : throw Refuse($"{name} is {value}, not a number above 0");
    }

    private bool Flag(string name)
    {
        if (!Has(name))
            return false;
        var value = root.GetProperty(name);
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Refuse($"{name} is {value}, neither true nor false");
    }

    private bool RequireFalse(string name, ModelFamily family) =>
        Flag(name) ? throw Refuse($"{name} is true, and only false is supported for {Name(family)}") : false;

    private void Require(string name, string only)
    {
        if (!root.TryGetProperty(name, out var value) || value.ToString() != only)
            throw Refuse($"{name} is {(value.ValueKind == JsonValueKind.Undefined ? "missing" : value.ToString())}, and only {only} is supported");
    }

    private void RequireAbsent(string name)
    {
        if (Has(name))
            throw Refuse($"{name} is not supported");
    }

    private static EngineException Refuse(string reason) => new(WorkerErrors.InvalidModel, string.Create(CultureInfo.InvariantCulture, $"{FileName}: {reason}."));
}
