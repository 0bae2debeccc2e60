using System.Text.Json;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Checkpoints;

/// <summary>A LoRA adapter as the PEFT library keeps it: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</summary>
internal sealed record PeftAdapter(int Rank, double Alpha, IReadOnlyDictionary<string, float[]> Values)
{
    public const string ConfigFile = "adapter_config.json";
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>Names of the linear layers of a block.</summary>
    public static readonly IReadOnlyList<string> Modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    public double Scale => Alpha / Rank;

    /// <summary>What the file says about where it comes from.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    public static bool IsAt(string directory) => File.Exists(Path.Combine(directory, ConfigFile));

    /// <summary>Reads an adapter of a model of this shape.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason.</exception>
    public static PeftAdapter Read(string directory, ModelShape shape)
    {
        using var document = CheckpointFolder.ReadJson(directory, ConfigFile);
        var root = document.RootElement;
        if (!root.TryGetProperty("peft_type", out var type) || type.ToString() != "LORA")
            throw Refuse("peft_type is not LORA");
        foreach (var name in (string[])["use_rslora", "use_dora", "fan_in_fan_out", "lora_bias"])
        {
            if (root.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True)
                throw Refuse($"{name} is not supported");
        }
        foreach (var name in (string[])["rank_pattern", "alpha_pattern"])
        {
            if (root.TryGetProperty(name, out var pattern) && pattern.ValueKind == JsonValueKind.Object && pattern.EnumerateObject().Any())
                throw Refuse($"{name} is not supported");
        }
        if (!root.TryGetProperty("r", out var r) || r.ValueKind != JsonValueKind.Number || !r.TryGetInt32(out var rank) || rank is < 1 or > 4096)
            throw Refuse("r is not a whole number from 1 to 4096");
        if (!root.TryGetProperty("lora_alpha", out var a) || a.ValueKind != JsonValueKind.Number || !a.TryGetDouble(out var alpha) || !double.IsFinite(alpha))
            throw Refuse("lora_alpha is not a number");

        using var file = SafetensorsFile.Open(Path.Combine(directory, WeightsFile));
        var values = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var (name, outputs, inputs) in Enumerable.Range(0, shape.Layers).SelectMany(shape.Linears))
        {
            Take(WeightNames.LoraA(name), [rank, inputs]);
            Take(WeightNames.LoraB(name), [outputs, rank]);
        }
        if (file.Tensors.Keys.FirstOrDefault(name => !values.ContainsKey(name)) is { } strange)
            throw Refuse($"{WeightsFile} holds {strange}, which no linear layer of this model's blocks has");
        if (values.Keys.FirstOrDefault(name => !values.ContainsKey(name.Replace(".lora_A.", ".lora_B.", StringComparison.Ordinal))) is { } alone)
            throw Refuse($"{alone} has no lora_B beside it");
        return new PeftAdapter(rank, alpha, values) { Metadata = file.Metadata };

        void Take(string name, long[] size)
        {
            if (!file.Tensors.TryGetValue(name, out var stored))
                return;
            if (!stored.Shape.AsSpan().SequenceEqual(size))
                throw Refuse($"{name} is [{string.Join(", ", stored.Shape)}], not [{string.Join(", ", size)}]: it belongs to another model");
            values[name] = file.Read(name);
        }
    }

    /// <summary>Adds the adapter's products to the weights it corrects.</summary>
    public void MergeInto(IReadOnlyDictionary<string, float[]> weights)
    {
        foreach (var (name, weight) in weights)
            MergeInto(name, weight);
    }

    /// <summary>Adds the adapter's product to a weight, if it corrects it.</summary>
    public void MergeInto(string name, Span<float> weight)
    {
        if (!name.EndsWith(".weight", StringComparison.Ordinal) || !Values.TryGetValue(WeightNames.LoraA(name), out var a) || !Values.TryGetValue(WeightNames.LoraB(name), out var b))
            return;
        var inputs = a.Length / Rank;
        for (var row = 0; row < b.Length / Rank; row++)
        {
            var into = weight.Slice(row * inputs, inputs);
            for (var k = 0; k < Rank; k++)
                System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(a.AsSpan(k * inputs, inputs), (float)(b[row * Rank + k] * Scale), into, into);
        }
    }

    /// <summary>The text of <c>adapter_config.json</c>.</summary>
    public static string ConfigJson(string baseModel, int rank, double alpha, double dropout, IReadOnlyList<string>? modules = null) => JsonSerializer.Serialize(new
    {
        peft_type = "LORA",
        task_type = "CAUSAL_LM",
        base_model_name_or_path = baseModel,
        r = rank,
        lora_alpha = alpha,
        lora_dropout = dropout,
        target_modules = modules ?? Modules,
        bias = "none",
        fan_in_fan_out = false,
        use_rslora = false,
        use_dora = false,
        init_lora_weights = true,
        inference_mode = true,
        modules_to_save = (object?)null,
    }, CheckpointFolder.Indented);

    private static EngineException Refuse(string reason) => new(WorkerErrors.InvalidModel, $"{ConfigFile}: {reason}.");
}
