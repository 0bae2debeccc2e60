using System.Runtime.Intrinsics.X86;
using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>The number format of a training's matrix products.</summary>
internal static class TrainingPrecision
{
    public const string Auto = "auto";
    public const string Fp32 = "fp32";
    public const string Bf16 = "bf16";

    /// <summary>Smaller models are trained in 32 bits unless told otherwise: what those reach is what is measured.</summary>
    private const long Bf16From = 32_000_000;

    /// <summary>Whether the processor multiplies bf16 by an instruction of its own (AVX512_BF16; whatever has AMX has it too). Without it, such products are many times slower than in 32 bits.</summary>
    public static bool ProcessorGains { get; } =
        X86Base.IsSupported && Avx512F.IsSupported && X86Base.CpuId(7, 0).Eax >= 1 && (X86Base.CpuId(7, 1).Eax & 1 << 5) != 0;

    /// <param name="wanted"><see cref="Auto"/> (as null), <see cref="Fp32"/> or <see cref="Bf16"/>.</param>
    /// <param name="shape">The model.</param>
    /// <param name="onGpu">Whether it is trained on a GPU; that always gains.</param>
    /// <param name="processorGains">See <see cref="ProcessorGains"/>.</param>
    /// <returns><see cref="Fp32"/> or <see cref="Bf16"/>.</returns>
    public static string Choose(string? wanted, ModelShape shape, bool onGpu, bool processorGains) =>
        wanted is not (null or Auto) ? wanted : onGpu || processorGains && shape.ParameterCount >= Bf16From ? Bf16 : Fp32;

    /// <exception cref="EngineException">Code <c>invalid_argument</c>: no such precision.</exception>
    public static void Check(string? wanted)
    {
        if (wanted is not (null or Auto or Fp32 or Bf16))
            throw new EngineException(WorkerErrors.InvalidArgument, $"There is no precision {wanted}; use {Auto}, {Fp32} or {Bf16}.");
    }
}
