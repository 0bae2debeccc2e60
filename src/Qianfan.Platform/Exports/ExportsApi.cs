using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Platform.Models;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Exports;

/// <summary>Exports: actions of <c>/v2/model</c>, and the download, which is an extension of ours.</summary>
internal static class ExportsApi
{
    public const string Root = "/v2/model/exports/";

    public static ActionTable<ModelService> AddExports(this ActionTable<ModelService> actions) => actions
        .Write<ModelExportTaskRequest>("CreateModelExportTask", async (models, caller, request, cancellationToken) =>
            Describe(await models.Exports.CreateAsync(caller.OwnerId, request.ModelId, request.Format, cancellationToken), models.Exports))
        .Read<ModelExportTaskRequest>("DescribeModelExportTask", DescribeAsync)
        .Read<ModelIdRequest>("DescribeModelExportTasks", async (models, caller, request, cancellationToken) =>
            new ModelExportTaskList { ExportTaskList = [.. (await models.Exports.ListAsync(caller.OwnerId, request.ModelId, cancellationToken)).Select(row => Describe(row, models.Exports))] })
        .Write<ModelExportTaskIdRequest>("DeleteModelExportTask", async (models, caller, request, cancellationToken) =>
        {
            await models.Exports.DeleteAsync(caller.OwnerId, request.ExportTaskId, cancellationToken);
            return true;
        });

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.ConsoleV2).Read("GET", Root + "{exportTaskId}/content", DownloadAsync);

    private static async Task<object?> DescribeAsync(ModelService models, PlatformCaller caller, ModelExportTaskRequest request, CancellationToken cancellationToken)
    {
        var exports = await models.Exports.ListAsync(caller.OwnerId, request.ModelId, cancellationToken);
        var found = exports.FirstOrDefault(row => string.IsNullOrEmpty(request.Format) || row.Format == request.Format);
        return found is null ? throw PlatformException.NotFound("Export of", request.ModelId) : Describe(found, models.Exports);
    }

    private static async Task<IResult> DownloadAsync(string exportTaskId, HttpContext context, PlatformCaller caller, ExportService exports, CancellationToken cancellationToken)
    {
        var export = await exports.GetAsync(caller.OwnerId, exportTaskId, cancellationToken);
        var stream = exports.Open(export);
        context.Response.Headers["Repr-Digest"] = $"sha-256=:{Convert.ToBase64String(Convert.FromHexString(export.Sha256!))}:";
        return TypedResults.File(
            stream,
            export.FileName!.EndsWith(".zip", StringComparison.Ordinal) ? "application/zip" : "application/octet-stream",
            export.FileName,
            export.FinishedAt,
            new EntityTagHeaderValue($"\"{export.Sha256}\""),
            enableRangeProcessing: true);
    }

    private static ModelExportTask Describe(ExportRow row, ExportService exports) => new()
    {
        ExportTaskId = row.PublicId,
        ModelId = row.Model.PublicId,
        Format = row.Format,
        Status = new ModelExportStatus(row.State.ToString()),
        Progress = row.Progress,
        Message = row.Error,
        FileName = row.FileName,
        Bytes = row.Bytes,
        Sha256 = row.Sha256,
        Files = row.Files is { } files ? JsonSerializer.Deserialize<IReadOnlyList<ModelExportFile>>(files, PlatformJson.Options) : null,
        DownloadUrl = row.State == ExportState.Done ? exports.Address(row) : null,
        EngineVersion = row.EngineVersion,
        CreateTime = WireTime.Iso(row.CreatedAt),
        FinishTime = WireTime.Iso(row.FinishedAt),
    };
}
