using System.Globalization;
using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Authentication;

/// <summary>Gives the bearer token of V2 inference, ready to be a header: the pair itself on our platform, one fetched with the pair and renewed 10 seconds before it ends, or the static one. Thread-safe.</summary>
internal sealed class BearerTokenSource
{
    private static readonly ConsoleAnswer<BearerToken> s_answer = new(QianfanJson.Wire.BearerToken, "BCE-BEARER/token", enveloped: false);
    private readonly QianfanTransport _transport;
    private readonly string? _static;
    private readonly CachedToken? _fetched;

    public BearerTokenSource(QianfanTransport transport)
    {
        _transport = transport;
        _static = transport.Options switch
        {
            // Our platform takes the pair as a token. The cloud never sees the secret key.
            { PlatformExtensions: true, AccessKey: { Length: > 0 } accessKey, SecretKey: { Length: > 0 } secretKey } => $"Bearer bce-v3/{accessKey}/{secretKey}",
            { AccessKey.Length: > 0, SecretKey.Length: > 0 } => null,
            { BearerToken: { Length: > 0 } token } => "Bearer " + token,
            _ => null,
        };
        _fetched = _static is null && transport.Options is { AccessKey.Length: > 0, SecretKey.Length: > 0 } ? new CachedToken(FetchAsync, TimeSpan.FromSeconds(10), transport.Time) : null;
    }

    /// <summary>The value of the header.</summary>
    public ValueTask<string> GetAsync(CancellationToken cancellationToken) => _static is { } value
        ? ValueTask.FromResult(value)
        : (_fetched ?? throw new InvalidArgumentException("There are no credentials: set AccessKey and SecretKey, or BearerToken.")).GetAsync(cancellationToken);

    /// <summary>True when a refused token will be replaced by a new one.</summary>
    public bool Renew(string token)
    {
        _fetched?.Forget(token);
        return _fetched is not null;
    }

    private async Task<(string Token, DateTimeOffset End)> FetchAsync(CancellationToken cancellationToken)
    {
        var options = _transport.Options;
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
        var token = await _transport.SendAsync(call, s_answer, cancellationToken).ConfigureAwait(false);
        // A token without an end is taken to live as long as was asked for.
        return ("Bearer " + token.Token, token.ExpireTime ?? _transport.Time.GetUtcNow() + options.BearerTokenLifetime);
    }
}
