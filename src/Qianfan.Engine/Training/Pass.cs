using static TorchSharp.torch;

namespace Qianfan.Engine.Training;

/// <summary>One way of a batch through the network and back.</summary>
/// <param name="Batch">Its tokens.</param>
/// <param name="Training">Whether dropout applies.</param>
/// <param name="First">Whether gradients take the place of what was there before, in place of adding to it.</param>
/// <param name="Seed">Seed of dropout.</param>
/// <param name="Device">Where the tensors are.</param>
internal sealed record Pass(Batch Batch, bool Training, bool First, long Seed, Device Device) : IDisposable
{
    private readonly Dictionary<int, Tensor?> _masks = [];

    public int Tokens => Batch.Rows * Batch.Length;

    /// <summary>What a new gradient adds to: 0 times what there is, or all of it.</summary>
    public float Kept => First ? 0 : 1;

    /// <summary>Which tokens each token sees, for sequences that lie behind one another <paramref name="times"/> times; null if that is itself and all before it.</summary>
    public Tensor? Mask(int window, int times)
    {
        window = Math.Min(window, Batch.Length);
        if (_masks.TryGetValue(window, out var known))
            return known;
        long length = Batch.Length;
        var near = window < length ? Before(length).bitwise_and(ones([length, length], ScalarType.Bool, Device).triu(1 - window)) : null;
        if (Batch.Owners is { } owners)
        {
            using var owner = tensor(owners, [Batch.Rows, length], ScalarType.Int32, Device);
            var own = owner.unsqueeze(2).eq(owner.unsqueeze(1)).bitwise_and(near ?? Before(length)).unsqueeze(1);
            near = own.expand(Batch.Rows, times, length, length).reshape(Batch.Rows * times, 1, length, length);
        }
        // Blocks have scopes of their own, and share it.
        return _masks[window] = near?.DetachFromDisposeScope();
    }

    public void Dispose()
    {
        foreach (var mask in _masks.Values)
            mask?.Dispose();
    }

    private Tensor Before(long length) => ones([length, length], ScalarType.Bool, Device).tril();
}
