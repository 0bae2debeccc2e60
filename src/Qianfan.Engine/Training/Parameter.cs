using Tensor = TorchSharp.torch.Tensor;

namespace Qianfan.Engine.Training;

/// <summary>Gives the values of a weight.</summary>
internal delegate void ReadWeight(string name, Span<float> into);

/// <summary>A weight of the network, with its gradient while it is trained. Owns neither: tensors of one layer may be parts of a larger one.</summary>
/// <param name="name">Its name in a checkpoint.</param>
/// <param name="value">32-bit and contiguous.</param>
internal sealed class Parameter(string name, Tensor value)
{
    public string Name { get; } = name;

    public Tensor Value { get; } = value;

    /// <summary>What the parts of a step have added up to; null before the first.</summary>
    public Tensor? Gradient { get; set; }

    /// <summary>A weight with a tensor of its own.</summary>
    public static Parameter Read(string name, ReadWeight read, TorchSharp.torch.Device device, params long[] shape)
    {
        var tensor = Tensors.Create(device, shape);
        Tensors.Write(tensor, values => read(name, values));
        return new Parameter(name, tensor);
    }

    /// <summary>The gradient, made of arbitrary values if there is none.</summary>
    public Tensor MadeGradient => Gradient ??= Tensors.Create(Value.device, Value.shape);

    /// <summary>Frees the gradient.</summary>
    public void ClearGradient()
    {
        Gradient?.Dispose();
        Gradient = null;
    }

    public void Deconstruct(out string name, out Tensor value) => (name, value) = (Name, Value);
}
