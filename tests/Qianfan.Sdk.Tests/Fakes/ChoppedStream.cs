namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>Content that comes in pieces of the sizes given, over and over.</summary>
internal sealed class ChoppedStream(byte[] content, params int[] sizes) : MemoryStream(content)
{
    private int _next;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        base.ReadAsync(buffer[..Math.Min(sizes[_next++ % sizes.Length], buffer.Length)], cancellationToken);
}
