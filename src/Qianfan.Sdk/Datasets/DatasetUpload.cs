using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Datasets;

/// <summary>Brings rows that no fine-tuning takes to the platform: uploaded as conversations are, imported, and not released.</summary>
internal static class DatasetUpload
{
    private const int PatientPolls = 30;

    /// <returns>The dataset's id.</returns>
    public static async Task<string> RunAsync(QianfanClient client, Dataset dataset, CancellationToken cancellationToken)
    {
        if (dataset.Kind == DatasetKind.Text && !client.Options.PlatformExtensions)
        {
            throw new InvalidArgumentException("The cloud takes generic text only as an archive behind a link: import it with DatasetsClient.ImportAsync (ImportFrom 2).");
        }

        var name = dataset.Name ?? $"dataset_{Guid.NewGuid():N}";
        var file = await UploadAsync(client, dataset, cancellationToken).ConfigureAwait(false);
        var created = await client.Datasets.CreateAsync(
            new DatasetCreateRequest { Name = name, TemplateType = (int)dataset.Kind, ProjectType = (int)dataset.Kind / 100 },
            cancellationToken).ConfigureAwait(false);
        await client.Datasets.ImportAsync(
            new DatasetImportRequest { DatasetId = created.DatasetId, Files = [file], Annotated = dataset.Kind is DatasetKind.SortedResponses or DatasetKind.Preference },
            cancellationToken).ConfigureAwait(false);
        await WaitAsync(client, created.DatasetId, cancellationToken).ConfigureAwait(false);
        return created.DatasetId;
    }

    private static async Task<string> UploadAsync(QianfanClient client, Dataset dataset, CancellationToken cancellationToken)
    {
        var fileName = $"data_{Guid.NewGuid():N}.jsonl";
        var copy = TemporaryFile.Create();
        await using (copy.ConfigureAwait(false))
        {
            await dataset.WriteQianfanAsync(copy, cancellationToken).ConfigureAwait(false);
            copy.Position = 0;
            if (client.Options.PlatformExtensions)
            {
                return (await client.Files.UploadAsync(copy, fileName, "fine-tune", cancellationToken).ConfigureAwait(false)).Id;
            }

            var bucket = client.Options.Bos.Bucket ?? throw new InvalidArgumentException("To bring rows to the cloud, set Bos.Bucket in the options.");
            return await client.Bos.PutObjectAsync(bucket, client.Options.Bos.Prefix + fileName, copy, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task WaitAsync(QianfanClient client, string id, CancellationToken cancellationToken)
    {
        for (var polls = 0; ; polls++)
        {
            var version = (await client.Datasets.GetInfoAsync(id, cancellationToken).ConfigureAwait(false)).VersionInfo;
            switch (version.ImportStatus)
            {
                case DatasetImportStatus.Finished:
                    return;
                case DatasetImportStatus.Initialized or DatasetImportStatus.Running:
                case DatasetImportStatus.NotStarted when polls < PatientPolls:
                    break;
                default:
                    var reason = string.IsNullOrEmpty(version.ImportErrorInfo) ? "" : ": " + version.ImportErrorInfo;
                    throw new InternalErrorException($"The rows of dataset {id} could not be imported (status {(int)version.ImportStatus}, error {version.ErrCode}){reason}");
            }

            await Task.Delay(client.Options.DatasetPoll, client.Time, cancellationToken).ConfigureAwait(false);
        }
    }
}
