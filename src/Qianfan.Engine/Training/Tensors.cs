using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>Moves numbers into and out of tensors on the processor.</summary>
internal static class Tensors
{
    /// <summary>A tensor that outlives the dispose scope it is made in.</summary>
    public static Tensor Create(ReadOnlySpan<float> values, long[] shape)
    {
        var tensor = Create(shape);
        values.CopyTo(Values(tensor));
        return tensor;
    }

    /// <summary>A tensor of arbitrary values that outlives the dispose scope it is made in.</summary>
    public static Tensor Create(params long[] shape) => empty(shape, ScalarType.Float32).DetachFromDisposeScope();

    /// <summary>The memory of a contiguous 32-bit tensor; valid as long as the tensor.</summary>
    public static Span<float> Values(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    /// <summary>Where that memory is: native, so that it stays there.</summary>
    public static unsafe float* Pointer(Tensor tensor) => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Values(tensor)));
}
