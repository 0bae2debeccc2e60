using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Datasets;

/// <summary>Reads the rows of a dataset on the platform: page by page on ours, by an export on the cloud.</summary>
internal static class PlatformRows
{
    private const int PageSize = 30;
    private const int PatientPolls = 30;

    public static async IAsyncEnumerable<DatasetItem> ReadAsync(QianfanClient client, string id, DatasetKind kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var version = (await client.Datasets.GetInfoAsync(id, cancellationToken).ConfigureAwait(false)).VersionInfo;
        if (version.TemplateType != (int)kind)
        {
            throw new InvalidArgumentException($"The dataset {id} has the template {version.TemplateType}, not {(int)kind} ({kind}).");
        }

        var rows = client.Options.PlatformExtensions ? PagesAsync(client, id, kind, cancellationToken) : ExportAsync(client, id, kind, cancellationToken);
        await foreach (var item in rows.ConfigureAwait(false))
        {
            yield return item;
        }
    }

    private static async IAsyncEnumerable<DatasetItem> PagesAsync(QianfanClient client, string id, DatasetKind kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var parser = new JsonRowParser(kind);
        for (var offset = 0; ;)
        {
            var page = await client.Datasets.ListEntitiesAsync(new EntityListRequest { DatasetId = id, Offset = offset, PageSize = PageSize }, cancellationToken).ConfigureAwait(false);
            foreach (var entity in page.Items)
            {
                var content = entity.TextExtra?.ToJsonString() ?? throw new QianfanRequestException($"The platform gives no content for row {offset + 1} of {id}.");
                var result = parser.Parse(Encoding.UTF8.GetBytes(content), ++offset, wanted: true);
                yield return result.Error is { } error ? new DatasetItem(error) : new DatasetItem(result.Row!);
            }

            if (page.Items.Count == 0 || offset >= page.Total)
            {
                yield break;
            }
        }
    }

    private static async IAsyncEnumerable<DatasetItem> ExportAsync(QianfanClient client, string id, DatasetKind kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await client.Datasets.ExportAsync(new DatasetExportRequest { DatasetId = id, ExportType = kind is DatasetKind.PromptSet or DatasetKind.Text ? 2 : 1 }, cancellationToken).ConfigureAwait(false);
        await WaitAsync(client, id, cancellationToken).ConfigureAwait(false);
        var records = await client.Datasets.ListExportsAsync(id, cancellationToken).ConfigureAwait(false);
        var address = records.Where(r => !string.IsNullOrEmpty(r.DownloadUrl)).MaxBy(r => r.FinishTime, StringComparer.Ordinal)?.DownloadUrl
            ?? throw new QianfanRequestException($"The platform gives no address for the export of {id}.");
        var file = TemporaryFile.Create();
        await using (file.ConfigureAwait(false))
        {
            await client.Datasets.DownloadAsync(address, file, cancellationToken).ConfigureAwait(false);
            file.Position = 0;
            var zip = new ZipArchive(file, ZipArchiveMode.Read);
            foreach (var entry in zip.Entries.Where(IsRows).OrderBy(e => e.FullName, StringComparer.Ordinal))
            {
                var content = await entry.OpenAsync(cancellationToken).ConfigureAwait(false);
                await using (content.ConfigureAwait(false))
                {
                    await foreach (var item in DatasetReader.ReadAsync(content, new DatasetReaderOptions { Kind = kind }, cancellationToken).ConfigureAwait(false))
                    {
                        yield return item;
                    }
                }
            }
        }
    }

    private static bool IsRows(ZipArchiveEntry entry) =>
        entry.FullName.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) || entry.FullName.EndsWith(".txt", StringComparison.OrdinalIgnoreCase);

    private static async Task WaitAsync(QianfanClient client, string id, CancellationToken cancellationToken)
    {
        for (var polls = 0; ; polls++)
        {
            var version = (await client.Datasets.GetInfoAsync(id, cancellationToken).ConfigureAwait(false)).VersionInfo;
            switch (version.ExportStatus)
            {
                case DatasetExportStatus.Finished:
                    return;
                case DatasetExportStatus.Initialized or DatasetExportStatus.Running:
                case DatasetExportStatus.NotStarted when polls < PatientPolls:
                    break;
                default:
                    throw new InternalErrorException($"The dataset {id} could not be exported (status {((int)version.ExportStatus).ToString(CultureInfo.InvariantCulture)}).");
            }

            await Task.Delay(client.Options.DatasetPoll, client.Time, cancellationToken).ConfigureAwait(false);
        }
    }
}
