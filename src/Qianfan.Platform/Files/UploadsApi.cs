using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Files;

/// <summary>OpenAI's uploads API: a large file in parts. Reading an upload is ours: it tells which parts are there, so that one that broke off goes on.</summary>
internal static class UploadsApi
{
    private const string Root = "/v1/uploads";

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.OpenAI)
        .Write("POST", Root, CreateAsync)
        .Read("GET", Root + "/{uploadId}", GetAsync)
        .Write("POST", Root + "/{uploadId}/parts", AddAsync)
        .Write("POST", Root + "/{uploadId}/complete", CompleteAsync)
        .Write("POST", Root + "/{uploadId}/cancel", CancelAsync);

    private static async Task<IResult> CreateAsync(Body<UploadBody> body, PlatformCaller caller, UploadStore uploads, CancellationToken cancellationToken)
    {
        var request = body.Value;
        var bytes = request.Bytes ?? throw PlatformException.Missing("bytes");
        return Describe(uploads, await uploads.CreateAsync(caller.OwnerId, request.FileName ?? "", request.Purpose ?? "", bytes, cancellationToken), null, null);
    }

    private static async Task<IResult> GetAsync(string uploadId, PlatformCaller caller, UploadStore uploads, CancellationToken cancellationToken)
    {
        var (upload, parts) = await uploads.GetAsync(caller.OwnerId, uploadId, cancellationToken);
        return Describe(uploads, upload, null, parts);
    }

    private static async Task<IResult> AddAsync(string uploadId, HttpContext context, PlatformCaller caller, UploadStore uploads, CancellationToken cancellationToken)
    {
        // Before the body: a part for nothing is not read.
        await uploads.GetAsync(caller.OwnerId, uploadId, cancellationToken);
        UploadPartRow? part = null;
        await MultipartBody.ReadAsync(context, "data", async (section, _) => part ??= await uploads.AddAsync(caller.OwnerId, uploadId, section.Body, cancellationToken), cancellationToken);
        if (part is null) throw PlatformException.Missing("data");
        return Answers.Plain(new { id = part.PublicId, @object = "upload.part", created_at = part.CreatedAt.ToUnixTimeSeconds(), upload_id = uploadId, bytes = part.Bytes });
    }

    private static async Task<IResult> CompleteAsync(string uploadId, Body<UploadCompletion> body, PlatformCaller caller, UploadStore uploads, CancellationToken cancellationToken)
    {
        var ids = body.Value.PartIds ?? throw PlatformException.Missing("part_ids");
        var (upload, file) = await uploads.CompleteAsync(caller.OwnerId, uploadId, ids, body.Value.Md5, cancellationToken);
        return Describe(uploads, upload, file, null);
    }

    private static async Task<IResult> CancelAsync(string uploadId, PlatformCaller caller, UploadStore uploads, CancellationToken cancellationToken) =>
        Describe(uploads, await uploads.CancelAsync(caller.OwnerId, uploadId, cancellationToken), null, null);

    private static IResult Describe(UploadStore uploads, UploadRow upload, FileRow? file, IReadOnlyList<UploadPartRow>? parts) => Answers.Plain(new
    {
        id = upload.PublicId,
        @object = "upload",
        bytes = upload.Bytes,
        created_at = upload.CreatedAt.ToUnixTimeSeconds(),
        filename = upload.Name,
        purpose = upload.Purpose,
        status = uploads.Status(upload),
        expires_at = upload.ExpiresAt.ToUnixTimeSeconds(),
        file = file is null ? null : FilesApi.Describe(file),
        file_id = upload.FileId,
        parts = parts?.Select(part => new { id = part.PublicId, @object = "upload.part", created_at = part.CreatedAt.ToUnixTimeSeconds(), upload_id = upload.PublicId, bytes = part.Bytes }),
    });
}

/// <summary>The body that announces an upload.</summary>
internal sealed record UploadBody
{
    [JsonPropertyName("filename")]
    public string? FileName { get; init; }

    [JsonPropertyName("purpose")]
    public string? Purpose { get; init; }

    [JsonPropertyName("bytes")]
    public long? Bytes { get; init; }
}

/// <summary>The body that ends it.</summary>
internal sealed record UploadCompletion
{
    [JsonPropertyName("part_ids")]
    public IReadOnlyList<string>? PartIds { get; init; }

    [JsonPropertyName("md5")]
    public string? Md5 { get; init; }
}
