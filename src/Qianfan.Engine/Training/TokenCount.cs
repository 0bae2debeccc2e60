using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>Counts the tokens of a rows file as training has them, a row at a time.</summary>
internal static class TokenCount
{
    /// <exception cref="EngineException">Code <c>invalid_model</c>, or <c>invalid_argument</c> (which line, and why).</exception>
    public static TokensCounted Of(CountTokens job, CancellationToken cancellationToken)
    {
        var encoder = RowEncoder.Read(job.ModelDirectory);
        // Different lengths are few: each takes that many tokens of the file.
        var lengths = new SortedDictionary<int, long>();
        long number = 0, rows = 0, tokens = 0, truncated = 0;
        foreach (var line in File.ReadLines(job.RowsFile))
        {
            cancellationToken.ThrowIfCancellationRequested();
            number++;
            if (line.Length == 0)
                continue;
            var row = TrainingRows.Row(line, number);
            var length = row.Text is { } text ? encoder.Text(text)?.Tokens.Count ?? 0 : encoder.Template.Training(row.Messages).Tokens.Count;
            lengths[length] = lengths.GetValueOrDefault(length) + 1;
            rows++;
            tokens += length;
            // A text goes on in the next sequence.
            truncated += row.Text is null && length > job.MaxLength ? 1 : 0;
        }
        return new TokensCounted(job.RequestId, rows, tokens, Percentile(lengths, rows, 50), Percentile(lengths, rows, 95), rows == 0 ? 0 : lengths.Keys.Last(), truncated);
    }

    /// <summary>The least length that so many of 100 rows do not pass.</summary>
    private static int Percentile(SortedDictionary<int, long> lengths, long rows, int percent)
    {
        var wanted = (rows * percent + 99) / 100;
        foreach (var (length, count) in lengths)
        {
            wanted -= count;
            if (wanted <= 0)
                return length;
        }
        return 0;
    }
}
