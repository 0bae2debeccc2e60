using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>Writes the values of a tensor, all of them.</summary>
internal delegate void WriteValues(Span<float> values);

/// <summary>Moves numbers into and out of tensors.</summary>
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
    public static Tensor Create(params long[] shape) => Create(CPU, shape);

    /// <inheritdoc cref="Create(long[])"/>
    public static Tensor Create(Device device, params long[] shape) => empty(shape, ScalarType.Float32, device).DetachFromDisposeScope();

    /// <summary>Lets the values of a tensor on any device be written.</summary>
    public static void Write(Tensor tensor, WriteValues write)
    {
        if (tensor.device_type == DeviceType.CPU)
        {
            write(Values(tensor));
            return;
        }
        using var staged = empty(tensor.shape, ScalarType.Float32);
        write(Values(staged));
        tensor.copy_(staged);
    }

    /// <summary>The values of a tensor on any device: its own memory, or else a copy.</summary>
    public static Span<float> Read(Tensor tensor)
    {
        if (tensor.device_type == DeviceType.CPU)
            return Values(tensor);
        using var copy = tensor.cpu();
        return Values(copy).ToArray();
    }

    /// <summary>The memory of a contiguous 32-bit tensor on the processor; valid as long as the tensor.</summary>
    public static Span<float> Values(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    /// <summary>Where that memory is: native, so that it stays there.</summary>
    public static unsafe float* Pointer(Tensor tensor) => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Values(tensor)));
}
