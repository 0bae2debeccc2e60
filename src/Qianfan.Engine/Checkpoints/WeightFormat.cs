namespace Qianfan.Engine.Checkpoints;

/// <summary>Number formats of stored weights. Names are those of safetensors.</summary>
internal enum WeightFormat
{
    F32,
    F16,
    BF16,
}
