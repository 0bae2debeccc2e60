using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Files;

/// <summary>Reads multipart bodies section by section, as they come.</summary>
internal static class MultipartBody
{
    // A file comes through it in pieces of this size, each of which becomes a write.
    private const int BufferSize = 64 * 1024;

    /// <summary>Gives the sections of one name to a reader.</summary>
    public static Task ReadAsync(HttpContext context, string name, Func<MultipartSection, ContentDispositionHeaderValue, Task> read, CancellationToken cancellationToken) =>
        ReadAsync(context, name, (given, section, disposition) => given == name ? read(section, disposition) : Task.CompletedTask, cancellationToken);

    /// <summary>Gives all sections to a reader, with their names.</summary>
    /// <param name="context">The request.</param>
    /// <param name="parameter">What errors are said to be about.</param>
    /// <param name="read">Reads a section.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    public static async Task ReadAsync(HttpContext context, string parameter, Func<string?, MultipartSection, ContentDispositionHeaderValue, Task> read, CancellationToken cancellationToken)
    {
        // Stores count the bytes themselves and say which limit was passed; the server's own limit would only say that one was.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature) feature.MaxRequestBodySize = null;
        var reader = new MultipartReader(Boundary(context.Request, parameter), context.Request.Body, BufferSize);
        try
        {
            while (await reader.ReadNextSectionAsync(cancellationToken) is { } section)
            {
                if (section.GetContentDispositionHeader() is { } disposition) await read(HeaderUtilities.RemoveQuotes(disposition.Name).Value, section, disposition);
            }
        }
        catch (InvalidDataException exception)
        {
            throw PlatformException.Invalid(parameter, "The multipart body can't be read: " + exception.Message);
        }
        catch (IOException exception) when (exception is not FileNotFoundException && !cancellationToken.IsCancellationRequested && exception.Message.Contains("stream", StringComparison.OrdinalIgnoreCase))
        {
            throw PlatformException.Invalid(parameter, "The multipart body ends before the file does");
        }
    }

    private static string Boundary(HttpRequest request, string parameter)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase))
            throw PlatformException.Invalid(parameter, $"The body must be multipart/form-data with the part {parameter}");
        var boundary = HeaderUtilities.RemoveQuotes(type.Boundary).Value;
        return string.IsNullOrEmpty(boundary) || boundary.Length > 200 ? throw PlatformException.Invalid(parameter, "The multipart body has no boundary") : boundary;
    }
}
