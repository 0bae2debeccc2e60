using Qianfan.Engine.Text;

namespace Qianfan.Engine.Serving;

/// <summary>The tokens that have text, in the order of their bytes: those that begin alike stand together. Immutable, so thread-safe.</summary>
internal sealed class TokenBytes
{
    public TokenBytes(TextTokenizer tokenizer)
    {
        Size = tokenizer.Size;
        Sorted = [.. Enumerable.Range(0, tokenizer.Size).Select(token => (Token: token, Bytes: tokenizer.Bytes(token).ToArray())).Where(entry => entry.Bytes.Length > 0)];
        Array.Sort(Sorted, (a, b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes));
        Shared = new int[Sorted.Length];
        for (var i = 1; i < Sorted.Length; i++)
            Shared[i] = Sorted[i].Bytes.AsSpan().CommonPrefixLength(Sorted[i - 1].Bytes);
    }

    /// <summary>One more than the largest token.</summary>
    public int Size { get; }

    public (int Token, byte[] Bytes)[] Sorted { get; }

    /// <summary>How many bytes each begins with that the one before it begins with too.</summary>
    public int[] Shared { get; }
}
