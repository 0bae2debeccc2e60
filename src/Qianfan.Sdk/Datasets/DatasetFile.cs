using System.Text;

namespace Qianfan.Sdk.Datasets;

/// <summary>Writes the rows of a dataset, one at a time.</summary>
internal static class DatasetFile
{
    private const int FlushAt = 64 * 1024;

    /// <exception cref="InvalidArgumentException">The ending tells no form.</exception>
    public static DatasetFileType TypeOf(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".jsonl" => DatasetFileType.JsonLines,
        ".json" => DatasetFileType.Json,
        ".csv" => DatasetFileType.Csv,
        ".txt" => DatasetFileType.Text,
        var other => throw new InvalidArgumentException($"The ending \"{other}\" tells no form of a dataset: it must be .jsonl, .json, .csv or .txt, or the form must be given."),
    };

    public static async Task WriteAsync(Dataset dataset, string path, DatasetFileType type, CancellationToken cancellationToken)
    {
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var partial = $"{full}.{Guid.NewGuid():N}.partial";
        try
        {
            var target = new FileStream(partial, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous);
            await using (target.ConfigureAwait(false))
            {
                await WriteAsync(dataset, target, type, cancellationToken).ConfigureAwait(false);
            }

            File.Move(partial, full, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    public static async Task WriteAsync(Dataset dataset, Stream target, DatasetFileType type, CancellationToken cancellationToken)
    {
        if (!CanHold(type, dataset.Kind))
        {
            throw new InvalidArgumentException($"{type} can't hold rows of the kind {dataset.Kind}; save them as JSON lines.");
        }

        using var check = new RowCheck(dataset.Kind);
        using var buffer = new MemoryStream(FlushAt * 2);
        buffer.Write(Start(type, dataset.Kind));
        var count = 0L;
        await foreach (var row in dataset.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            var (json, error, _) = check.Write(row);
            if (error is not null)
            {
                throw Dataset.Bad(error);
            }

            WriteRow(buffer, row, json.Span, type, isFirst: count++ == 0);
            if (buffer.Length >= FlushAt)
            {
                await FlushAsync(buffer, target, cancellationToken).ConfigureAwait(false);
            }
        }

        buffer.Write(type == DatasetFileType.Json ? "\n]\n"u8 : []);
        await FlushAsync(buffer, target, cancellationToken).ConfigureAwait(false);
    }

    private static bool CanHold(DatasetFileType type, DatasetKind kind) => type switch
    {
        DatasetFileType.Csv => kind is DatasetKind.Conversation or DatasetKind.PromptSet or DatasetKind.Text,
        DatasetFileType.Text => kind is DatasetKind.PromptSet or DatasetKind.Text,
        _ => true,
    };

    /// <summary>CSV begins with the byte order mark by which spreadsheets know UTF-8.</summary>
    private static ReadOnlySpan<byte> Start(DatasetFileType type, DatasetKind kind) => (type, kind) switch
    {
        (DatasetFileType.Json, _) => "[\n"u8,
        (DatasetFileType.Csv, DatasetKind.Conversation) => "\uFEFFprompt,response,system\n"u8,
        (DatasetFileType.Csv, DatasetKind.PromptSet) => "\uFEFFprompt,system\n"u8,
        (DatasetFileType.Csv, _) => "\uFEFFtext\n"u8,
        _ => [],
    };

    private static void WriteRow(MemoryStream buffer, DatasetRow row, ReadOnlySpan<byte> json, DatasetFileType type, bool isFirst)
    {
        switch (type)
        {
            case DatasetFileType.JsonLines:
                buffer.Write(json);
                buffer.WriteByte((byte)'\n');
                break;
            case DatasetFileType.Json:
                buffer.Write(isFirst ? [] : ",\n"u8);
                buffer.Write(json);
                break;
            case DatasetFileType.Csv:
                buffer.Write(Encoding.UTF8.GetBytes(string.Join(',', Fields(row, type).Select(Quote)) + "\n"));
                break;
            default:
                buffer.Write(Encoding.UTF8.GetBytes(Line(row) + "\n"));
                break;
        }
    }

    private static IEnumerable<string> Fields(DatasetRow row, DatasetFileType type)
    {
        if (row.Text is not null)
        {
            return [row.Text];
        }

        var first = row.Messages[0].Role == "system" ? 1 : 0;
        var turn = row.Messages.Skip(first).Select(m => m.Content);
        if (row.Messages.Skip(first).Count(m => m.Role == "user") > 1)
        {
            throw new InvalidArgumentException($"The row of line {row.Line} has several turns, which {type} can't hold; save it as JSON lines, or Unpack it before.");
        }

        return [.. turn, first == 1 ? row.Messages[0].Content : ""];
    }

    private static string Line(DatasetRow row)
    {
        var fields = Fields(row, DatasetFileType.Text).ToArray();
        if (fields is [_, { Length: > 0 }])
        {
            throw new InvalidArgumentException($"The row of line {row.Line} has a system text, which a text file can't hold; save it as JSON lines.");
        }

        return fields[0].AsSpan().ContainsAny('\r', '\n')
            ? throw new InvalidArgumentException($"The row of line {row.Line} holds a line break, which a text file can't hold; save it as JSON lines.")
            : fields[0];
    }

    private static string Quote(string field) =>
        field.AsSpan().ContainsAny(",\"\r\n") ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : field;

    private static async Task FlushAsync(MemoryStream buffer, Stream target, CancellationToken cancellationToken)
    {
        await target.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), cancellationToken).ConfigureAwait(false);
        buffer.SetLength(0);
    }
}
