using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Datasets;

/// <summary>Runs imports, one at a time. Datasets in import status "running" are its queue, so that a restart forgets none.</summary>
internal sealed partial class DatasetImporter(
    IDbContextFactory<PlatformDbContext> contexts, DataFolders folders, IOptions<PlatformOptions> options, TimeProvider time, ILogger<DatasetImporter> logger)
    : BackgroundService
{
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private TaskCompletionSource _imported = NewSignal();

    /// <summary>Says that there is something to import.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    /// <summary>Completes at the end of the next import after this call.</summary>
    public Task NextImport() => Volatile.Read(ref _imported).Task;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Value.Api) return;
        try
        {
            while (true)
            {
                var woken = _wake.Reader.WaitToReadAsync(stoppingToken);
                while (await NextAsync(stoppingToken) is { } dataset)
                {
                    await RunAsync(dataset, stoppingToken);
                    Interlocked.Exchange(ref _imported, NewSignal()).SetResult();
                }

                await woken;
                _wake.Reader.TryRead(out _);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // An import under way is done again from its beginning at the next start.
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task<DatasetRow?> NextAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Datasets.AsNoTracking()
            .Where(row => row.ImportStatus == DatasetImportStatus.Running)
            .OrderBy(row => row.ModifiedAt).ThenBy(row => row.Id)
            .FirstOrDefaultAsync(cancellationToken);
    }

    private async Task RunAsync(DatasetRow dataset, CancellationToken cancellationToken)
    {
        var errors = new ImportErrors(dataset.Id, options.Value.MaxImportErrors);
        try
        {
            var rows = await WriteRowsAsync(dataset, errors, cancellationToken);
            if (rows.Added == 0) throw new ImportException(errors.First is { } first ? $"No row is good; the first error: line {first.Line}: {first.Message}" : "There is no row");
            await FinishAsync(dataset, rows, errors, cancellationToken);
            LogImported(logger, dataset.PublicId, rows.Added, errors.Count);
        }
        catch (Exception exception) when (exception is ImportException or IOException or UnauthorizedAccessException)
        {
            LogFailed(logger, exception, dataset.PublicId);
            var message = exception is ImportException ? exception.Message : "The platform could not read or write the rows: " + exception.GetType().Name;
            await FailAsync(dataset, message, errors, cancellationToken);
        }
    }

    private async Task<WrittenRows> WriteRowsAsync(DatasetRow dataset, ImportErrors errors, CancellationToken cancellationToken)
    {
        var folder = folders.Dataset(dataset.PublicId);
        Directory.CreateDirectory(folder);
        AtomicFile.DeletePartials(folder);
        var name = $"rows-{dataset.ImportCount + 1}.jsonl";
        var written = new WrittenRows(name);
        await AtomicFile.WriteAsync(Path.Combine(folder, name), async stream =>
        {
            var output = new HashingWriter(stream);
            if (dataset.RowsFile is { } old)
            {
                await using var before = File.OpenRead(Path.Combine(folder, old));
                await output.CopyAsync(before, cancellationToken);
            }

            foreach (var source in JsonSerializer.Deserialize<List<ImportSource>>(dataset.ImportFiles!, PlatformJson.Options)!)
                await ConvertAsync(source, output, written, errors, cancellationToken);
            written.Hash = output.Hash();
            written.Bytes = output.Length;
        });
        return written;
    }

    private static async Task ConvertAsync(ImportSource source, HashingWriter output, WrittenRows written, ImportErrors errors, CancellationToken cancellationToken)
    {
        if (!File.Exists(source.Path)) throw new ImportException($"File {source.Name} is gone");
        await using var stream = new FileStream(source.Path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.Asynchronous | FileOptions.SequentialScan);
        try
        {
            await foreach (var item in DatasetReader.ReadAsync(stream, cancellationToken: cancellationToken))
            {
                if (item.Error is { } error)
                {
                    errors.Add(source.Name, error.Line, error.Field ?? "", error.Message);
                    continue;
                }

                var row = item.Row!;
                await output.WriteLineAsync(WorkerLine.Write(new TrainingRow([.. row.Messages.Select(message => new ChatTurn(message.Role, message.Content, message.Weight))])), cancellationToken);
                written.Added++;
                written.AddedCharacters += row.Messages.Sum(message => (long)message.Content.Length);
            }
        }
        catch (DatasetFileException exception)
        {
            errors.Add(source.Name, exception.Line ?? 0, "", exception.Message);
            throw new ImportException(exception.Line is { } line ? $"{source.Name}, line {line}: {exception.Message}" : $"{source.Name}: {exception.Message}");
        }
    }

    private async Task FinishAsync(DatasetRow dataset, WrittenRows rows, ImportErrors errors, CancellationToken cancellationToken)
    {
        await ChangeAsync(dataset, errors, row =>
        {
            row.ImportStatus = DatasetImportStatus.Finished;
            row.ImportCount++;
            row.ImportFiles = null;
            row.ImportErrorInfo = errors.Count == 0 ? null : $"{errors.Count} rows were refused";
            row.RowsFile = rows.File;
            row.Rows += rows.Added;
            row.Characters += rows.AddedCharacters;
            row.Bytes = rows.Bytes;
            row.ContentHash = rows.Hash;
        }, cancellationToken);
        if (dataset.RowsFile is { } old) AtomicFile.Delete(Path.Combine(folders.Dataset(dataset.PublicId), old));
    }

    private Task FailAsync(DatasetRow dataset, string message, ImportErrors errors, CancellationToken cancellationToken) => ChangeAsync(dataset, errors, row =>
    {
        row.ImportStatus = DatasetImportStatus.Failed;
        row.ImportFiles = null;
        row.ImportErrorInfo = message;
    }, cancellationToken);

    private async Task ChangeAsync(DatasetRow dataset, ImportErrors errors, Action<DatasetRow> change, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        await context.ImportErrors.Where(row => row.DatasetId == dataset.Id).ExecuteDeleteAsync(cancellationToken);
        var row = await context.Datasets.SingleAsync(row => row.Id == dataset.Id, cancellationToken);
        change(row);
        row.ImportErrorCount = errors.Count;
        row.ModifiedAt = time.GetUtcNow();
        context.ImportErrors.AddRange(errors.Kept);
        await context.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "Dataset {Dataset}: {Rows} rows imported, {Errors} refused")]
    private static partial void LogImported(ILogger logger, string dataset, long rows, int errors);

    [LoggerMessage(LogLevel.Warning, "Dataset {Dataset}: the import failed")]
    private static partial void LogFailed(ILogger logger, Exception exception, string dataset);

    private sealed class ImportException(string message) : Exception(message);

    private sealed record WrittenRows(string File)
    {
        public long Added { get; set; }

        public long AddedCharacters { get; set; }

        public long Bytes { get; set; }

        public string Hash { get; set; } = "";
    }

    /// <summary>All errors are counted, the first ones kept.</summary>
    private sealed class ImportErrors(int datasetId, int most)
    {
        private readonly List<ImportErrorRow> _kept = [];

        public int Count { get; private set; }

        public IReadOnlyList<ImportErrorRow> Kept => _kept;

        public ImportErrorRow? First => _kept.Count > 0 ? _kept[0] : null;

        public void Add(string file, long line, string field, string message)
        {
            Count++;
            if (_kept.Count < most) _kept.Add(new ImportErrorRow { DatasetId = datasetId, File = file, Line = line, Field = field, Message = message });
        }
    }

    /// <summary>Writes lines and hashes what it writes.</summary>
    private sealed class HashingWriter(Stream stream)
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public long Length { get; private set; }

        public async Task CopyAsync(Stream source, CancellationToken cancellationToken)
        {
            var buffer = new byte[1 << 16];
            while (await source.ReadAsync(buffer, cancellationToken) is var read and > 0) await WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }

        public ValueTask WriteLineAsync(string line, CancellationToken cancellationToken) => WriteAsync(Encoding.UTF8.GetBytes(line + "\n"), cancellationToken);

        public string Hash() => Convert.ToHexStringLower(_hash.GetHashAndReset());

        private ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            _hash.AppendData(bytes.Span);
            Length += bytes.Length;
            return stream.WriteAsync(bytes, cancellationToken);
        }
    }
}
