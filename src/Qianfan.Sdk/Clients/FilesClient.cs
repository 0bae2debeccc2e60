using System.Net.Http.Headers;
using Qianfan.Sdk.Authentication;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>Files on a self-hosted platform, in OpenAI's shape (<c>/v1/files</c>). Thread-safe.</summary>
public sealed class FilesClient
{
    private readonly QianfanTransport _transport;

    internal FilesClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Uploads a file, streamed: it is never in memory as a whole. A broken upload is not repeated.</summary>
    /// <param name="content">The file from its present position; left open.</param>
    /// <param name="fileName">Name to keep it under.</param>
    /// <param name="purpose">What for; <c>fine-tune</c> for training rows.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="QianfanApiException">The platform refuses the file: too large, no room.</exception>
    public async Task<FileObject> UploadAsync(Stream content, string fileName, string purpose = "fine-tune", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentException.ThrowIfNullOrEmpty(fileName);
        var call = Call(HttpMethod.Post, "/v1/files") with
        {
            Content = () => Multipart(content, fileName, purpose),
            Timeout = _transport.Options.UploadTimeout,
            Retry = new RetryOptions { MaxAttempts = 1 },
            Idempotent = false,
        };
        using var document = await _transport.SendAsync(call, cancellationToken).ConfigureAwait(false);
        return QianfanTransport.Deserialize(document.RootElement, QianfanJson.Wire.FileObject, "files");
    }

    /// <summary>The files that are there.</summary>
    public async Task<FileList> ListAsync(CancellationToken cancellationToken = default)
    {
        using var document = await _transport.SendAsync(Call(HttpMethod.Get, "/v1/files"), cancellationToken).ConfigureAwait(false);
        return QianfanTransport.Deserialize(document.RootElement, QianfanJson.Wire.FileList, "files");
    }

    /// <summary>Tells about a file.</summary>
    public async Task<FileObject> GetAsync(string fileId, CancellationToken cancellationToken = default)
    {
        using var document = await _transport.SendAsync(Call(HttpMethod.Get, "/v1/files/" + IamSigner.Encode(fileId)), cancellationToken).ConfigureAwait(false);
        return QianfanTransport.Deserialize(document.RootElement, QianfanJson.Wire.FileObject, "files");
    }

    /// <summary>Deletes a file.</summary>
    public async Task<FileDeletion> DeleteAsync(string fileId, CancellationToken cancellationToken = default)
    {
        var call = Call(HttpMethod.Delete, "/v1/files/" + IamSigner.Encode(fileId)) with { Idempotent = false };
        using var document = await _transport.SendAsync(call, cancellationToken).ConfigureAwait(false);
        return QianfanTransport.Deserialize(document.RootElement, QianfanJson.Wire.FileDeletion, "files");
    }

    private QianfanCall Call(HttpMethod method, string path) => new()
    {
        Method = method,
        BaseUrl = _transport.Options.ConsoleBaseUrl,
        Path = path,
        Authentication = CallAuthentication.Signature,
        Retry = _transport.Options.ConsoleRetry,
        Timeout = _transport.Options.ConsoleTimeout,
    };

    private static MultipartFormDataContent Multipart(Stream content, string fileName, string purpose)
    {
        var file = new StreamContent(new NonClosingStream(content), 128 * 1024);
        file.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        var multipart = new MultipartFormDataContent { { new StringContent(purpose), "purpose" } };
        multipart.Add(file, "file", fileName);
        return multipart;
    }
}
