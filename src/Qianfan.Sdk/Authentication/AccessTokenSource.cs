using Qianfan.Sdk.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Authentication;

/// <summary>Gives the access token of V1 inference: one fetched from the OAuth service with the application's key pair, or the static one. Thread-safe.</summary>
/// <remarks>The official client renews no token within an hour of the last one, and so fails for good when a token is revoked early. This one renews whenever the platform refuses a token.</remarks>
internal sealed class AccessTokenSource
{
    private static readonly ConsoleAnswer<AccessToken> s_answer = new(QianfanJson.Wire.AccessToken, "oauth/2.0/token", enveloped: false);
    private readonly QianfanTransport _transport;
    private readonly CachedToken? _fetched;

    public AccessTokenSource(QianfanTransport transport)
    {
        _transport = transport;
        var options = transport.Options;
        _fetched = options is { EnablePrivate: false, ApplicationKey.Length: > 0, ApplicationSecret.Length: > 0 } ? new CachedToken(FetchAsync, TimeSpan.FromMinutes(1), transport.Time) : null;
        IsUsed = options is { NoAuth: false, EnablePrivate: false } && (_fetched is not null || !string.IsNullOrEmpty(options.AccessToken));
    }

    /// <summary>False: V1 inference is signed.</summary>
    public bool IsUsed { get; }

    public ValueTask<string> GetAsync(CancellationToken cancellationToken) => _fetched?.GetAsync(cancellationToken) ?? ValueTask.FromResult(_transport.Options.AccessToken!);

    /// <summary>True when a refused token will be replaced by a new one.</summary>
    public bool Renew(string token, string code)
    {
        if (_fetched is null || code is not (QianfanErrorCodes.AccessTokenInvalid or QianfanErrorCodes.AccessTokenExpired))
        {
            return false;
        }

        _fetched.Forget(token);
        return true;
    }

    private async Task<(string Token, DateTimeOffset End)> FetchAsync(CancellationToken cancellationToken)
    {
        var options = _transport.Options;
        var call = new QianfanCall
        {
            Method = HttpMethod.Post,
            BaseUrl = options.BaseUrl,
            Path = "/oauth/2.0/token",
            Query =
            [
                KeyValuePair.Create("grant_type", "client_credentials"),
                KeyValuePair.Create("client_id", options.ApplicationKey!),
                KeyValuePair.Create("client_secret", options.ApplicationSecret!),
            ],
            Json = "{}"u8.ToArray(),
            Authentication = CallAuthentication.None,
            Retry = options.InferenceRetry,
            Timeout = options.AuthTimeout,
        };
        var token = await _transport.SendAsync(call, s_answer, cancellationToken).ConfigureAwait(false);
        return (token.Value, _transport.Time.GetUtcNow() + TimeSpan.FromSeconds(token.ExpiresIn));
    }
}
