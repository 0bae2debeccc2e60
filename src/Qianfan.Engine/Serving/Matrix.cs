namespace Qianfan.Engine.Serving;

/// <summary>A weight of the decoder, [outputs, inputs], in the number format it is kept in. Immutable, so thread-safe.</summary>
internal abstract class Matrix(int outputs, int inputs)
{
    /// <summary>From so many tokens on a product takes as long as its arithmetic; below, as long as reading the weights.</summary>
    protected const int ManyTokens = 16;

    /// <summary>Rows that one thread takes at a time. Where reading is what takes the time, long runs of them, one row after another: the processor looks ahead in one place, not in several.</summary>
    private const int FewestRows = 32, MostRows = 256;

    /// <summary>Below this many multiplications a second thread costs more than it brings.</summary>
    private const long SharedWork = 100_000;

    public int Outputs { get; } = outputs;

    public int Inputs { get; } = inputs;

    /// <summary>Bytes of its values in memory.</summary>
    public abstract long Bytes { get; }

    /// <summary>y[t, o] = sum of w[o, i] x[t, i]. Each result is summed in the same order whatever runs beside it, so that answers don't depend on who else is being served.</summary>
    /// <param name="x">[tokens, inputs].</param>
    /// <param name="y">[tokens, outputs].</param>
    /// <param name="tokens">Rows of <paramref name="x"/>.</param>
    /// <param name="crew">Who takes part.</param>
    public void Multiply(ReadOnlySpan<float> x, Span<float> y, int tokens, Crew crew)
    {
        if (x.Length < (long)tokens * Inputs || y.Length < (long)tokens * Outputs)
            throw new ArgumentException("The matrices do not fit each other.");
        MultiplyChecked(x[..(tokens * Inputs)], y, tokens, crew);
    }

    /// <summary>The values of one row.</summary>
    public abstract void CopyRow(int row, Span<float> values);

    protected abstract void MultiplyChecked(ReadOnlySpan<float> x, Span<float> y, int tokens, Crew crew);

    /// <summary>Gives ranges of rows to threads, where there is enough to do; they begin at even rows.</summary>
    protected void Share(int tokens, Crew crew, Action<int, int> rows)
    {
        if (crew.Threads == 1 || (long)tokens * Inputs * Outputs < SharedWork)
        {
            rows(0, Outputs);
            return;
        }
        var each = tokens < ManyTokens ? Math.Clamp(Outputs / (2 * crew.Threads) & ~1, FewestRows, MostRows) : FewestRows;
        crew.Run((Outputs + each - 1) / each, part => rows(part * each, Math.Min(Outputs, (part + 1) * each)));
    }
}
