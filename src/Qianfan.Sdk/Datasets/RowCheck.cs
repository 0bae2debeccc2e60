namespace Qianfan.Sdk.Datasets;

/// <summary>Checks rows that come from no file, by the reader's own rules: they are written and read again. Not thread-safe.</summary>
internal sealed class RowCheck(DatasetKind kind) : IDisposable
{
    private const int MaxErrors = 100;
    private const int MaxSamples = 5;

    private readonly RowWriter _writer = new();
    private readonly JsonRowParser _parser = new(kind);

    /// <returns>The row as JSON, valid until the next call; or the error.</returns>
    public (ReadOnlyMemory<byte> Json, DatasetRowError? Error, long Characters) Write(DatasetRow row)
    {
        if (Disorder(row) is { } reason)
        {
            return (default, new DatasetRowError(row.Line, null, DatasetErrorCodes.MessageOrder, reason), 0);
        }

        var json = _writer.Write(row, kind);
        var read = _parser.Parse(json.Span, row.Line, wanted: false);
        return (json, read.Error, read.Characters);
    }

    public static async Task<DatasetSummary> SumUpAsync(IAsyncEnumerable<DatasetItem> items, DatasetKind kind, CancellationToken cancellationToken)
    {
        using var check = new RowCheck(kind);
        var errors = new List<DatasetRowError>();
        var samples = new List<DatasetRow>();
        var (good, bad, allCharacters) = (0L, 0L, 0L);
        await foreach (var item in items.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            var (_, error, characters) = item.Row is { } row ? check.Write(row) : (default, item.Error, 0);
            allCharacters += characters;
            if (error is null)
            {
                good++;
                if (samples.Count < MaxSamples)
                {
                    samples.Add(item.Row!);
                }
            }
            else
            {
                bad++;
                if (errors.Count < MaxErrors)
                {
                    errors.Add(error);
                }
            }
        }

        return new DatasetSummary(DatasetFormat.QianfanJsonLines, good, bad, 0, allCharacters, errors, samples);
    }

    public void Dispose() => _writer.Dispose();

    /// <summary>Why the messages can't be written as turns, or null.</summary>
    private string? Disorder(DatasetRow row)
    {
        if (kind == DatasetKind.Text)
        {
            return row.Text is null ? "The row has no text." : null;
        }

        var first = row.Messages.Count > 0 && row.Messages[0].Role == "system" ? 1 : 0;
        for (var i = first; i < row.Messages.Count; i++)
        {
            var expected = kind == DatasetKind.PromptSet || (i - first) % 2 == 0 ? "user" : "assistant";
            if (row.Messages[i].Role != expected)
            {
                return $"Message {i} is the {row.Messages[i].Role}'s where the {expected}'s must follow.";
            }
        }

        var last = kind is DatasetKind.Conversation or DatasetKind.SortedResponses ? "assistant" : "user";
        return row.Messages.Count == first || row.Messages[^1].Role != last ? $"The last message must be the {last}'s." : null;
    }
}
