using System.Globalization;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Authentication;

/// <summary>Gives the bearer token of V2 inference: the pair itself on our platform, one fetched with the pair and renewed 10 seconds before it ends, or the static one. Thread-safe.</summary>
internal sealed class BearerTokenSource(QianfanTransport transport)
{
    private static readonly TimeSpan s_renewBefore = TimeSpan.FromSeconds(10);

    private volatile BearerToken? _cached;

    /// <summary>True when a refused token can be replaced by a new one.</summary>
    public bool CanRenew => !transport.Options.PlatformExtensions && HasPair(out _, out _);

    public void Invalidate() => _cached = null;

    public async ValueTask<string> GetAsync(CancellationToken cancellationToken)
    {
        if (!HasPair(out var accessKey, out var secretKey))
        {
            return transport.Options.BearerToken is { Length: > 0 } token
                ? token
                : throw new InvalidArgumentException("There are no credentials: set AccessKey and SecretKey, or BearerToken.");
        }

        if (transport.Options.PlatformExtensions)
        {
            // Our platform takes the pair as a token. The cloud never sees the secret key.
            return $"bce-v3/{accessKey}/{secretKey}";
        }

        if (Fresh() is { } cached)
        {
            return cached;
        }

        // Callers that find no token at the same moment may fetch one each; all of them are valid.
        var fetched = await FetchAsync(cancellationToken).ConfigureAwait(false);
        _cached = fetched;
        return fetched.Token;
    }

    private string? Fresh() =>
        _cached is { ExpireTime: { } end } cached && transport.Time.GetUtcNow() < end - s_renewBefore ? cached.Token : null;

    private bool HasPair(out string accessKey, out string secretKey)
    {
        accessKey = transport.Options.AccessKey ?? "";
        secretKey = transport.Options.SecretKey ?? "";
        return accessKey.Length > 0 && secretKey.Length > 0;
    }

    private async Task<BearerToken> FetchAsync(CancellationToken cancellationToken)
    {
        var options = transport.Options;
        var call = new QianfanCall
        {
            Method = HttpMethod.Get,
            BaseUrl = options.IamBaseUrl,
            Path = "/v1/BCE-BEARER/token",
            Query = [KeyValuePair.Create("expireInSeconds", ((long)options.BearerTokenLifetime.TotalSeconds).ToString(CultureInfo.InvariantCulture))],
            Authentication = CallAuthentication.Signature,
            Retry = options.ConsoleRetry,
            Timeout = options.ConsoleTimeout,
        };
        using var document = await transport.SendAsync(call, cancellationToken).ConfigureAwait(false);
        var token = QianfanTransport.Deserialize(document.RootElement, QianfanJson.Wire.BearerToken, "BCE-BEARER/token");
        // A token without an end is taken to live as long as was asked for.
        return token.ExpireTime is null ? token with { ExpireTime = transport.Time.GetUtcNow() + options.BearerTokenLifetime } : token;
    }
}
