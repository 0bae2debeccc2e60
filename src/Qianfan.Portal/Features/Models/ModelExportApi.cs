using Microsoft.Net.Http.Headers;
using Qianfan.Portal.Components.Shared;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Features.Models;

/// <summary>The download of an export: the platform's bytes, passed on as they come, with ranges so that a broken download goes on.</summary>
internal static class ModelExportApi
{
    private const int BufferSize = 128 * 1024;

    public static void Map(IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/projects/{projectId:guid}/models/{modelSetId:guid}/exports/{exportId}", DownloadAsync).RequireAuthorization();

    private static async Task<IResult> DownloadAsync(
        Guid projectId, Guid modelSetId, string exportId, HttpContext http, ModelExports exports, UserErrorText errors, CancellationToken cancellationToken)
    {
        if (Actor.From(http.User) is not { } actor)
            return TypedResults.NotFound();
        try
        {
            await using var content = await exports.OpenAsync(actor, projectId, modelSetId, exportId, Header(HeaderNames.Range), Header(HeaderNames.IfRange), cancellationToken);
            var response = http.Response;
            response.StatusCode = (int)content.Status;
            response.ContentLength = content.Length;
            response.ContentType = "application/octet-stream";
            response.Headers.AcceptRanges = "bytes";
            response.Headers.ContentRange = content.Range?.ToString();
            response.Headers.ETag = content.EntityTag?.ToString();
            var disposition = new ContentDispositionHeaderValue("attachment");
            disposition.SetHttpFileName(content.FileName ?? exportId);
            response.Headers.ContentDisposition = disposition.ToString();
            await content.Content.CopyToAsync(response.Body, BufferSize, cancellationToken);
            return TypedResults.Empty;
        }
        catch (NotFoundException)
        {
            return TypedResults.NotFound();
        }
        catch (UserErrorException error)
        {
            return TypedResults.Problem(errors.Of(error), statusCode: StatusCodes.Status502BadGateway, title: error.Code);
        }

        string? Header(string name) => http.Request.Headers[name] is { Count: 1 } values ? values.ToString() : null;
    }
}
