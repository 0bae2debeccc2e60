using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Files;

/// <summary>OpenAI's files API; also the way in for dataset files, which are then imported by their <c>file-...</c> id.</summary>
internal static class FilesApi
{
    private const int MostText = 256;
    private const int MostListed = 10_000;

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.OpenAI)
        .Write("POST", "/v1/files", UploadAsync)
        .Read("GET", "/v1/files", ListAsync)
        .Read("GET", "/v1/files/{fileId}", GetAsync)
        .Write("DELETE", "/v1/files/{fileId}", DeleteAsync)
        .Read("GET", "/v1/files/{fileId}/content", DownloadAsync);

    private static async Task<IResult> UploadAsync(HttpContext context, PlatformCaller caller, FileStore files, CancellationToken cancellationToken)
    {
        // The store counts the bytes itself and says which limit was passed; the server's own limit would only say that one was.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature) feature.MaxRequestBodySize = null;
        var reader = new MultipartReader(Boundary(context.Request), context.Request.Body);
        string? purpose = null;
        (string Id, long Bytes, string Name)? received = null;
        try
        {
            while (await ReadSectionAsync(reader, cancellationToken) is { } section)
            {
                var disposition = section.GetContentDispositionHeader();
                var name = HeaderUtilities.RemoveQuotes(disposition?.Name ?? default).Value;
                if (name == "purpose") purpose = await ReadTextAsync(section, cancellationToken);
                else if (name == "file" && received is null)
                {
                    var (id, bytes) = await files.ReceiveAsync(section.Body, cancellationToken);
                    received = (id, bytes, FileName(disposition!));
                }
            }

            if (received is not { } file) throw PlatformException.Missing("file");
            if (string.IsNullOrWhiteSpace(purpose)) throw PlatformException.Missing("purpose");
            var row = await files.KeepAsync(file.Id, file.Bytes, caller.OwnerId, file.Name, purpose, cancellationToken);
            received = null;
            return Answers.Plain(Describe(row));
        }
        catch (InvalidDataException exception)
        {
            throw PlatformException.Invalid("file", "The multipart body can't be read: " + exception.Message);
        }
        catch (IOException exception) when (exception is not FileNotFoundException && !cancellationToken.IsCancellationRequested && exception.Message.Contains("stream", StringComparison.OrdinalIgnoreCase))
        {
            throw PlatformException.Invalid("file", "The multipart body ends before the file does");
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

    private static FileObject Describe(FileRow row) => new()
    {
        Id = row.PublicId,
        Object = "file",
        Bytes = row.Bytes,
        CreatedAt = row.CreatedAt.ToUnixTimeSeconds(),
        FileName = row.Name,
        Purpose = row.Purpose,
        Status = "processed",
    };

    private static string Boundary(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            throw PlatformException.Invalid("file", "The body must be multipart/form-data with the parts purpose and file");
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value;
        return string.IsNullOrEmpty(boundary) || boundary.Length > 200 ? throw PlatformException.Invalid("file", "The multipart body has no boundary") : boundary;
    }

    private static async Task<MultipartSection?> ReadSectionAsync(MultipartReader reader, CancellationToken cancellationToken) =>
        await reader.ReadNextSectionAsync(cancellationToken);

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
