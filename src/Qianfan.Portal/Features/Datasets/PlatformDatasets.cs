using Microsoft.Extensions.Logging;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;
using Qianfan.Sdk;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;
using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>What an upload has made on a platform so far.</summary>
/// <param name="FileId">The uploaded file, on platforms that take files; it goes when the rows are imported.</param>
/// <param name="DatasetId">The dataset.</param>
public sealed record PlatformUpload(string? FileId, string? DatasetId);

/// <summary>Datasets on the platforms of connections, through the SDK. Thread-safe. The caller has checked that the connection is the actor's.</summary>
public sealed partial class PlatformDatasets(PlatformClients clients, TimeProvider time, ILogger<PlatformDatasets> logger)
{
    /// <summary>Makes a dataset of a file without bad rows: by upload on our own platform, through object storage on Baidu's.</summary>
    /// <param name="connectionId">The platform.</param>
    /// <param name="id">What the name there is derived from.</param>
    /// <param name="name">Wished name there.</param>
    /// <param name="path">The file.</param>
    /// <param name="kind">What its rows are: conversations or texts.</param>
    /// <param name="made">Told of everything that is made, before the next step: what must be deleted if the rest fails.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <returns>The dataset's id on the platform.</returns>
    /// <exception cref="UserErrorException">The platform refuses, or there is no bucket for the rows.</exception>
    public async Task<string> SaveAsync(Guid connectionId, Guid id, string name, string path, DatasetKind kind, Func<PlatformUpload, Task> made, CancellationToken cancellationToken)
    {
        var client = await clients.ForAsync(connectionId, cancellationToken);
        if (!client.Options.PlatformExtensions && string.IsNullOrEmpty(client.Options.Bos.Bucket))
            throw new UserErrorException("ConnectionWithoutBucket");
        var progress = new Progress(made);
        var rows = DatasetConfig.Of(Sdk.Datasets.Dataset.FromFile(path, name, kind));
        var load = new LoadDataSetAction(client, rows, kind is DatasetKind.Text ? TrainMode.PostPretrain : TrainMode.Sft, id.ToString("N"), eventHandler: progress);
        try
        {
            await load.ExecAsync(cancellationToken: cancellationToken);
        }
        catch (InternalErrorException error)
        {
            throw new UserErrorException("DatasetImportFailed", error.Message);
        }
        catch (QianfanException error)
        {
            throw PlatformErrors.Translate(error);
        }

        if (progress.Made.FileId is { } fileId && client.Options.PlatformExtensions)
            await DeleteFileAsync(client, fileId, cancellationToken);
        return load.DatasetId ?? throw new InvalidOperationException("The rows were loaded, but no dataset was named.");
    }

    /// <summary>Deletes a dataset; what is gone already counts as deleted.</summary>
    /// <exception cref="QianfanException">The platform refuses or can't be reached.</exception>
    public async Task DeleteAsync(Guid connectionId, string platformId, CancellationToken cancellationToken)
    {
        var client = await clients.ForAsync(connectionId, cancellationToken);
        while (true)
        {
            try
            {
                await client.Datasets.DeleteAsync(platformId, cancellationToken);
                return;
            }
            catch (QianfanException error) when (error.IsNotFound())
            {
                return;
            }
            catch (QianfanApiException)
            {
                // A platform doesn't let go of a dataset that it is importing into.
                if (!await IsImportingAsync(client, platformId, cancellationToken))
                    throw;
                await Task.Delay(client.Options.DatasetPollingInterval ?? TimeSpan.FromSeconds(2), time, cancellationToken);
            }
        }
    }

    /// <summary>Tokens of a dataset's rows by base model; empty while they are being counted, null on a platform that counts none.</summary>
    /// <exception cref="QianfanException">The platform refuses or can't be reached.</exception>
    public async Task<IReadOnlyList<DatasetTokenStatistics>?> TokensAsync(Guid connectionId, string platformId, CancellationToken cancellationToken)
    {
        var client = await clients.ForAsync(connectionId, cancellationToken);
        return client.Options.PlatformExtensions ? (await client.Datasets.GetInfoAsync(platformId, cancellationToken)).VersionInfo.TokenStatistics ?? [] : null;
    }

    /// <summary>Exports a dataset's rows on our own platform, which has them ready at once.</summary>
    /// <returns>The address from which whoever has it can fetch them for a while.</returns>
    /// <exception cref="QianfanException">The platform refuses or can't be reached.</exception>
    public async Task<string> ExportAsync(Guid connectionId, string platformId, CancellationToken cancellationToken)
    {
        var client = await clients.ForAsync(connectionId, cancellationToken);
        await client.Datasets.ExportAsync(new DatasetExportRequest { DatasetId = platformId }, cancellationToken);
        var records = await client.Datasets.ListExportsAsync(platformId, cancellationToken);
        return records.Select(record => record.DownloadUrl).FirstOrDefault(address => !string.IsNullOrEmpty(address))
            ?? throw new UserErrorException("PlatformRefused", "There is no address to fetch the export from.");
    }

    /// <summary>Deletes what a broken upload left.</summary>
    /// <exception cref="QianfanException">The platform refuses or can't be reached.</exception>
    public async Task UndoAsync(Guid connectionId, PlatformUpload upload, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upload);
        if (upload.DatasetId is { } datasetId)
            await DeleteAsync(connectionId, datasetId, cancellationToken);
        var client = await clients.ForAsync(connectionId, cancellationToken);
        if (upload.FileId is { } fileId && client.Options.PlatformExtensions)
            await DeleteFileAsync(client, fileId, cancellationToken);
    }

    private async Task DeleteFileAsync(QianfanClient client, string fileId, CancellationToken cancellationToken)
    {
        try
        {
            await client.Files.DeleteAsync(fileId, cancellationToken);
        }
        catch (QianfanException error)
        {
            // The dataset has the rows: a copy too many is no reason to fail.
            if (!error.IsNotFound())
                FileNotDeleted(logger, fileId, error);
        }
    }

    private static async Task<bool> IsImportingAsync(QianfanClient client, string datasetId, CancellationToken cancellationToken) =>
        (await client.Datasets.GetInfoAsync(datasetId, cancellationToken)).VersionInfo.ImportStatus is DatasetImportStatus.Initialized or DatasetImportStatus.Running;

    [LoggerMessage(Level = LogLevel.Warning, Message = "The uploaded file {FileId} could not be deleted after its import")]
    private static partial void FileNotDeleted(ILogger logger, string fileId, Exception error);

    /// <summary>Hears from the action what it made.</summary>
    private sealed class Progress(Func<PlatformUpload, Task> made) : IEventHandler
    {
        public PlatformUpload Made { get; private set; } = new(null, null);

        public async ValueTask DispatchAsync(Event e, CancellationToken cancellationToken)
        {
            if (e.ActionState is not ActionState.Running || e.Data is not { } data)
                return;
            var now = new PlatformUpload(data["file"]?.GetValue<string>() ?? Made.FileId, data["dataset_id"]?.GetValue<string>() ?? Made.DatasetId);
            if (now == Made)
                return;
            Made = now;
            await made(now);
        }
    }
}
