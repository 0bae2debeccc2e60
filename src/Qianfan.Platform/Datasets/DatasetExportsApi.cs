using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Datasets;

/// <summary>Where exports are fetched: a zip with one file of rows, made while it is sent.</summary>
internal static class DatasetExportsApi
{
    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.ConsoleV2).Open("GET", DatasetExports.Route, DownloadAsync);

    private static async Task DownloadAsync(string exportId, string? key, string? expires, string? signature, HttpContext context, DatasetExports exports, CancellationToken cancellationToken)
    {
        var (export, rows) = await exports.OpenAsync(exportId, key ?? "", expires ?? "", signature ?? "", cancellationToken);
        await using (rows)
        {
            context.Response.ContentType = "application/zip";
            context.Response.Headers.ContentDisposition = $"attachment; filename=\"{export.Dataset.PublicId}.zip\"";
            context.Response.Headers.CacheControl = "private, no-store";
            // The framework ends a file of a zip with a few bytes that it writes without waiting.
            context.Features.GetRequiredFeature<IHttpBodyControlFeature>().AllowSynchronousIO = true;
            await using var zip = await ZipArchive.CreateAsync(context.Response.Body, ZipArchiveMode.Create, leaveOpen: true, entryNameEncoding: null, cancellationToken);
            var entry = zip.CreateEntry($"{export.Dataset.PublicId}.jsonl", CompressionLevel.Fastest);
            await using var target = await entry.OpenAsync(cancellationToken);
            await RowsFiles.ExportAsync(rows, RowsFiles.Kind(export.Dataset), target, cancellationToken);
        }
    }
}
