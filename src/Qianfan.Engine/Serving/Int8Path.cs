using System.Runtime.Intrinsics.X86;

namespace Qianfan.Engine.Serving;

/// <summary>The instructions that multiply 8-bit weights.</summary>
internal enum Int8Path
{
    /// <summary>Whatever vectors the processor has; ARM too.</summary>
    Portable,

    /// <summary>256 bits.</summary>
    Avx2,

    /// <summary>512 bits (AVX-512 BW).</summary>
    Avx512,
}

/// <summary>What this processor can do.</summary>
internal static class Int8Paths
{
    /// <summary>The widest one here.</summary>
    public static Int8Path Best => Here[^1];

    /// <summary>Those that run here, the portable one first.</summary>
    public static IReadOnlyList<Int8Path> Here { get; } =
        [.. Enum.GetValues<Int8Path>().Where(path => path switch { Int8Path.Avx2 => Avx2.IsSupported && Fma.IsSupported, Int8Path.Avx512 => Avx512BW.IsSupported, _ => true })];
}
