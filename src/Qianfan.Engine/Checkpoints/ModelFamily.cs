namespace Qianfan.Engine.Checkpoints;

/// <summary>Decoders that the engine knows, by the <c>model_type</c> of their <c>config.json</c>. SmolLM and SmolLM2 call themselves llama.</summary>
internal enum ModelFamily
{
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
}
