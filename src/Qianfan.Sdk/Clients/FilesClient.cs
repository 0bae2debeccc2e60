using System.Net.Http.Headers;
using Qianfan.Sdk.Authentication;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk;

/// <summary>Files on a self-hosted platform, in OpenAI's shape (<c>/v1/files</c>). Thread-safe.</summary>
public sealed class FilesClient
{
    private static readonly ConsoleAnswer<FileObject> s_file = new(QianfanJson.Wire.FileObject, "files", enveloped: false);
    private static readonly ConsoleAnswer<FileList> s_list = new(QianfanJson.Wire.FileList, "files", enveloped: false);
    private static readonly ConsoleAnswer<FileDeletion> s_deletion = new(QianfanJson.Wire.FileDeletion, "files", enveloped: false);
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
        return await _transport.SendAsync(call, s_file, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The files that are there.</summary>
    public Task<FileList> ListAsync(CancellationToken cancellationToken = default) =>
        _transport.SendAsync(Call(HttpMethod.Get, "/v1/files"), s_list, cancellationToken).AsTask();

    /// <summary>Tells about a file.</summary>
    public Task<FileObject> GetAsync(string fileId, CancellationToken cancellationToken = default) =>
        _transport.SendAsync(Call(HttpMethod.Get, "/v1/files/" + IamSigner.Encode(fileId)), s_file, cancellationToken).AsTask();

    /// <summary>Deletes a file.</summary>
    public Task<FileDeletion> DeleteAsync(string fileId, CancellationToken cancellationToken = default) =>
        _transport.SendAsync(Call(HttpMethod.Delete, "/v1/files/" + IamSigner.Encode(fileId)) with { Idempotent = false }, s_deletion, cancellationToken).AsTask();

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
