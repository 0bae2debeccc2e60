using System.Net;
using System.Net.Http.Headers;
using Qianfan.Sdk.Http;

namespace Qianfan.Sdk;

/// <summary>The bytes of an export, or a part of them, as they come. Dispose it when done; for one reader.</summary>
public sealed class ModelExportContent : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;

    private ModelExportContent(HttpResponseMessage response, Stream content) => (_response, Content) = (response, content);

    /// <summary>The bytes. Reading fails with <see cref="IOException"/> when the connection breaks or nothing comes for <see cref="QianfanOptions.StreamIdleTimeout"/>.</summary>
    public Stream Content { get; }

    /// <summary>200; 206 for a part; 416 when there is no such part, and no bytes.</summary>
    public HttpStatusCode Status => _response.StatusCode;

    /// <summary>How many bytes come, if the platform tells.</summary>
    public long? Length => _response.Content.Headers.ContentLength;

    /// <summary>Which part of how much, of a part.</summary>
    public ContentRangeHeaderValue? Range => _response.Content.Headers.ContentRange;

    /// <summary>Stands for these very bytes; for <c>ifRange</c>.</summary>
    public EntityTagHeaderValue? EntityTag => _response.Headers.ETag;

    /// <summary>Name to keep it under.</summary>
    public string? FileName => _response.Content.Headers.ContentDisposition is { } disposition ? disposition.FileNameStar ?? disposition.FileName?.Trim('"') : null;

    /// <summary>Closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await Content.DisposeAsync().ConfigureAwait(false);
        _response.Dispose();
    }

    internal static async Task<ModelExportContent> OpenAsync(QianfanTransport transport, QianfanCall call, CancellationToken cancellationToken)
    {
        var response = await transport.OpenFileAsync(call, cancellationToken).ConfigureAwait(false);
        try
        {
            var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            return new ModelExportContent(response, new IdleTimeoutStream(body, transport.Options.StreamIdleTimeout, transport.Time, cancellationToken));
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }
}
