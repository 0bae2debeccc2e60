namespace Qianfan.Engine.Training;

/// <summary>What goes through the model at once: a training step, or a part of one.</summary>
/// <param name="Tokens">Rows x Length token ids; short rows are padded at the right with 0.</param>
/// <param name="Rows">Rows, at least 1.</param>
/// <param name="Length">Tokens of the longest row.</param>
/// <param name="Positions">Indexes into <paramref name="Tokens"/> whose next token is to be learnt.</param>
/// <param name="Targets">That next token, for each position.</param>
/// <param name="Weights">How much it counts, above 0.</param>
/// <param name="TokenCount">Tokens without padding.</param>
internal sealed record Batch(long[] Tokens, int Rows, int Length, long[] Positions, long[] Targets, float[] Weights, int TokenCount)
{
    public double TotalWeight { get; } = Weights.Sum(weight => (double)weight);

    /// <summary>Cuts rows into batches of at most <paramref name="mostTokens"/> with padding (or one row), so that memory, and the time until a stop is heard, don't grow with the batch size.</summary>
    public static IReadOnlyList<Batch> Parts(IEnumerable<EncodedRow> rows, int mostTokens)
    {
        var parts = new List<Batch>();
        var part = new List<EncodedRow>();
        foreach (var row in rows)
        {
            var length = part.Append(row).Max(member => member.Tokens.Count);
            if (part.Count > 0 && length * (part.Count + 1) > mostTokens)
            {
                parts.Add(Of(part));
                part.Clear();
            }
            part.Add(row);
        }
        if (part.Count > 0)
            parts.Add(Of(part));
        return parts;
    }

    /// <summary>Puts rows together; each is a list of tokens with the weight of each token as something to be predicted.</summary>
    public static Batch Of(IReadOnlyList<EncodedRow> rows)
    {
        var length = rows.Max(row => row.Tokens.Count);
        var tokens = new long[rows.Count * length];
        var positions = new List<long>();
        var targets = new List<long>();
        var weights = new List<float>();
        for (var row = 0; row < rows.Count; row++)
        {
            var (rowTokens, rowWeights) = rows[row];
            for (var i = 0; i < rowTokens.Count; i++)
            {
                tokens[row * length + i] = rowTokens[i];
                if (i == 0 || rowWeights[i] <= 0)
                    continue;
                positions.Add(row * length + i - 1);
                targets.Add(rowTokens[i]);
                weights.Add(rowWeights[i]);
            }
        }
        return new Batch(tokens, rows.Count, length, [.. positions], [.. targets], [.. weights], rows.Sum(row => row.Tokens.Count));
    }
}

/// <summary>A row as tokens, with the weight of each token as something to be predicted.</summary>
internal sealed record EncodedRow(IReadOnlyList<int> Tokens, IReadOnlyList<float> Weights);

/// <summary>Gives the batches of each step. The same step always gives the same, so a step number is all that resuming needs.</summary>
internal interface IBatchSource
{
    int StepsPerEpoch { get; }

    IReadOnlyList<Batch> At(int step);
}
