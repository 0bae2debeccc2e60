using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Authentication;

namespace Qianfan.Platform.Access;

/// <summary>Names of the platform's authentication scheme and authorization policy.</summary>
public static class PlatformKeyDefaults
{
    /// <summary>The scheme that knows key pairs: an IAM v1 signature, or a bearer value <c>bce-v3/...</c>.</summary>
    public const string Scheme = "PlatformKey";

    /// <summary>The policy of all platform routes: a key, never a cookie, and one with the scope that the route asks for. On a route of the host's own it asks for a key alone.</summary>
    public const string Policy = "PlatformKey";
}

/// <summary>Recognises a caller by a key pair.</summary>
internal sealed class PlatformKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, IPlatformAccess access)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    /// <summary>The words by which official clients recognise an unknown access key.</summary>
    public const string UnknownKeyMessage = "NotFound, cause: Could not find credential.";

    /// <summary>The words by which official clients recognise a wrong secret key.</summary>
    public const string MismatchMessage = "SignatureDoesNotMatch, cause: Fail to authn user: Signature does not match";

    private PlatformException? _refusal;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        try
        {
            var key = await AuthenticateAsync(Request.Headers.Authorization.ToString()) ?? await CheckAccessTokenAsync();
            if (key is null) return AuthenticateResult.NoResult();
            Context.Features.Set(new PlatformCaller(key));
            await access.NoteUseAsync(key, Family().Generation, Context.RequestAborted);
            var identity = new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, key.AccessKey)], Scheme.Name);
            return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name));
        }
        catch (PlatformException refusal)
        {
            _refusal = refusal;
            return AuthenticateResult.Fail(refusal.Message);
        }
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers.WWWAuthenticate = "Bearer";
        var refusal = _refusal ?? new PlatformException(
            PlatformError.NotAuthenticated, "No credentials: sign the request (bce-auth-v1) or send \"Authorization: Bearer bce-v3/{access key}/{secret key}\"");
        return Family().WriteErrorAsync(Context, refusal);
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Family().WriteErrorAsync(Context, (Context.GetEndpoint()?.Metadata.GetMetadata<Needs>() ?? Needs.AnyKey).Refusal(PlatformCaller.Of(Context).Key));

    private ApiFamily Family() => Context.GetEndpoint()?.Metadata.GetMetadata<ApiFamily>() ?? ApiFamilies.ConsoleV2;

    private async ValueTask<PlatformKey?> AuthenticateAsync(string header)
    {
        if (header.Length == 0) return null;
        if (header.StartsWith(IamSigner.Scheme + "/", StringComparison.Ordinal)) return await CheckSignatureAsync(header);
        if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return await CheckBearerAsync(header["Bearer ".Length..].Trim());
        throw new PlatformException(PlatformError.NotAuthenticated, "The Authorization header has none of the forms bce-auth-v1/... and Bearer bce-v3/...");
    }

    // V1 clients with an application's key pair, and Go's also on the console.
    private async ValueTask<PlatformKey?> CheckAccessTokenAsync()
    {
        if (!Family().TakesAccessToken || !Request.Query.TryGetValue("access_token", out var values)) return null;
        var token = values.ToString();
        var key = PlatformToken.AccessKeyOf(token) is { } accessKey ? await access.FindKeyAsync(accessKey, Context.RequestAborted) : null;
        return (key is null ? false : PlatformToken.CheckAccessToken(key, token, TimeProvider.GetUtcNow())) switch
        {
            true => key,
            null => throw new PlatformException(PlatformError.ExpiredToken, "Access token expired"),
            false => throw new PlatformException(PlatformError.InvalidToken, "Access token invalid or no longer valid"),
        };
    }

    private async ValueTask<PlatformKey> CheckSignatureAsync(string header)
    {
        if (!IamAuthorization.TryParse(header, out var authorization))
            throw new PlatformException(PlatformError.SignatureMismatch, "The Authorization header is not bce-auth-v1/{access key}/{time}/{seconds}/{headers}/{signature}");
        var key = await access.FindKeyAsync(authorization.AccessKey, Context.RequestAborted)
            ?? throw new PlatformException(PlatformError.UnknownKey, UnknownKeyMessage);
        if (!SignedRequest.Verify(Request, authorization, key.SecretKey)) throw new PlatformException(PlatformError.SignatureMismatch, MismatchMessage);
        if (!SignedRequest.IsTimely(authorization, TimeProvider.GetUtcNow()))
            throw new PlatformException(PlatformError.SignatureMismatch, "RequestExpired, cause: the signature's time has passed or lies in the future; check the clock");
        return key;
    }

    private async ValueTask<PlatformKey> CheckBearerAsync(string token)
    {
        // A secret may hold slashes: everything after the second one is the proof.
        var parts = token.Split('/', 3);
        if (parts is not ["bce-v3", { Length: > 0 } accessKey, { Length: > 0 } proof])
            throw new PlatformException(PlatformError.NotAuthenticated, "The bearer value is not of the form bce-v3/{access key}/{secret key}");
        var key = await access.FindKeyAsync(accessKey, Context.RequestAborted)
            ?? throw new PlatformException(PlatformError.UnknownKey, UnknownKeyMessage);
        if (PlatformToken.Check(key, proof, TimeProvider.GetUtcNow()) == true) return key;
        if (Secrets.Equal(proof, key.SecretKey)) return key;
        throw new PlatformException(PlatformError.SignatureMismatch, "The bearer value is wrong or has expired");
    }
}

/// <summary>Who is calling.</summary>
internal sealed record PlatformCaller(PlatformKey Key)
{
    public string OwnerId => Key.OwnerId;

    /// <summary>The caller of a request that passed the policy.</summary>
    public static ValueTask<PlatformCaller> BindAsync(HttpContext context) => ValueTask.FromResult(Of(context));

    /// <inheritdoc cref="BindAsync"/>
    public static PlatformCaller Of(HttpContext context) =>
        context.Features.Get<PlatformCaller>() ?? throw new InvalidOperationException("The route does not require a key.");
}
