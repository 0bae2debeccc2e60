using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Platform.Spending;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Files;

/// <summary>OpenAI's files API; also the way in for dataset files, which are then imported by their <c>file-...</c> id.</summary>
internal static class FilesApi
{
    private const int MostText = 256;
    private const int Surroundings = 2048;
    private const int MostListed = 10_000;

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.OpenAI)
        .Write("POST", "/v1/files", UploadAsync)
        .Read("GET", "/v1/files", ListAsync)
        .Read("GET", "/v1/files/{fileId}", GetAsync)
        .Write("DELETE", "/v1/files/{fileId}", DeleteAsync)
        .Read("GET", "/v1/files/{fileId}/content", DownloadAsync);

    private static async Task<IResult> UploadAsync(HttpContext context, PlatformCaller caller, FileStore files, Storage storage, CancellationToken cancellationToken)
    {
        // What surrounds the file in its body is smaller than this; what it turns out to need more is looked for on the way.
        using var room = await storage.ReserveAsync(caller.OwnerId, Math.Max(0, (context.Request.ContentLength ?? 0) - Surroundings), cancellationToken);
        string? purpose = null;
        (string Id, long Bytes, string Name)? received = null;
        try
        {
            await MultipartBody.ReadAsync(context, "file", async (name, section, disposition) =>
            {
                if (name == "purpose") purpose = await ReadTextAsync(section, cancellationToken);
                if (name != "file" || received is not null) return;
                var (id, bytes) = await files.ReceiveAsync(room.Fill(section.Body, context.Request.ContentLength), cancellationToken);
                received = (id, bytes, FileName(disposition));
            }, cancellationToken);
            if (received is not { } file) throw PlatformException.Missing("file");
            if (string.IsNullOrWhiteSpace(purpose)) throw PlatformException.Missing("purpose");
            var row = await files.KeepAsync(file.Id, file.Bytes, caller.OwnerId, file.Name, purpose, cancellationToken);
            received = null;
            return Answers.Plain(Describe(row));
        }
        finally
        {
            if (received is { } left) files.Drop(left.Id);
        }
    }

    private static async Task<IResult> ListAsync(string? purpose, string? after, string? order, int? limit, PlatformCaller caller, FileStore files, CancellationToken cancellationToken)
    {
        var most = Math.Clamp(limit ?? MostListed, 1, MostListed);
        if (order is not (null or "asc" or "desc")) throw PlatformException.Invalid("order", "order must be asc or desc");
        var rows = await files.ListAsync(caller.OwnerId, purpose, after, order == "asc", most + 1, cancellationToken);
        return Answers.Plain(new FileList { Object = "list", Data = [.. rows.Take(most).Select(Describe)], HasMore = rows.Count > most });
    }

    private static async Task<IResult> GetAsync(string fileId, PlatformCaller caller, FileStore files, CancellationToken cancellationToken) =>
        Answers.Plain(Describe(await files.GetAsync(caller.OwnerId, fileId, cancellationToken)));

    private static async Task<IResult> DeleteAsync(string fileId, PlatformCaller caller, FileStore files, CancellationToken cancellationToken)
    {
        var row = await files.GetAsync(caller.OwnerId, fileId, cancellationToken);
        await files.DeleteAsync(caller.OwnerId, row.PublicId, cancellationToken);
        return Answers.Plain(new FileDeletion { Id = row.PublicId, Object = "file", Deleted = true });
    }

    private static async Task<IResult> DownloadAsync(string fileId, PlatformCaller caller, FileStore files, CancellationToken cancellationToken)
    {
        var row = await files.GetAsync(caller.OwnerId, fileId, cancellationToken);
        return TypedResults.File(files.Open(row), "application/octet-stream", row.Name);
    }

    /// <summary>A file as OpenAI shows it.</summary>
    public static FileObject Describe(FileRow row) => new()
    {
        Id = row.PublicId,
        Object = "file",
        Bytes = row.Bytes,
        CreatedAt = row.CreatedAt.ToUnixTimeSeconds(),
        FileName = row.Name,
        Purpose = row.Purpose,
        Status = "processed",
    };

    private static async Task<string> ReadTextAsync(MultipartSection section, CancellationToken cancellationToken)
    {
        var buffer = new byte[MostText + 1];
        var length = await section.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return length <= MostText ? System.Text.Encoding.UTF8.GetString(buffer, 0, length).Trim() : throw PlatformException.Invalid("purpose", $"param[purpose] is longer than {MostText} bytes");
    }

    // The caller's name is for people: it is never part of a path.
    private static string FileName(ContentDispositionHeaderValue disposition)
    {
        var name = (disposition.FileNameStar.HasValue ? disposition.FileNameStar : HeaderUtilities.RemoveQuotes(disposition.FileName)).Value;
        name = name?.Split('/', '\\')[^1].Trim();
        return string.IsNullOrEmpty(name) ? "upload" : PlatformException.Shown(name);
    }
}
