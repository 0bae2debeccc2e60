using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Exports;

/// <summary>Puts a model into llama.cpp's terms.</summary>
internal sealed class GgufExport
{
    private readonly ModelShape _shape;
    private readonly GgufType _type;
    private readonly GgufWriter _writer = new();

    /// <summary>llama.cpp's name of the family. Mistral is a Llama there.</summary>
    private string Architecture => _shape.Family is ModelFamily.Llama or ModelFamily.Mistral ? "llama" : _shape.Family.ToString().ToLowerInvariant();

    public GgufExport(ModelShape shape, GgufType type) => (_shape, _type) = (shape, type);

    /// <summary>Writes a GGUF file.</summary>
    /// <param name="path">The file's place.</param>
    /// <param name="weights">The model.</param>
    /// <param name="modelDirectory">Where tokenizer and chat template are.</param>
    /// <param name="name">Name of the model, for people.</param>
    /// <param name="written">Hears how many bytes of how many are there.</param>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: llama.cpp has no form for it, with the exact reason.</exception>
    public void Write(string path, MergedWeights weights, string modelDirectory, string name, Action<long, long> written)
    {
        Check();
        _writer.Add("general.architecture", Architecture);
        _writer.Add("general.type", "model");
        _writer.Add("general.name", name);
        _writer.Add("general.file_type", _type switch { GgufType.F32 => 0, GgufType.F16 => 1, GgufType.Q8_0 => 7, _ => 2 });
        _writer.Add("general.quantization_version", 2);
        foreach (var (key, value) in weights.Provenance.Where(entry => entry.Key.StartsWith("qianfan.", StringComparison.Ordinal)))
            _writer.Add(key, value);
        Sizes();
        Rope();
        new GgufTokenizer(modelDirectory, _shape.VocabularySize).AddTo(_writer);
        Tensors(weights);
        _writer.Write(path, written);
    }

    private void Check()
    {
        if (Architecture != "llama" && (_shape.OutputBias || _shape.FeedForwardBias || _shape.Family == ModelFamily.Qwen3 && _shape.QueryKeyValueBias))
            throw Refuse($"llama.cpp has no place for these biases of a {_shape.Family} model");
        if (Architecture == "qwen2" && _shape.QuerySize != _shape.HiddenSize)
            throw Refuse($"llama.cpp's Qwen2 has no head_dim of its own ({_shape.HeadSize})");
        if (Architecture != "llama" && _shape.Rope.Kind == RopeKind.Llama3)
            throw Refuse($"llama.cpp has no rope_type llama3 for a {_shape.Family} model");
        if (_shape.Rope is { Kind: RopeKind.Yarn, AttentionFactor: { } factor } && Math.Abs(factor - (_shape.Rope with { AttentionFactor = null }).Magnitude) > 1e-6)
            throw Refuse($"llama.cpp has no attention_factor of its own ({factor}) for rope_type yarn");
    }

    private void Sizes()
    {
        // llama.cpp looks back as far as the context goes: up to the window that is the same.
        Number("context_length", Math.Min(_shape.ContextLength, _shape.NarrowestWindow));
        Number("embedding_length", _shape.HiddenSize);
        Number("block_count", _shape.Layers);
        Number("feed_forward_length", _shape.IntermediateSize);
        Number("attention.head_count", _shape.Heads);
        Number("attention.head_count_kv", _shape.KeyValueHeads);
        Number("attention.key_length", _shape.HeadSize);
        Number("attention.value_length", _shape.HeadSize);
        Number("rope.dimension_count", _shape.HeadSize);
        Number("vocab_size", _shape.VocabularySize);
        _writer.Add($"{Architecture}.attention.layer_norm_rms_epsilon", _shape.NormEpsilon);
        _writer.Add($"{Architecture}.rope.freq_base", _shape.RopeTheta);

        void Number(string key, int value) => _writer.Add($"{Architecture}.{key}", value);
    }

    private void Rope()
    {
        var rope = _shape.Rope;
        if (rope.Kind is RopeKind.None or RopeKind.Llama3)
            return;
        _writer.Add($"{Architecture}.rope.scaling.type", rope.Kind == RopeKind.Linear ? "linear" : "yarn");
        _writer.Add($"{Architecture}.rope.scaling.factor", rope.Factor);
        if (rope.Kind == RopeKind.Linear)
            return;
        _writer.Add($"{Architecture}.rope.scaling.original_context_length", rope.OriginalContext);
        _writer.Add($"{Architecture}.rope.scaling.yarn_beta_fast", rope.BetaFast);
        _writer.Add($"{Architecture}.rope.scaling.yarn_beta_slow", rope.BetaSlow);
    }

    private void Tensors(MergedWeights weights)
    {
        foreach (var (name, shape) in _shape.Weights())
        {
            var rotated = Architecture == "llama" && (name.Contains("q_proj", StringComparison.Ordinal) || name.Contains("k_proj", StringComparison.Ordinal));
            _writer.AddTensor(Name(name), shape, Type(name, shape), () => rotated ? Interleave(weights.Read(name), (int)(shape[0] / _shape.HeadSize)) : weights.Read(name));
        }
        if (_shape.Rope.Kind != RopeKind.Llama3)
            return;
        var plain = RopeScaling.None.Frequencies(_shape.RopeTheta, _shape.HeadSize);
        var scaled = _shape.Rope.Frequencies(_shape.RopeTheta, _shape.HeadSize);
        _writer.AddTensor("rope_freqs.weight", [plain.Length], GgufType.F32, () => [.. plain.Zip(scaled, (a, b) => (float)(a / b))]);
    }

    private GgufType Type(string name, long[] shape)
    {
        if (shape.Length == 1)
            return GgufType.F32;
        // Four bits are too few for the table that every token goes through.
        var wanted = _type == GgufType.Q4_0 && name is WeightNames.Embedding or WeightNames.Head ? GgufType.Q8_0 : _type;
        return wanted is GgufType.Q4_0 or GgufType.Q8_0 && shape[^1] % GgufBlocks.Length != 0 ? GgufType.F16 : wanted;
    }

    private static string Name(string name)
    {
        switch (name)
        {
            case WeightNames.Embedding:
                return "token_embd.weight";
            case WeightNames.Norm:
                return "output_norm.weight";
            case WeightNames.Head:
                return "output.weight";
        }
        var parts = name.Split('.');
        var module = parts[^2] switch
        {
            "input_layernorm" => "attn_norm",
            "post_attention_layernorm" => "ffn_norm",
            "q_proj" => "attn_q",
            "k_proj" => "attn_k",
            "v_proj" => "attn_v",
            "o_proj" => "attn_output",
            "q_norm" => "attn_q_norm",
            "k_norm" => "attn_k_norm",
            "gate_proj" => "ffn_gate",
            "up_proj" => "ffn_up",
            "down_proj" => "ffn_down",
            var other => throw new InvalidOperationException($"{other} has no name in GGUF."),
        };
        return $"blk.{parts[2]}.{module}.{parts[^1]}";
    }

    /// <summary>llama.cpp turns neighbours of a Llama's head, the checkpoint the two halves: the rows of each head change places.</summary>
    private float[] Interleave(float[] values, int heads)
    {
        var half = _shape.HeadSize / 2;
        var width = values.Length / (heads * _shape.HeadSize);
        var result = new float[values.Length];
        for (var head = 0; head < heads; head++)
        {
            for (var i = 0; i < _shape.HeadSize; i++)
            {
                var from = head * _shape.HeadSize + i % 2 * half + i / 2;
                values.AsSpan(from * width, width).CopyTo(result.AsSpan((head * _shape.HeadSize + i) * width));
            }
        }
        return result;
    }

    private static EngineException Refuse(string reason) => new(WorkerErrors.InvalidModel, $"This model can't be written as GGUF: {reason}.");
}
