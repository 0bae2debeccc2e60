using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Qianfan.Portal.Features.Console;
using Qianfan.Portal.Security;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Portal.Features.Datasets;

/// <summary>What an accepted upload answers.</summary>
/// <param name="DatasetId">The new dataset.</param>
/// <param name="Name">Its name.</param>
/// <param name="Format">Detected form, a name of <c>DatasetFormat</c>.</param>
/// <param name="GoodRows">Rows that can be trained on.</param>
/// <param name="BadRows">Rows that can't.</param>
/// <param name="Errors">The first bad rows.</param>
public sealed record UploadResult(Guid DatasetId, string Name, string Format, int GoodRows, int BadRows, IReadOnlyList<RowError> Errors);

/// <summary>The upload of a dataset file: a multipart form with the fields <c>name</c>, <c>connection</c>, <c>kind</c> (<c>conversation</c>, which is the default, or <c>text</c>; all optional, before the file) and <c>file</c>, streamed to disk and never buffered.</summary>
internal static class DatasetUploadApi
{
    private const int MaxFieldBytes = 4096;

    // What a multipart form takes beside the file: boundaries, headers and the other fields.
    private const int FormOverhead = 64 * 1024;

    public static void Map(IEndpointRouteBuilder endpoints) =>
        endpoints.MapPost(Urls.DatasetUpload(Guid.Empty).Replace($"{Guid.Empty}", "{projectId:guid}", StringComparison.Ordinal), UploadAsync)
            .ForPages();

    private static async Task<IResult> UploadAsync(Guid projectId, HttpContext context, DatasetUploads uploads, IOptions<PortalOptions> options, CancellationToken cancellationToken)
    {
        var actor = Actor.From(context.User) ?? throw new ForbiddenException(Permission.EditDatasets);
        // Before a byte of the file is read.
        await uploads.RequireAsync(actor, projectId, cancellationToken);

        var limit = options.Value.MaxUploadBytes;
        if (context.Request.ContentLength > limit + FormOverhead)
            throw ReceivedFile.TooLarge(limit);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bodySize)
            bodySize.MaxRequestBodySize = limit > long.MaxValue - FormOverhead ? null : limit + FormOverhead;

        string? name = null;
        Guid? connectionId = null;
        var kind = DatasetKind.Conversation;
        await foreach (var section in SectionsAsync(context.Request, cancellationToken))
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition) || !disposition.IsFormDisposition() && !disposition.IsFileDisposition())
                continue;
            switch (HeaderUtilities.RemoveQuotes(disposition.Name).Value)
            {
                case "name":
                    name = await FieldAsync(section, cancellationToken);
                    break;
                case "connection" when await FieldAsync(section, cancellationToken) is { Length: > 0 } text:
                    connectionId = Guid.TryParse(text, out var id) ? id : throw new NotFoundException("connection");
                    break;
                case "kind":
                    kind = await FieldAsync(section, cancellationToken) switch
                    {
                        "" or "conversation" => DatasetKind.Conversation,
                        "text" => DatasetKind.Text,
                        var other => throw new UserErrorException("DatasetKindUnknown", other),
                    };
                    break;
                case "file":
                    var fileName = HeaderUtilities.RemoveQuotes(disposition.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).Value ?? "";
                    return TypedResults.Ok(await uploads.UploadAsync(actor, projectId, new UploadRequest(name, connectionId, fileName, kind), section.Body, cancellationToken));
            }
        }

        throw new UserErrorException("UploadWithoutFile");
    }

    private static async IAsyncEnumerable<MultipartSection> SectionsAsync(HttpRequest request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
            || HeaderUtilities.RemoveQuotes(type.Boundary).Value is not { Length: > 0 and <= 200 } boundary)
        {
            throw new UserErrorException("UploadWithoutFile");
        }

        var reader = new MultipartReader(boundary, request.Body);
        while (await NextAsync(reader, cancellationToken) is { } section)
            yield return section;
    }

    private static async Task<MultipartSection?> NextAsync(MultipartReader reader, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadNextSectionAsync(cancellationToken);
        }
        catch (Exception e) when (e is InvalidDataException or IOException and not BadHttpRequestException)
        {
            // No multipart form after all, or it ends in the middle.
            throw new UserErrorException("UploadBroken");
        }
    }

    private static async Task<string> FieldAsync(MultipartSection section, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxFieldBytes];
        var read = await section.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return read == buffer.Length ? throw new UserErrorException("UploadBroken") : System.Text.Encoding.UTF8.GetString(buffer, 0, read).Trim();
    }
}
