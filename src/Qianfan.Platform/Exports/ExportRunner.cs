using System.Data.Common;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Data;
using Qianfan.Platform.Http;
using Qianfan.Platform.Services;
using Qianfan.Platform.Workers;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Exports;

/// <summary>Runs one export: a worker writes it, and what is a folder is packed into one file.</summary>
internal sealed partial class ExportRunner(
    IDbContextFactory<PlatformDbContext> contexts, IWorkerLauncher launcher, DataFolders folders, IOptions<PlatformOptions> options, TimeProvider time, ILogger<ExportRunner> logger)
{
    /// <summary>Runs an export to its end, and again if its worker died.</summary>
    /// <param name="export">An export that is running, with its model and set.</param>
    /// <param name="cancellationToken">Ends its worker at once; the row stays as it is.</param>
    /// <exception cref="IOException">What an earlier attempt left can't be removed yet.</exception>
    public async Task RunAsync(ExportRow export, CancellationToken cancellationToken)
    {
        for (var deaths = 1; ; deaths++)
        {
            AtomicFile.Delete(folders.Export(export.PublicId));
            // A name of its own: a worker that outlives its platform for a moment has another.
            var attempt = Path.Combine(folders.Export(export.PublicId), Guid.NewGuid().ToString("N"));
            Directory.CreateDirectory(attempt);
            string? failure = null;
            try
            {
                await AttemptAsync(export, attempt, cancellationToken);
                return;
            }
            catch (WorkerException exception) when (deaths <= options.Value.TrainingRetries)
            {
                LogDied(logger, export.PublicId, exception.Message);
            }
            catch (WorkerException exception)
            {
                failure = exception.Message;
            }
            catch (ExportRefusedException refusal)
            {
                failure = refusal.Message;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Its message has paths of this machine, which are nobody's business.
                LogStorage(logger, exception, export.PublicId);
                failure = "The disk is full or can't be written";
            }
            catch (Exception exception) when (exception is not (OperationCanceledException or DbUpdateException or DbException))
            {
                // A fault of ours fails this export, not the platform.
                LogFault(logger, exception, export.PublicId);
                failure = $"Internal error: {exception.Message}";
            }
            finally
            {
                AtomicFile.Delete(attempt);
            }

            // Told when nothing is left of it.
            if (failure is null) continue;
            await FailAsync(export, failure);
            return;
        }
    }

    private async Task AttemptAsync(ExportRow export, string attempt, CancellationToken cancellationToken)
    {
        var name = ExportFileNames.Of(export);
        var output = Path.Combine(attempt, "output");
        var (engineVersion, written) = await WriteAsync(export, output, cancellationToken);
        IReadOnlyList<ModelExportFile> files;
        string content;
        long bytes;
        string sha256;
        if (Directory.Exists(output))
        {
            files = [.. written.Select(file => new ModelExportFile { Name = Path.GetRelativePath(output, file.Path), Bytes = file.Bytes, Sha256 = file.Sha256 })];
            content = Path.Combine(attempt, "content");
            (bytes, sha256) = await ExportArchive.PackAsync(output, content, Path.GetFileNameWithoutExtension(name), time.GetUtcNow(), cancellationToken);
        }
        else
        {
            var file = written.Single();
            files = [new ModelExportFile { Name = name, Bytes = file.Bytes, Sha256 = file.Sha256 }];
            (content, bytes, sha256) = (output, file.Bytes, file.Sha256);
        }

        File.Move(content, folders.ExportContent(export.PublicId));
        var json = JsonSerializer.Serialize(files, PlatformJson.Options);
        var now = time.GetUtcNow();
        await using var context = await contexts.CreateDbContextAsync(CancellationToken.None);
        await context.Exports.Where(row => row.Id == export.Id).ExecuteUpdateAsync(
            set => set.SetProperty(row => row.State, ExportState.Done)
                .SetProperty(row => row.Progress, 100)
                .SetProperty(row => row.FinishedAt, now)
                .SetProperty(row => row.FileName, name)
                .SetProperty(row => row.Bytes, bytes)
                .SetProperty(row => row.Sha256, sha256)
                .SetProperty(row => row.Files, json)
                .SetProperty(row => row.EngineVersion, engineVersion),
            CancellationToken.None);
    }

    /// <summary>Has a worker write the export.</summary>
    private async Task<(string? EngineVersion, IReadOnlyList<ExportedFile> Files)> WriteAsync(ExportRow export, string output, CancellationToken cancellationToken)
    {
        await using var worker = Launch(export, output);
        string? engineVersion = null;
        var progress = 0;
        while (true)
        {
            switch (await worker.ReadAliveAsync("worker", time, cancellationToken))
            {
                case null:
                    throw new WorkerException((await worker.WaitAsync(cancellationToken)).Describe());
                case WorkerHello hello when hello.Mismatch() is { } mismatch:
                    throw new ExportRefusedException(mismatch);
                case WorkerHello hello:
                    engineVersion = hello.EngineVersion;
                    break;
                // 100 % is said when the file can be fetched.
                case ExportProgress { TotalBytes: > 0 } done when Math.Min(99, 100 * done.DoneBytes / done.TotalBytes) is var percent && percent > progress:
                    progress = (int)percent;
                    await TellAsync(export, progress, cancellationToken);
                    break;
                case ExportCompleted completed:
                    return (engineVersion, completed.Files);
                case ExportFailed { Code: WorkerErrors.Storage } failed:
                    throw new IOException(failed.Message);
                case ExportFailed failed:
                    throw new ExportRefusedException(failed.Message);
            }
        }
    }

    private IWorker Launch(ExportRow export, string output)
    {
        var model = ModelSpec.Of(export.Model, folders);
        List<string> words = ["--model", model.ModelDirectory];
        if (model.AdapterDirectory is { } adapter) words.AddRange(["--adapter", adapter]);
        words.AddRange(["--format", export.Format, "--out", output, "--name", export.Model.Set.Name]);
        try
        {
            return launcher.Launch(WorkerMode.Export, words);
        }
        catch (WorkerException exception)
        {
            // There is no engine, or it can't be started: trying again helps nobody.
            throw new ExportRefusedException(exception.Message);
        }
    }

    private async Task TellAsync(ExportRow export, int progress, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        await context.Exports.Where(row => row.Id == export.Id).ExecuteUpdateAsync(set => set.SetProperty(row => row.Progress, progress), cancellationToken);
    }

    private async Task FailAsync(ExportRow export, string message)
    {
        LogFailed(logger, export.PublicId, message);
        var now = time.GetUtcNow();
        await using var context = await contexts.CreateDbContextAsync(CancellationToken.None);
        await context.Exports.Where(row => row.Id == export.Id).ExecuteUpdateAsync(
            set => set.SetProperty(row => row.State, ExportState.Failed).SetProperty(row => row.Error, message).SetProperty(row => row.FinishedAt, now), CancellationToken.None);
    }

    [LoggerMessage(LogLevel.Warning, "Export {Export}: {Reason}. It is tried again")]
    private static partial void LogDied(ILogger logger, string export, string reason);

    [LoggerMessage(LogLevel.Warning, "Export {Export} failed: {Reason}")]
    private static partial void LogFailed(ILogger logger, string export, string reason);

    [LoggerMessage(LogLevel.Error, "Export {Export} met an internal error")]
    private static partial void LogFault(ILogger logger, Exception exception, string export);

    [LoggerMessage(LogLevel.Error, "Export {Export} can't be written")]
    private static partial void LogStorage(ILogger logger, Exception exception, string export);

    /// <summary>An export that another attempt would not help. The message is for people.</summary>
    private sealed class ExportRefusedException(string message) : Exception(message);
}
