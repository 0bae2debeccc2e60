using System.Globalization;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Datasets;

/// <summary><c>/v2/dataset</c>: a dataset is a group of versions, and a version is what V1 calls a dataset. No official client reads the answers; their shape is ours.</summary>
internal static class DatasetsV2Api
{
    private const string ImportPrefix = "import-";
    private const string VersionPrefix = "ds-";

    public static ActionTable<DatasetService> Actions { get; } = new ActionTable<DatasetService>()
        .Write<CreateDatasetRequest>("CreateDataset", CreateAsync)
        .Read<DescribeDatasetsRequest>("DescribeDatasets", DescribeAllAsync)
        .Write<DatasetGroupRequest>("DeleteDataset", DeleteAsync)
        .Write<DatasetGroupRequest>("CreateDatasetVersion", CreateVersionAsync)
        .Read<DatasetVersionRequest>("DescribeDatasetVersion", DescribeVersionAsync)
        .Read<DescribeDatasetVersionsRequest>("DescribeDatasetVersions", DescribeVersionsAsync)
        .Write<DatasetVersionRequest>("DeleteDatasetVersion", DeleteVersionAsync)
        .Write<DatasetVersionRequest>("PublishDatasetVersion", PublishAsync)
        .Write<CreateImportTaskRequest>("CreateImportTask", ImportAsync)
        .Read<DatasetTaskRequest>("DescribeImportTask", DescribeImportAsync);

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.ConsoleV2)
        .Actions("/v2/dataset", Actions);

    private static async Task<object?> CreateAsync(DatasetService datasets, PlatformCaller caller, CreateDatasetRequest request, CancellationToken cancellationToken)
    {
        if (request.DataFormat != "PromptResponse")
            throw new PlatformException(PlatformError.NotSupported, $"param[dataFormat] invalid: this platform trains on PromptResponse, not on {PlatformException.Shown(request.DataFormat)}", "dataFormat");
        if (request.StorageType is not ("sysStorage" or "BOS")) throw PlatformException.Invalid("storageType", "param[storageType] invalid: it must be sysStorage or BOS");
        var row = await datasets.CreateAsync(caller.OwnerId, new DatasetCreateRequest { Name = request.DatasetName, StorageType = request.StorageType == "BOS" ? "usrBos" : "sysBos" }, cancellationToken);
        return new { datasetId = row.GroupPublicId, versionId = row.PublicId };
    }

    private static async Task<object?> DescribeAllAsync(DatasetService datasets, PlatformCaller caller, DescribeDatasetsRequest request, CancellationToken cancellationToken)
    {
        var page = await datasets.ListGroupsAsync(caller.OwnerId, request.Filter, Paging.Of(request.Marker, request.MaxKeys, request.PageReverse), cancellationToken);
        return new
        {
            datasetList = page.Rows.Select(newest => new
            {
                datasetId = newest.GroupPublicId,
                datasetName = newest.Name,
                dataFormat = "PromptResponse",
                newestVersionId = newest.PublicId,
                newestVersion = newest.Version,
                modifyDate = WireTime.Iso(newest.ModifiedAt),
            }),
            pageInfo = page.Info,
        };
    }

    private static async Task<object?> DeleteAsync(DatasetService datasets, PlatformCaller caller, DatasetGroupRequest request, CancellationToken cancellationToken)
    {
        var versions = await datasets.GroupAsync(caller.OwnerId, request.DatasetId, cancellationToken);
        foreach (var version in versions) await datasets.DeleteAsync(caller.OwnerId, version.PublicId, cancellationToken);
        return true;
    }

    private static async Task<object?> CreateVersionAsync(DatasetService datasets, PlatformCaller caller, DatasetGroupRequest request, CancellationToken cancellationToken)
    {
        var row = await datasets.CreateVersionAsync(caller.OwnerId, request.DatasetId, request.Description, cancellationToken);
        return new { datasetId = row.GroupPublicId, versionId = row.PublicId };
    }

    private static async Task<object?> DescribeVersionAsync(DatasetService datasets, PlatformCaller caller, DatasetVersionRequest request, CancellationToken cancellationToken) =>
        Describe(await datasets.GetAsync(caller.OwnerId, request.VersionId, cancellationToken));

    private static async Task<object?> DescribeVersionsAsync(DatasetService datasets, PlatformCaller caller, DescribeDatasetVersionsRequest request, CancellationToken cancellationToken)
    {
        var page = await datasets.ListVersionsAsync(caller.OwnerId, request.DatasetId, Paging.Of(request.Marker, request.MaxKeys, request.PageReverse), cancellationToken);
        return new { versionList = page.Rows.Select(Describe), pageInfo = page.Info };
    }

    private static async Task<object?> DeleteVersionAsync(DatasetService datasets, PlatformCaller caller, DatasetVersionRequest request, CancellationToken cancellationToken)
    {
        await datasets.DeleteAsync(caller.OwnerId, request.VersionId, cancellationToken);
        return true;
    }

    private static async Task<object?> PublishAsync(DatasetService datasets, PlatformCaller caller, DatasetVersionRequest request, CancellationToken cancellationToken)
    {
        await datasets.ReleaseAsync(caller.OwnerId, request.VersionId, cancellationToken);
        return true;
    }

    private static async Task<object?> ImportAsync(DatasetService datasets, PlatformCaller caller, CreateImportTaskRequest request, CancellationToken cancellationToken)
    {
        var row = await datasets.GetAsync(caller.OwnerId, request.VersionId, cancellationToken);
        await datasets.ImportAsync(caller.OwnerId, new DatasetImportRequest { DatasetId = row.PublicId, Files = request.Files }, cancellationToken);
        return new { taskId = ImportId(row, row.ImportCount + 1) };
    }

    /// <summary>An import is known by its version and its number there: one that failed and is repeated keeps its id.</summary>
    private static async Task<object?> DescribeImportAsync(DatasetService datasets, PlatformCaller caller, DatasetTaskRequest request, CancellationToken cancellationToken)
    {
        var parts = request.TaskId.Split('-');
        if (parts.Length != 3 || parts[0] + "-" != ImportPrefix || !int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) throw PlatformException.NotFound("Import task", request.TaskId);
        var row = await datasets.FindAsync(caller.OwnerId, VersionPrefix + parts[1], cancellationToken);
        if (row is null || number < 1 || number > row.ImportCount + 1) throw PlatformException.NotFound("Import task", request.TaskId);
        var status = number <= row.ImportCount ? "Done" : row.ImportStatus switch
        {
            DatasetImportStatus.Running => "Running",
            DatasetImportStatus.Failed => "Failed",
            _ => throw PlatformException.NotFound("Import task", request.TaskId),
        };
        return new { taskId = ImportId(row, number), versionId = row.PublicId, runStatus = status, entityCount = row.Rows, refusedEntityCount = row.ImportErrorCount, message = row.ImportErrorInfo };
    }

    private static string ImportId(DatasetRow row, int number) => string.Create(CultureInfo.InvariantCulture, $"{ImportPrefix}{row.PublicId[VersionPrefix.Length..]}-{number}");

    private static object Describe(DatasetRow row) => new
    {
        datasetId = row.GroupPublicId,
        datasetName = row.Name,
        versionId = row.PublicId,
        version = row.Version,
        description = row.Description,
        dataFormat = "PromptResponse",
        storageType = row.StorageType == "usrBos" ? "BOS" : "sysStorage",
        importStatus = row.ImportStatus.ToString(),
        publishStatus = row.ReleaseStatus.ToString(),
        entityCount = row.Rows,
        refusedEntityCount = row.ImportErrorCount,
        characterCount = row.Characters,
        contentHash = row.ContentHash,
        message = row.ImportErrorInfo,
        createDate = WireTime.Iso(row.CreatedAt),
        modifyDate = WireTime.Iso(row.ModifiedAt),
    };
}
