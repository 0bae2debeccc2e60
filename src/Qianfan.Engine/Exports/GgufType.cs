namespace Qianfan.Engine.Exports;

/// <summary>How a GGUF file stores a tensor; the numbers are those of the format.</summary>
internal enum GgufType
{
    F32 = 0,
    F16 = 1,

    /// <summary>32 values share a scale; 4 bits each.</summary>
    Q4_0 = 2,

    /// <summary>32 values share a scale; 8 bits each.</summary>
    Q8_0 = 8,
}
