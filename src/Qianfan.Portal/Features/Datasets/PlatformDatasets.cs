using System.Globalization;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Security;
using Qianfan.Sdk;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>What an upload has made on a platform so far.</summary>
/// <param name="DatasetId">The dataset.</param>
/// <param name="FileId">The uploaded file, on platforms that take files; it goes when the rows are imported.</param>
public sealed record PlatformUpload(string DatasetId, string? FileId);

/// <summary>Datasets on the platforms of connections, through the SDK. Thread-safe. The caller has checked that the connection is the actor's.</summary>
public sealed class PlatformDatasets(PlatformClients clients, TimeProvider time)
{
    /// <summary>Makes a dataset of a file: by upload on our own platform, through object storage on Baidu's.</summary>
    /// <param name="connectionId">The platform.</param>
    /// <param name="name">Name of the dataset there.</param>
    /// <param name="content">The file.</param>
    /// <param name="fileName">Its name.</param>
    /// <param name="made">Told of everything that is made, before the next step: what must be deleted if the rest fails.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <returns>The dataset's id on the platform.</returns>
    /// <exception cref="UserErrorException">The platform refuses, or there is no bucket for the rows.</exception>
    public async Task<string> SaveAsync(Guid connectionId, string name, Stream content, string fileName, Func<PlatformUpload, Task> made, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(made);
        var client = await clients.ForAsync(connectionId, cancellationToken);
        if (!client.Options.PlatformExtensions && string.IsNullOrEmpty(client.Options.Bos.Bucket))
            throw new UserErrorException("ConnectionWithoutBucket");
        return await PlatformErrors.TranslateAsync(async () =>
        {
            var created = await client.Datasets.CreateAsync(new DatasetCreateRequest { Name = name }, cancellationToken);
            await made(new PlatformUpload(created.DatasetId, null));
            if (!client.Options.PlatformExtensions)
            {
                var key = $"{client.Options.Bos.Prefix}{created.DatasetId}/{Path.GetExtension(fileName) switch { ".csv" => "rows.csv", _ => "rows.jsonl" }}";
                await ImportAsync(client, created.DatasetId, await client.Bos.PutObjectAsync(client.Options.Bos.Bucket!, key, content, cancellationToken), cancellationToken);
                return created.DatasetId;
            }

            var file = await client.Files.UploadAsync(content, fileName, cancellationToken: cancellationToken);
            await made(new PlatformUpload(created.DatasetId, file.Id));
            await ImportAsync(client, created.DatasetId, file.Id, cancellationToken);
            // The dataset has the rows now.
            await client.Files.DeleteAsync(file.Id, cancellationToken);
            return created.DatasetId;
        });
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
            catch (QianfanApiException) when (!cancellationToken.IsCancellationRequested)
            {
                // A platform doesn't let go of a dataset that it is importing into.
                if (!await IsImportingAsync(client, platformId, cancellationToken))
                    throw;
                await Task.Delay(Interval(client), time, cancellationToken);
            }
        }
    }

    /// <summary>Deletes what a broken upload left.</summary>
    /// <exception cref="QianfanException">The platform refuses or can't be reached.</exception>
    public async Task DeleteAsync(Guid connectionId, PlatformUpload upload, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upload);
        await DeleteAsync(connectionId, upload.DatasetId, cancellationToken);
        if (upload.FileId is not { } fileId)
            return;
        var client = await clients.ForAsync(connectionId, cancellationToken);
        try
        {
            await client.Files.DeleteAsync(fileId, cancellationToken);
        }
        catch (QianfanException error) when (error.IsNotFound())
        {
            // Gone with the import.
        }
    }

    private async Task ImportAsync(QianfanClient client, string datasetId, string source, CancellationToken cancellationToken)
    {
        await client.Datasets.ImportAsync(new DatasetImportRequest { DatasetId = datasetId, Files = [source] }, cancellationToken);
        while (true)
        {
            var version = (await client.Datasets.GetInfoAsync(datasetId, cancellationToken)).VersionInfo;
            switch (version.ImportStatus)
            {
                case DatasetImportStatus.Finished:
                    return;
                case DatasetImportStatus.NotStarted or DatasetImportStatus.Initialized or DatasetImportStatus.Running:
                    await Task.Delay(Interval(client), time, cancellationToken);
                    break;
                default:
                    throw new UserErrorException("DatasetImportFailed", version.ImportErrorInfo is { Length: > 0 } why
                        ? why
                        : string.Create(CultureInfo.InvariantCulture, $"{version.ImportStatus} {version.ErrCode}"));
            }
        }
    }

    private static async Task<bool> IsImportingAsync(QianfanClient client, string datasetId, CancellationToken cancellationToken) =>
        (await client.Datasets.GetInfoAsync(datasetId, cancellationToken)).VersionInfo.ImportStatus is DatasetImportStatus.Initialized or DatasetImportStatus.Running;

    private static TimeSpan Interval(QianfanClient client) =>
        client.Options.DatasetPollingInterval ?? (client.Options.PlatformExtensions ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromSeconds(2));
}
