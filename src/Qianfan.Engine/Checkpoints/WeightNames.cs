namespace Qianfan.Engine.Checkpoints;

/// <summary>Names of the weights in a checkpoint.</summary>
internal static class WeightNames
{
    public const string Embedding = "model.embed_tokens.weight";
    public const string Norm = "model.norm.weight";
    public const string Head = "lm_head.weight";

    public static string InputNorm(int layer) => $"model.layers.{layer}.input_layernorm.weight";

    public static string PostAttentionNorm(int layer) => $"model.layers.{layer}.post_attention_layernorm.weight";

    public static string Query(int layer) => $"model.layers.{layer}.self_attn.q_proj.weight";

    public static string Key(int layer) => $"model.layers.{layer}.self_attn.k_proj.weight";

    public static string Value(int layer) => $"model.layers.{layer}.self_attn.v_proj.weight";

    public static string Output(int layer) => $"model.layers.{layer}.self_attn.o_proj.weight";

    public static string Gate(int layer) => $"model.layers.{layer}.mlp.gate_proj.weight";

    public static string Up(int layer) => $"model.layers.{layer}.mlp.up_proj.weight";

    public static string Down(int layer) => $"model.layers.{layer}.mlp.down_proj.weight";

    /// <summary>Norm of each query head.</summary>
    public static string QueryNorm(int layer) => $"model.layers.{layer}.self_attn.q_norm.weight";

    /// <summary>Norm of each key head.</summary>
    public static string KeyNorm(int layer) => $"model.layers.{layer}.self_attn.k_norm.weight";

    /// <summary>The bias beside a layer's weight.</summary>
    public static string Bias(string weight) => $"{weight[..^"weight".Length]}bias";

    /// <summary>PEFT's name of an adapter's first matrix, of shape rank x inputs.</summary>
    public static string LoraA(string weight) => $"base_model.model.{weight[..^".weight".Length]}.lora_A.weight";

    /// <summary>PEFT's name of an adapter's second matrix, of shape outputs x rank.</summary>
    public static string LoraB(string weight) => $"base_model.model.{weight[..^".weight".Length]}.lora_B.weight";
}
