using System.Globalization;
using System.Text.Json;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Checkpoints;

/// <summary>The shape of a Llama decoder, as <c>config.json</c> of a Hugging Face folder tells it.</summary>
internal sealed record ModelShape
{
    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadSize { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>Most tokens of prompt and answer together.</summary>
    public required int ContextLength { get; init; }

    public double NormEpsilon { get; init; } = 1e-5;

    public double RopeTheta { get; init; } = 10000;

    /// <summary>The output layer is the embedding table.</summary>
    public bool TiedEmbeddings { get; init; } = true;

    /// <summary>Number format of the stored weights.</summary>
    public WeightFormat Format { get; init; } = WeightFormat.BF16;

    public int QuerySize => Heads * HeadSize;

    public int KeyValueSize => KeyValueHeads * HeadSize;

    /// <summary>Every weight with its name in a checkpoint, in a fixed order.</summary>
    public IEnumerable<(string Name, long[] Shape)> Weights()
    {
        yield return (WeightNames.Embedding, [VocabularySize, HiddenSize]);
        for (var layer = 0; layer < Layers; layer++)
        {
            yield return (WeightNames.InputNorm(layer), [HiddenSize]);
            foreach (var (name, outputs, inputs) in Linears(layer))
                yield return (name, [outputs, inputs]);
            yield return (WeightNames.PostAttentionNorm(layer), [HiddenSize]);
        }
        yield return (WeightNames.Norm, [HiddenSize]);
        if (!TiedEmbeddings)
            yield return (WeightNames.Head, [VocabularySize, HiddenSize]);
    }

    /// <summary>The linear layers of a block: what LoRA adapts.</summary>
    public IEnumerable<(string Name, int Outputs, int Inputs)> Linears(int layer)
    {
        yield return (WeightNames.Query(layer), QuerySize, HiddenSize);
        yield return (WeightNames.Key(layer), KeyValueSize, HiddenSize);
        yield return (WeightNames.Value(layer), KeyValueSize, HiddenSize);
        yield return (WeightNames.Output(layer), HiddenSize, QuerySize);
        yield return (WeightNames.Gate(layer), IntermediateSize, HiddenSize);
        yield return (WeightNames.Up(layer), IntermediateSize, HiddenSize);
        yield return (WeightNames.Down(layer), HiddenSize, IntermediateSize);
    }

    public long ParameterCount => Weights().Sum(weight => weight.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>Reads and checks <c>config.json</c>.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason.</exception>
    public static ModelShape Read(string directory)
    {
        using var document = CheckpointFolder.ReadJson(directory, "config.json");
        return new ConfigReader(document.RootElement).Read();
    }

    /// <summary>The text of <c>config.json</c>.</summary>
    public string ToJson(int endToken, int padToken) => JsonSerializer.Serialize(new Dictionary<string, object?>
    {
        ["architectures"] = s_architectures,
        ["model_type"] = "llama",
        ["hidden_size"] = HiddenSize,
        ["intermediate_size"] = IntermediateSize,
        ["num_hidden_layers"] = Layers,
        ["num_attention_heads"] = Heads,
        ["num_key_value_heads"] = KeyValueHeads,
        ["head_dim"] = HeadSize,
        ["vocab_size"] = VocabularySize,
        ["max_position_embeddings"] = ContextLength,
        ["rms_norm_eps"] = NormEpsilon,
        ["rope_theta"] = RopeTheta,
        ["rope_scaling"] = null,
        ["hidden_act"] = "silu",
        ["attention_bias"] = false,
        ["mlp_bias"] = false,
        ["tie_word_embeddings"] = TiedEmbeddings,
        ["bos_token_id"] = null,
        ["eos_token_id"] = endToken,
        ["pad_token_id"] = padToken,
        ["torch_dtype"] = Format switch { WeightFormat.F32 => "float32", WeightFormat.F16 => "float16", _ => "bfloat16" },
        ["use_cache"] = true,
    }, CheckpointFolder.Indented);

    private static readonly string[] s_architectures = ["LlamaForCausalLM"];

    private sealed class ConfigReader(JsonElement root)
    {
        public ModelShape Read()
        {
            Require("model_type", "llama");
            Require("hidden_act", "silu");
            RequireFalse("attention_bias");
            RequireFalse("mlp_bias");
            RequireAbsent("rope_scaling");
            RequireAbsent("sliding_window");
            RequireAbsent("quantization_config");
            var hidden = Size("hidden_size", 1 << 16);
            var heads = Size("num_attention_heads", 1024);
            var keyValueHeads = Size("num_key_value_heads", 1024, heads);
            if (!root.TryGetProperty("head_dim", out var declared) || declared.ValueKind == JsonValueKind.Null)
            {
                if (hidden % heads != 0)
                    throw Refuse($"hidden_size {hidden} is no multiple of num_attention_heads {heads}");
            }
            var headSize = Size("head_dim", 1024, hidden / heads);
            if (heads % keyValueHeads != 0)
                throw Refuse($"num_attention_heads {heads} is no multiple of num_key_value_heads {keyValueHeads}");
            if (headSize % 2 != 0)
                throw Refuse($"head_dim {headSize} is odd, so it can't be rotated");
            return new ModelShape
            {
                HiddenSize = hidden,
                IntermediateSize = Size("intermediate_size", 1 << 18),
                Layers = Size("num_hidden_layers", 512),
                Heads = heads,
                KeyValueHeads = keyValueHeads,
                HeadSize = headSize,
                VocabularySize = Size("vocab_size", 1 << 20),
                ContextLength = Size("max_position_embeddings", 1 << 20),
                NormEpsilon = Positive("rms_norm_eps", 1e-6),
                RopeTheta = RopeTheta(),
                TiedEmbeddings = root.TryGetProperty("tie_word_embeddings", out var tied) && tied.ValueKind == JsonValueKind.True,
                Format = Format(),
            };
        }

        private double RopeTheta()
        {
            // Newer files keep it in an object of its own.
            if (!root.TryGetProperty("rope_parameters", out var rope) || rope.ValueKind == JsonValueKind.Null)
                return Positive("rope_theta", 10000);
            if (rope.ValueKind != JsonValueKind.Object)
                throw Refuse("rope_parameters is not an object");
            if (rope.TryGetProperty("rope_type", out var type) && type.ToString() is not ("" or "default"))
                throw Refuse($"rope_type {type} is not supported, only default");
            return rope.TryGetProperty("rope_theta", out var theta) && theta.TryGetDouble(out var value) && value > 0 ? value : 10000;
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

        private int Size(string name, int most, int? otherwise = null)
        {
            if (!root.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
                return otherwise ?? throw Refuse($"{name} is missing");
            return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 1 && number <= most
                ? number
                : throw Refuse($"{name} is {value}, not a whole number from 1 to {most}");
        }

        private double Positive(string name, double otherwise)
        {
            if (!root.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
                return otherwise;
            return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number > 0 && double.IsFinite(number)
                ? number
                : throw Refuse($"{name} is {value}, not a number above 0");
        }

        private void Require(string name, string only)
        {
            if (!root.TryGetProperty(name, out var value) || value.ToString() != only)
                throw Refuse($"{name} is {(value.ValueKind == JsonValueKind.Undefined ? "missing" : value.ToString())}, and only {only} is supported");
        }

        private void RequireFalse(string name)
        {
            if (root.TryGetProperty(name, out var value) && value.ValueKind is not (JsonValueKind.False or JsonValueKind.Null))
                throw Refuse($"{name} is {value.ToString().ToLower(CultureInfo.InvariantCulture)}, and only false is supported");
        }

        private void RequireAbsent(string name)
        {
            if (root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null)
                throw Refuse($"{name} is not supported");
        }

        private static EngineException Refuse(string reason) => new(WorkerErrors.InvalidModel, $"config.json: {reason}.");
    }
}
