using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Qianfan.Sdk.Authentication;

namespace Qianfan.Platform.Access;

/// <summary>Checks the IAM v1 signature of a request.</summary>
internal static class SignedRequest
{
    // Signatures for longer would be as good as passwords.
    private const int MostSeconds = 86_400;

    private static readonly TimeSpan s_skew = TimeSpan.FromMinutes(15);

    /// <summary>Whether the signature's time is near enough.</summary>
    public static bool IsTimely(IamAuthorization authorization, DateTimeOffset now) =>
        authorization.ExpirationSeconds <= MostSeconds && !authorization.IsExpired(now, s_skew);

    /// <summary>Whether the request was signed with this secret key.</summary>
    public static bool Verify(HttpRequest request, IamAuthorization authorization, string secretKey) => IamSigner.Verify(
        authorization,
        secretKey,
        request.Method,
        RawPath(request),
        [.. request.Query.SelectMany(pair => pair.Value, (pair, value) => KeyValuePair.Create(pair.Key, value ?? ""))],
        [.. request.Headers.Select(header => KeyValuePair.Create(header.Key, header.Value.ToString()))]);

    // Signed is the path as it was sent, not as it was decoded.
    private static string RawPath(HttpRequest request)
    {
        var target = request.HttpContext.Features.Get<IHttpRequestFeature>()?.RawTarget;
        if (string.IsNullOrEmpty(target) || target[0] != '/') return request.PathBase.ToUriComponent() + request.Path.ToUriComponent();
        var end = target.IndexOf('?', StringComparison.Ordinal);
        return end < 0 ? target : target[..end];
    }
}
