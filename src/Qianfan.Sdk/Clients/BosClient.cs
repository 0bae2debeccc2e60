using System.Net.Http.Headers;
using Qianfan.Sdk.Authentication;
using Qianfan.Sdk.Http;

namespace Qianfan.Sdk;

/// <summary>Baidu's object storage, as far as datasets need it: PutObject, with the same signature as the console. Thread-safe.</summary>
public sealed class BosClient
{
    private static readonly NoAnswer s_nothing = new();
    private readonly QianfanTransport _transport;

    internal BosClient(QianfanTransport transport) => _transport = transport;

    /// <summary>Puts an object; one of the same key is replaced.</summary>
    /// <param name="bucket">The bucket.</param>
    /// <param name="key">Key of the object, without a slash at the start.</param>
    /// <param name="content">The content from its present position; must tell its length. Left open.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <returns>The object's address as <c>dataset/import</c> takes it: <c>bos:/bucket/key</c>.</returns>
    /// <exception cref="QianfanApiException">The storage refuses.</exception>
    public async Task<string> PutObjectAsync(string bucket, string key, Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(bucket);
        ArgumentException.ThrowIfNullOrEmpty(key);
        ArgumentNullException.ThrowIfNull(content);
        var options = _transport.Options;
        var length = content.Length - content.Position;
        var call = new QianfanCall
        {
            Method = HttpMethod.Put,
            BaseUrl = options.Bos.Endpoint ?? $"https://{options.Bos.Region}.bcebos.com",
            Path = "/" + IamSigner.Encode(bucket) + "/" + string.Join('/', key.Split('/').Select(IamSigner.Encode)),
            Content = () => new StreamContent(new NonClosingStream(content), 128 * 1024)
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream"), ContentLength = length },
            },
            Authentication = CallAuthentication.Signature,
            Retry = new RetryOptions { MaxAttempts = 1 },
            Timeout = options.UploadTimeout,
            Idempotent = false,
        };
        await _transport.SendAsync(call, s_nothing, cancellationToken).ConfigureAwait(false);
        return $"bos:/{bucket}/{key}";
    }
}
