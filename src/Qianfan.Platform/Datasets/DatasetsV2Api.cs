using System.Globalization;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Datasets;

/// <summary>What the actions work with.</summary>
internal sealed record DatasetsV2(DatasetService Datasets, DatasetExports Exports);

/// <summary><c>/v2/dataset</c>: a dataset is a group of versions, and a version is what V1 calls a dataset. No official client reads the answers; their shape is ours.</summary>
internal static class DatasetsV2Api
{
    private const string Conversations = "PromptResponse";
    private const string Texts = "Text";
    private const string ImportPrefix = "import-";
    private const string VersionPrefix = "ds-";

    public static ActionTable<DatasetsV2> Actions { get; } = new ActionTable<DatasetsV2>()
        .Write<CreateDatasetRequest>("CreateDataset", CreateAsync)
        .Read<DescribeDatasetsRequest>("DescribeDatasets", DescribeAllAsync)
        .Write<DatasetGroupRequest>("DeleteDataset", DeleteAsync)
        .Write<DatasetGroupRequest>("CreateDatasetVersion", CreateVersionAsync)
        .Read<DatasetVersionRequest>("DescribeDatasetVersion", DescribeVersionAsync)
        .Read<DescribeDatasetVersionsRequest>("DescribeDatasetVersions", DescribeVersionsAsync)
        .Write<DatasetVersionRequest>("DeleteDatasetVersion", DeleteVersionAsync)
        .Write<DatasetVersionRequest>("PublishDatasetVersion", PublishAsync)
        .Write<CreateImportTaskRequest>("CreateImportTask", ImportAsync)
        .Read<DatasetTaskRequest>("DescribeImportTask", DescribeImportAsync)
        .Write<CreateExportTaskRequest>("CreateExportTask", ExportAsync)
        .Read<DatasetTaskRequest>("DescribeExportTask", DescribeExportAsync);

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.ConsoleV2)
        .Actions("/v2/dataset", Actions);

    private static async Task<object?> CreateAsync(DatasetsV2 area, PlatformCaller caller, CreateDatasetRequest request, CancellationToken cancellationToken)
    {
        if (request.DataFormat is not (Conversations or Texts))
            throw new PlatformException(PlatformError.NotSupported, $"param[dataFormat] invalid: this platform keeps {Conversations} and {Texts}, not {PlatformException.Shown(request.DataFormat)}", "dataFormat");
        if (request.StorageType is not ("sysStorage" or "BOS")) throw PlatformException.Invalid("storageType", "param[storageType] invalid: it must be sysStorage or BOS");
        var template = request.DataFormat == Texts ? DatasetService.TextTemplate : DatasetService.ConversationTemplate;
        var row = await area.Datasets.CreateAsync(caller.OwnerId, new DatasetCreateRequest { Name = request.DatasetName, ProjectType = template / 100, TemplateType = template, StorageType = request.StorageType == "BOS" ? "usrBos" : "sysBos" }, cancellationToken);
        return new { datasetId = row.GroupPublicId, versionId = row.PublicId };
    }

    private static async Task<object?> DescribeAllAsync(DatasetsV2 area, PlatformCaller caller, DescribeDatasetsRequest request, CancellationToken cancellationToken)
    {
        var page = await area.Datasets.ListGroupsAsync(caller.OwnerId, request.Filter, Paging.Of(request.Marker, request.MaxKeys, request.PageReverse), cancellationToken);
        return new
        {
            datasetList = page.Rows.Select(newest => new
            {
                datasetId = newest.GroupPublicId,
                datasetName = newest.Name,
                dataFormat = Format(newest),
                newestVersionId = newest.PublicId,
                newestVersion = newest.Version,
                modifyDate = WireTime.Iso(newest.ModifiedAt),
            }),
            pageInfo = page.Info,
        };
    }

    private static async Task<object?> DeleteAsync(DatasetsV2 area, PlatformCaller caller, DatasetGroupRequest request, CancellationToken cancellationToken)
    {
        var versions = await area.Datasets.GroupAsync(caller.OwnerId, request.DatasetId, cancellationToken);
        foreach (var version in versions) await area.Datasets.DeleteAsync(caller.OwnerId, version.PublicId, cancellationToken);
        return true;
    }

    private static async Task<object?> CreateVersionAsync(DatasetsV2 area, PlatformCaller caller, DatasetGroupRequest request, CancellationToken cancellationToken)
    {
        var row = await area.Datasets.CreateVersionAsync(caller.OwnerId, request.DatasetId, request.Description, cancellationToken);
        return new { datasetId = row.GroupPublicId, versionId = row.PublicId };
    }

    private static async Task<object?> DescribeVersionAsync(DatasetsV2 area, PlatformCaller caller, DatasetVersionRequest request, CancellationToken cancellationToken) =>
        (await DescribeAsync(area, [await area.Datasets.GetAsync(caller.OwnerId, request.VersionId, cancellationToken)], cancellationToken)).Single();

    private static async Task<object?> DescribeVersionsAsync(DatasetsV2 area, PlatformCaller caller, DescribeDatasetVersionsRequest request, CancellationToken cancellationToken)
    {
        var page = await area.Datasets.ListVersionsAsync(caller.OwnerId, request.DatasetId, Paging.Of(request.Marker, request.MaxKeys, request.PageReverse), cancellationToken);
        return new { versionList = await DescribeAsync(area, page.Rows, cancellationToken), pageInfo = page.Info };
    }

    private static async Task<object?> DeleteVersionAsync(DatasetsV2 area, PlatformCaller caller, DatasetVersionRequest request, CancellationToken cancellationToken)
    {
        await area.Datasets.DeleteAsync(caller.OwnerId, request.VersionId, cancellationToken);
        return true;
    }

    private static async Task<object?> PublishAsync(DatasetsV2 area, PlatformCaller caller, DatasetVersionRequest request, CancellationToken cancellationToken)
    {
        await area.Datasets.ReleaseAsync(caller.OwnerId, request.VersionId, cancellationToken);
        return true;
    }

    private static async Task<object?> ImportAsync(DatasetsV2 area, PlatformCaller caller, CreateImportTaskRequest request, CancellationToken cancellationToken)
    {
        var row = await area.Datasets.GetAsync(caller.OwnerId, request.VersionId, cancellationToken);
        await area.Datasets.ImportAsync(caller.OwnerId, new DatasetImportRequest { DatasetId = row.PublicId, Files = request.Files }, cancellationToken);
        return new { taskId = ImportId(row, row.ImportCount + 1) };
    }

    /// <summary>An import is known by its version and its number there: one that failed and is repeated keeps its id.</summary>
    private static async Task<object?> DescribeImportAsync(DatasetsV2 area, PlatformCaller caller, DatasetTaskRequest request, CancellationToken cancellationToken)
    {
        var parts = request.TaskId.Split('-');
        if (parts.Length != 3 || parts[0] + "-" != ImportPrefix || !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) throw PlatformException.NotFound("Import task", request.TaskId);
        var row = await area.Datasets.FindAsync(caller.OwnerId, VersionPrefix + parts[1], cancellationToken);
        if (row is null || number < 1 || number > row.ImportCount + 1) throw PlatformException.NotFound("Import task", request.TaskId);
        var status = number <= row.ImportCount ? "Done" : row.ImportStatus switch
        {
            DatasetImportStatus.Running => "Running",
            DatasetImportStatus.Failed => "Failed",
            _ => throw PlatformException.NotFound("Import task", request.TaskId),
        };
        return new { taskId = ImportId(row, number), versionId = row.PublicId, runStatus = status, entityCount = row.Rows, refusedEntityCount = row.ImportErrorCount, message = row.ImportErrorInfo };
    }

    private static async Task<object?> ExportAsync(DatasetsV2 area, PlatformCaller caller, CreateExportTaskRequest request, CancellationToken cancellationToken)
    {
        if (request.StorageType != "sysStorage")
            throw new PlatformException(PlatformError.NotSupported, "param[storageType] invalid: this platform exports to itself (sysStorage), where it is fetched", "storageType");
        return new { taskId = (await area.Exports.CreateAsync(caller.OwnerId, request.VersionId, cancellationToken)).PublicId };
    }

    private static async Task<object?> DescribeExportAsync(DatasetsV2 area, PlatformCaller caller, DatasetTaskRequest request, CancellationToken cancellationToken)
    {
        var export = await area.Exports.GetAsync(caller.OwnerId, request.TaskId, cancellationToken);
        var isThere = export.RowsFile == export.Dataset.RowsFile;
        return new
        {
            taskId = export.PublicId,
            versionId = export.Dataset.PublicId,
            runStatus = isThere ? "Done" : "Failed",
            entityCount = export.Rows,
            downloadUrl = isThere ? area.Exports.Link(caller.Key, export) : null,
            linkSeconds = isThere ? (int)DatasetExports.LinkLife.TotalSeconds : (int?)null,
            message = isThere ? null : "The rows have changed since; export them again",
            createDate = WireTime.Iso(export.CreatedAt),
        };
    }

    private static string ImportId(DatasetRow row, int number) => string.Create(CultureInfo.InvariantCulture, $"{ImportPrefix}{row.PublicId[VersionPrefix.Length..]}-{number}");

    private static string Format(DatasetRow row) => row.TemplateType == DatasetService.TextTemplate ? Texts : Conversations;

    private static async Task<IEnumerable<object>> DescribeAsync(DatasetsV2 area, IReadOnlyList<DatasetRow> rows, CancellationToken cancellationToken)
    {
        var extras = await area.Datasets.ExtrasAsync([.. rows.Select(row => row.Id)], cancellationToken);
        return rows.Select(row => Describe(row, extras));
    }

    private static object Describe(DatasetRow row, DatasetExtras extras) => new
    {
        datasetId = row.GroupPublicId,
        datasetName = row.Name,
        versionId = row.PublicId,
        version = row.Version,
        description = row.Description,
        dataFormat = Format(row),
        storageType = row.StorageType == "usrBos" ? "BOS" : "sysStorage",
        importStatus = row.ImportStatus.ToString(),
        publishStatus = row.ReleaseStatus.ToString(),
        entityCount = row.Rows,
        refusedEntityCount = row.ImportErrorCount,
        characterCount = row.Characters,
        tokenStatistics = DatasetsWire.Tokens(row, extras),
        contentHash = row.ContentHash,
        message = row.ImportErrorInfo,
        createDate = WireTime.Iso(row.CreatedAt),
        modifyDate = WireTime.Iso(row.ModifiedAt),
    };
}
