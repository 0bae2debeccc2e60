using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Datasets;

/// <summary>The file that holds a dataset's rows: JSON lines in the internal form. It is never changed: who changes rows writes another one. A row's number is its line; a deleted row leaves an empty line, so that the others keep their numbers.</summary>
internal static class RowsFiles
{
    /// <summary>Longest line: rows that were let in may take more as JSON than they did in their file.</summary>
    private const int MostRowBytes = 128 << 20;

    private const int BufferSize = 1 << 16;

    public static string NewName() => $"rows-{Guid.CreateVersion7():N}.jsonl";

    /// <summary>What the rows of a dataset are.</summary>
    public static DatasetKind Kind(DatasetRow dataset) => (DatasetKind)dataset.TemplateType;

    public static FileStream Open(string path) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, BufferSize, FileOptions.Asynchronous | FileOptions.SequentialScan);

    /// <summary>Some rows with their numbers, from an offset that counts rows, not lines.</summary>
    public static async Task<IReadOnlyList<(long Number, TrainingRow Row)>> ReadAsync(string path, long offset, int count, CancellationToken cancellationToken)
    {
        var rows = new List<(long, TrainingRow)>();
        long number = 0;
        await foreach (var line in File.ReadLinesAsync(path, cancellationToken))
        {
            number++;
            if (line.Length == 0 || offset-- > 0) continue;
            if (rows.Count == count) break;
            rows.Add((number, WorkerLine.ReadRow(line)));
        }

        return rows;
    }

    /// <summary>The rows as Qianfan writes them, for whoever fetches an export.</summary>
    public static Task ExportAsync(Stream rows, DatasetKind kind, Stream target, CancellationToken cancellationToken) =>
        Dataset.FromRows(GoodAsync(DatasetReader.ReadAsync(rows, new DatasetReaderOptions { Kind = kind, MaxRowBytes = MostRowBytes }, cancellationToken)), kind: kind)
            .SaveAsync(target, DatasetFileType.JsonLines, cancellationToken);

    /// <summary>The internal form of one row as it stands in a request.</summary>
    /// <exception cref="PlatformException">It is no good row.</exception>
    public static async Task<string> LineAsync(byte[] json, DatasetKind kind, string parameter, CancellationToken cancellationToken)
    {
        using var line = new MemoryStream();
        DatasetRowError? error = null;
        var reader = new DatasetReader(new MemoryStream(json), new DatasetReaderOptions { Kind = kind });
        try
        {
            await reader.ConvertAsync(line, item => error ??= item.Error, cancellationToken: cancellationToken);
        }
        catch (DatasetFileException exception)
        {
            throw PlatformException.Invalid(parameter, $"param[{parameter}] invalid: {exception.Message}");
        }

        if (error is not null || reader.GoodRows != 1) throw PlatformException.Invalid(parameter, $"param[{parameter}] invalid: {error?.Message ?? "it must be one row"}");
        return System.Text.Encoding.UTF8.GetString(line.ToArray()).TrimEnd('\n');
    }

    /// <summary>Characters of a row's texts.</summary>
    public static long Characters(string line)
    {
        var row = WorkerLine.ReadRow(line);
        return row.Text?.Length ?? row.Messages.Sum(message => (long)message.Content.Length);
    }

    // What was let in once is good.
    private static async IAsyncEnumerable<Sdk.Datasets.DatasetRow> GoodAsync(IAsyncEnumerable<DatasetItem> items)
    {
        await foreach (var item in items) yield return item.Row ?? throw new InvalidDataException($"Line {item.Error!.Line} of a rows file: {item.Error.Message}");
    }
}
