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

namespace Qianfan.Platform.Datasets;

/// <summary>Runs imports, one at a time. Datasets in import status "running" are its queue, so that a restart forgets none.</summary>
internal sealed partial class DatasetImporter(
    IDbContextFactory<PlatformDbContext> contexts, DataFolders folders, BosFiles bos, TokenCounter tokens, IOptions<PlatformOptions> options, TimeProvider time, ILogger<DatasetImporter> logger)
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
            tokens.Wake();
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
        var written = new WrittenRows(RowsFiles.NewName());
        await AtomicFile.WriteAsync(Path.Combine(folder, written.File), async stream =>
        {
            using var output = new HashingStream(stream);
            if (dataset.RowsFile is { } old)
            {
                await using var before = RowsFiles.Open(Path.Combine(folder, old));
                await before.CopyToAsync(output, cancellationToken);
            }

            foreach (var source in JsonSerializer.Deserialize<List<ImportSource>>(dataset.ImportFiles!, PlatformJson.Options)!)
            {
                await using var file = await OpenAsync(source, folder, cancellationToken);
                await ConvertAsync(file, source.Name, RowsFiles.Kind(dataset), output, written, errors, cancellationToken);
            }

            written.Hash = output.Hash();
            written.Bytes = output.Length;
        });
        return written;
    }

    private async Task<FileStream> OpenAsync(ImportSource source, string folder, CancellationToken cancellationToken)
    {
        try
        {
            return await bos.OpenAsync(source, folder, cancellationToken);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ImportException($"File {source.Name} is gone");
        }
    }

    private static async Task ConvertAsync(FileStream file, string name, DatasetKind kind, HashingStream output, WrittenRows written, ImportErrors errors, CancellationToken cancellationToken)
    {
        try
        {
            var text = await ParquetRows.OpenAsync(file, cancellationToken);
            var reader = new DatasetReader(text, new DatasetReaderOptions { Kind = kind });
            await reader.ConvertAsync(output, item => errors.Add(name, item.Error!), cancellationToken: cancellationToken);
            written.Added += reader.GoodRows;
            written.AddedCharacters += reader.Characters;
        }
        catch (DatasetFileException exception)
        {
            errors.Add(name, new DatasetRowError(exception.Line ?? 0, null, exception.Code, exception.Message));
            throw new ImportException(exception.Line is { } line ? $"{name}, line {line}: {exception.Message}" : $"{name}: {exception.Message}");
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

        public void Add(string file, DatasetRowError error)
        {
            Count++;
            if (_kept.Count < most) _kept.Add(new ImportErrorRow { DatasetId = datasetId, File = file, Line = error.Line, Field = error.Field ?? "", Message = error.Message });
        }
    }
}
