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
    /// <summary>For rows that lie behind one another in a sequence: which of them each token belongs to, -1 for padding; otherwise null.</summary>
    public int[]? Owners { get; init; }

    /// <summary>For those rows: each token's place in its own row.</summary>
    public long[]? Places { get; init; }

    public double TotalWeight { get; } = Weights.Sum(weight => (double)weight);

    /// <summary>Tokens of a sequence that rows share, unless one row alone is longer: attention takes the square of it.</summary>
    public const int PackedLength = 256;

    /// <summary>Cuts rows into batches of at most <paramref name="mostTokens"/> with padding (or one row), so that memory, and the time until a stop is heard, don't grow with the batch size.</summary>
    /// <param name="rows">At least one.</param>
    /// <param name="mostTokens">Of a part.</param>
    /// <param name="packing">Whether short rows share a sequence.</param>
    public static IReadOnlyList<Batch> Parts(IEnumerable<EncodedRow> rows, int mostTokens, bool packing = false)
    {
        if (packing)
            return PackedParts([.. rows], mostTokens);
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

    /// <summary>The longest rows first, each into the first sequence that has room for it.</summary>
    private static List<Batch> PackedParts(List<EncodedRow> rows, int mostTokens)
    {
        if (rows.Count == 0)
            return [];
        var length = Math.Max(rows.Max(row => row.Tokens.Count), PackedLength);
        var sequences = new List<(List<EncodedRow> Rows, int Used)>();
        foreach (var row in rows.OrderByDescending(row => row.Tokens.Count))
        {
            var at = sequences.FindIndex(sequence => sequence.Used + row.Tokens.Count <= length);
            if (at < 0)
                sequences.Add(([row], row.Tokens.Count));
            else
                sequences[at] = ([.. sequences[at].Rows, row], sequences[at].Used + row.Tokens.Count);
        }
        return [.. sequences.Chunk(Math.Max(1, mostTokens / length)).Select(part => Packed([.. part.Select(sequence => sequence.Rows)]))];
    }

    private static Batch Packed(IReadOnlyList<List<EncodedRow>> sequences)
    {
        var joined = sequences.Select(rows => new EncodedRow([.. rows.SelectMany(row => row.Tokens)],
            // A row's first token follows from nothing.
            [.. rows.SelectMany(row => row.Weights.Select((weight, i) => i == 0 ? 0 : weight))])).ToList();
        var batch = Of(joined);
        var owners = new int[batch.Tokens.Length];
        Array.Fill(owners, -1);
        var places = new long[owners.Length];
        for (var sequence = 0; sequence < sequences.Count; sequence++)
        {
            var at = sequence * batch.Length;
            for (var row = 0; row < sequences[sequence].Count; row++)
            {
                for (var i = 0; i < sequences[sequence][row].Tokens.Count; i++, at++)
                    (owners[at], places[at]) = (row, i);
            }
        }
        return batch with { Owners = owners, Places = places };
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
