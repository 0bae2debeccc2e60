using System.Net.Http.Headers;
using System.Reflection;
using Qianfan.Sdk.Authentication;

namespace Qianfan.Sdk.Http;

/// <summary>Builds the request of one attempt and proves who makes it. Thread-safe.</summary>
internal sealed class RequestBuilder(QianfanOptions options, BearerTokenSource bearerTokens, AccessTokenSource accessTokens, TimeProvider time)
{
    private static readonly string s_requestSource = "qianfan_csharp_sdk_v" + Version();
    private static readonly MediaTypeHeaderValue s_json = new("application/json");

    private long _clockCorrection;

    /// <summary>The version of this library.</summary>
    public static string Version() =>
        typeof(RequestBuilder).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>The address of a call.</summary>
    /// <exception cref="InvalidArgumentException">The base is no absolute address.</exception>
    public static Uri Address(string baseUrl, string path, IReadOnlyList<KeyValuePair<string, string>> query)
    {
        var address = baseUrl.TrimEnd('/') + path;
        for (var i = 0; i < query.Count; i++)
        {
            address = $"{address}{(i == 0 ? '?' : '&')}{IamSigner.Encode(query[i].Key)}={IamSigner.Encode(query[i].Value)}";
        }

        return Uri.TryCreate(address, UriKind.Absolute, out var uri) ? uri : throw new InvalidArgumentException($"\"{baseUrl}\" is no absolute address.");
    }

    /// <summary>A request, and the token in it that could be renewed, if any.</summary>
    public async ValueTask<(HttpRequestMessage Request, string? Token)> BuildAsync(QianfanCall call, CancellationToken cancellationToken)
    {
        string? token = null;
        var byOAuth = call.Authentication == CallAuthentication.AccessToken && accessTokens.IsUsed;
        if (byOAuth)
        {
            token = await accessTokens.GetAsync(cancellationToken).ConfigureAwait(false);
            call = call with { Address = null, Query = [.. call.Query, KeyValuePair.Create("access_token", token)] };
        }
        else if (call.Authentication == CallAuthentication.Bearer && !options.NoAuth)
        {
            token = await bearerTokens.GetAsync(cancellationToken).ConfigureAwait(false);
        }

        var uri = call.Address ?? Address(call.BaseUrl, call.Path, call.Query);
        var request = new HttpRequestMessage(call.Method, uri) { Content = Content(call) };
        request.Headers.TryAddWithoutValidation("request-source", s_requestSource);
        foreach (var (name, value) in call.Headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (options.NoAuth || byOAuth || call.Authentication == CallAuthentication.None)
        {
            return (request, token);
        }

        if (call.Authentication == CallAuthentication.Bearer)
        {
            request.Headers.TryAddWithoutValidation("Authorization", token);
        }
        else if (call.Authentication == CallAuthentication.AccessToken && options is { EnablePrivate: true, AccessCode: { Length: > 0 } code })
        {
            request.Headers.TryAddWithoutValidation("Authorization", "ACCESSCODE " + code);
        }
        else
        {
            Sign(request, uri, call);
        }

        return (request, token);
    }

    /// <summary>True when a refused call may pass if it is built anew: with another token, or by the platform's clock.</summary>
    public bool CanMend(QianfanCall call, string? token, QianfanAuthenticationException refusal)
    {
        if (token is not null)
        {
            return call.Authentication == CallAuthentication.Bearer ? bearerTokens.Renew(token) : accessTokens.Renew(token, refusal.Code);
        }

        // A date that anybody on the way could have written doesn't move our signatures.
        var isTrusted = Address(call.BaseUrl, call.Path, []) is { } uri && (uri.Scheme == Uri.UriSchemeHttps || uri.IsLoopback);
        var correction = refusal.ServerTime - time.GetUtcNow();
        if (!isTrusted || correction is not { } by || (by - TimeSpan.FromTicks(Interlocked.Read(ref _clockCorrection))).Duration() < QianfanAuthenticationException.SkewThatMatters)
        {
            return false;
        }

        Interlocked.Exchange(ref _clockCorrection, by.Ticks);
        return true;
    }

    private static HttpContent? Content(QianfanCall call) =>
        call.Json is { } json ? new ByteArrayContent(json) { Headers = { ContentType = s_json } } : call.Content?.Invoke();

    private void Sign(HttpRequestMessage request, Uri uri, QianfanCall call)
    {
        var (accessKey, secretKey) = options.EnablePrivate && call.Authentication == CallAuthentication.AccessToken
            ? (options.ApplicationKey, options.ApplicationSecret)
            : (options.AccessKey, options.SecretKey);
        if (string.IsNullOrEmpty(accessKey) || string.IsNullOrEmpty(secretKey))
        {
            request.Headers.TryAddWithoutValidation("Authorization", options.BearerToken is { Length: > 0 } token
                ? "Bearer " + token
                : throw new InvalidArgumentException("There are no credentials: set AccessKey and SecretKey, or BearerToken."));
            return;
        }

        var timestamp = IamSigner.FormatTimestamp(time.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref _clockCorrection)));
        var host = uri.Authority;
        var signed = new List<KeyValuePair<string, string>>(5) { KeyValuePair.Create("host", host), IamSigner.DateHeaderOf(timestamp) };
        if (call.Authentication == CallAuthentication.Signature)
        {
            signed.Add(KeyValuePair.Create("request-source", s_requestSource));
        }

        if (request.Content?.Headers.ContentType is { MediaType: "application/json" } type)
        {
            signed.Add(KeyValuePair.Create("content-type", type.ToString()));
        }

        request.Headers.Host = host;
        request.Headers.TryAddWithoutValidation("x-bce-date", timestamp);
        request.Headers.TryAddWithoutValidation(
            "Authorization",
            IamSigner.Sign(accessKey, secretKey, request.Method.Method, uri.AbsolutePath, call.Query, signed, timestamp, options.SignatureExpirationSeconds));
    }
}
