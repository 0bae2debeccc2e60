namespace Qianfan.Engine.Serving;

/// <summary>A weight of the decoder, [outputs, inputs], in the number format it is kept in. Immutable, so thread-safe.</summary>
internal abstract class Matrix(int outputs, int inputs)
{
    /// <summary>Rows that one thread takes at a time.</summary>
    private const int RowsPerPart = 64;

    /// <summary>Below this many multiplications a second thread costs more than it brings.</summary>
    private const long ParallelWork = 4_000_000;

    public int Outputs { get; } = outputs;

    public int Inputs { get; } = inputs;

    /// <summary>Bytes of its values in memory.</summary>
    public abstract long Bytes { get; }

    /// <summary>y[t, o] = sum of w[o, i] x[t, i]. Each result is summed in the same order whatever runs beside it, so that answers don't depend on who else is being served.</summary>
    /// <param name="x">[tokens, inputs].</param>
    /// <param name="y">[tokens, outputs].</param>
    /// <param name="tokens">Rows of <paramref name="x"/>.</param>
    /// <param name="parallel">How many threads may take part.</param>
    public void Multiply(ReadOnlySpan<float> x, Span<float> y, int tokens, ParallelOptions parallel)
    {
        if (x.Length < (long)tokens * Inputs || y.Length < (long)tokens * Outputs)
            throw new ArgumentException("The matrices do not fit each other.");
        MultiplyChecked(x[..(tokens * Inputs)], y, tokens, parallel);
    }

    /// <summary>The values of one row.</summary>
    public abstract void CopyRow(int row, Span<float> values);

    protected abstract void MultiplyChecked(ReadOnlySpan<float> x, Span<float> y, int tokens, ParallelOptions parallel);

    /// <summary>Gives ranges of rows to threads, where there is enough to do.</summary>
    protected void Share(int tokens, ParallelOptions parallel, Action<int, int> rows)
    {
        if (parallel.MaxDegreeOfParallelism == 1 || (long)tokens * Inputs * Outputs < ParallelWork)
            rows(0, Outputs);
        else
            Parallel.For(0, (Outputs + RowsPerPart - 1) / RowsPerPart, parallel, part => rows(part * RowsPerPart, Math.Min(Outputs, (part + 1) * RowsPerPart)));
    }
}
