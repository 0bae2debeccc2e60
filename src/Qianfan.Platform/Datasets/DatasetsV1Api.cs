using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Datasets;

/// <summary>Console V1, areas dataset and entity.</summary>
internal static class DatasetsV1Api
{
    private const string Root = "/wenxinworkshop/dataset/";

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.DatasetV1)
        .Write("POST", Root + "create", CreateAsync)
        .Write("POST", Root + "import", ImportAsync)
        .Write("POST", Root + "release", ReleaseAsync)
        .Write("POST", Root + "delete", DeleteAsync)
        .Read("POST", Root + "info", InfoAsync)
        .Read("POST", Root + "list", ListAsync)
        .Read("POST", Root + "statusList", StatusListAsync)
        .Read("POST", Root + "importErrorDetail", ErrorDetailAsync)
        .Write("POST", Root + "export", ExportAsync)
        .Read("POST", Root + "exportRecord", ExportRecordAsync)
        .Read("POST", "/wenxinworkshop/entity/list", EntitiesAsync)
        .Write("POST", "/wenxinworkshop/entity/annotate", AnnotateAsync)
        .Write("POST", "/wenxinworkshop/entity/delete", DeleteEntitiesAsync);

    private static async Task<IResult> CreateAsync(Body<DatasetCreateRequest> body, PlatformCaller caller, DatasetService datasets, CancellationToken cancellationToken)
    {
        var row = await datasets.CreateAsync(caller.OwnerId, body.Value, cancellationToken);
        return Answers.Dataset(DatasetsWire.Created(row));
    }

    private static async Task<IResult> ImportAsync(Body<DatasetImportRequest> body, PlatformCaller caller, DatasetService datasets, CancellationToken cancellationToken)
    {
        await datasets.ImportAsync(caller.OwnerId, body.Value, cancellationToken);
        return Answers.Dataset(true);
    }

    private static async Task<IResult> ReleaseAsync(Body<DatasetIdRequest> body, PlatformCaller caller, DatasetService datasets, CancellationToken cancellationToken)
    {
        await datasets.ReleaseAsync(caller.OwnerId, body.Value.DatasetId, cancellationToken);
        return Answers.Dataset(true);
    }

    private static async Task<IResult> DeleteAsync(Body<DatasetIdRequest> body, PlatformCaller caller, DatasetService datasets, CancellationToken cancellationToken)
    {
        await datasets.DeleteAsync(caller.OwnerId, body.Value.DatasetId, cancellationToken);
        return Answers.Dataset(new DatasetDeleteResult { VersionCount = 1 });
    }

    private static async Task<IResult> InfoAsync(Body<DatasetIdRequest> body, PlatformCaller caller, DatasetService datasets, CancellationToken cancellationToken)
    {
        var row = await datasets.GetAsync(caller.OwnerId, body.Value.DatasetId, cancellationToken);
        return Answers.Dataset(DatasetsWire.Info(row, await datasets.ExtrasAsync([row.Id], cancellationToken)));
    }

    private static async Task<IResult> ExportAsync(Body<DatasetExportRequest> body, PlatformCaller caller, DatasetExports exports, CancellationToken cancellationToken)
    {
        if (body.Value.ExportTo != 0) throw new PlatformException(PlatformError.NotSupported, "param[exportTo] invalid: this platform exports to itself (0), where it is fetched", "exportTo");
        if (body.Value.ExportType is not (1 or 2)) throw PlatformException.Invalid("exportType", "param[exportType] invalid: it must be 1 or 2");
        await exports.CreateAsync(caller.OwnerId, body.Value.DatasetId, cancellationToken);
        return Answers.Dataset(true);
    }

    private static async Task<IResult> ExportRecordAsync(Body<DatasetIdRequest> body, PlatformCaller caller, DatasetService datasets, DatasetExports exports, CancellationToken cancellationToken)
    {
        var row = await datasets.GetAsync(caller.OwnerId, body.Value.DatasetId, cancellationToken);
        return Answers.Dataset(DatasetsWire.Exported(row, await exports.ListAsync(row, cancellationToken), export => exports.Link(caller.Key, export)));
    }

    private static async Task<IResult> AnnotateAsync(Body<EntityAnnotateRequest> body, PlatformCaller caller, DatasetEntities entities, CancellationToken cancellationToken)
    {
        await entities.AnnotateAsync(caller.OwnerId, body.Value, cancellationToken);
        return Answers.Dataset(true);
    }

    private static async Task<IResult> DeleteEntitiesAsync(Body<EntityDeleteRequest> body, PlatformCaller caller, DatasetEntities entities, CancellationToken cancellationToken)
    {
        var failed = await entities.DeleteAsync(caller.OwnerId, body.Value, cancellationToken);
        return Answers.Dataset(new EntityDeleteResult { FailedOnes = failed.Count > 0 ? failed : null });
    }

    private static async Task<IResult> ListAsync(Body<DatasetListRequest> body, PlatformCaller caller, DatasetService datasets, CancellationToken cancellationToken)
    {
        var (number, size) = body.Value.Page();
        var (page, total) = await datasets.ListAsync(caller.OwnerId, body.Value.Name, (number - 1) * size, size, cancellationToken);
        var extras = await datasets.ExtrasAsync([.. page.Select(row => row.Id)], cancellationToken);
        return Answers.Dataset(new { total, items = page.Select(row => DatasetsWire.Info(row, extras)) });
    }

    private static async Task<IResult> StatusListAsync(Body<DatasetIdsRequest> body, PlatformCaller caller, DatasetService datasets, CancellationToken cancellationToken)
    {
        if (body.Value.DatasetIds.Count > 100) throw PlatformException.Invalid("datasetIds", "param[datasetIds] invalid: more than 100 ids");
        var states = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var id in body.Value.DatasetIds)
        {
            var row = await datasets.GetAsync(caller.OwnerId, id, cancellationToken);
            states[id] = DatasetsWire.Status(row, await datasets.ExtrasAsync([row.Id], cancellationToken));
        }

        return Answers.Dataset(states);
    }

    private static async Task<IResult> ErrorDetailAsync(Body<DatasetImportErrorRequest> body, PlatformCaller caller, DatasetService datasets, CancellationToken cancellationToken)
    {
        var row = await datasets.GetAsync(caller.OwnerId, body.Value.DatasetId, cancellationToken);
        return Answers.Dataset(DatasetsWire.Errors(row, await datasets.ErrorsAsync(row, cancellationToken)));
    }

    private static async Task<IResult> EntitiesAsync(Body<EntityListRequest> body, PlatformCaller caller, DatasetService datasets, CancellationToken cancellationToken)
    {
        var request = body.Value;
        if (request.PageSize is < 1 or > 30) throw PlatformException.Invalid("pageSize", "param[pageSize] must be between 1 and 30");
        if (request.Offset < 0) throw PlatformException.Invalid("offset", "param[offset] must not be negative");
        if (request.TabType is < 0 or > 2) throw PlatformException.Invalid("tabType", "param[tabType] must be 0, 1 or 2");
        var row = await datasets.GetAsync(caller.OwnerId, request.DatasetId, cancellationToken);
        // All rows here are annotated: a row without an answer is refused by the import.
        if (request.TabType == 2) return Answers.Dataset(new { totalAll = row.Rows, total = 0, items = Array.Empty<object>() });
        var rows = await datasets.RowsAsync(row, request.Offset, request.PageSize, cancellationToken);
        return Answers.Dataset(new { totalAll = row.Rows, total = row.Rows, items = rows.Select(entry => DatasetsWire.Entity(row, entry.Number, entry.Row)) });
    }
}

/// <summary>The body of dataset/list, an extension of ours.</summary>
internal sealed record DatasetListRequest
{
    public string? Name { get; init; }

    public int? PageNo { get; init; }

    public int? PageSize { get; init; }

    public (int Number, int Size) Page()
    {
        var number = PageNo ?? 1;
        var size = PageSize ?? 20;
        if (number is < 1 or > 1_000_000) throw PlatformException.Invalid("pageNo", "param[pageNo] must be between 1 and 1000000");
        if (size is < 1 or > 100) throw PlatformException.Invalid("pageSize", "param[pageSize] must be between 1 and 100");
        return (number, size);
    }
}
