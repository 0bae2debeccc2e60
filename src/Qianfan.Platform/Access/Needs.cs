using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Access;

/// <summary>What a route or an action asks of a key, as its endpoint's metadata: one of these scopes.</summary>
/// <param name="AnyOf">The scopes, of which one is enough.</param>
internal sealed record Needs(KeyScopes AnyOf)
{
    /// <summary>For every key, whatever it may do.</summary>
    public static Needs AnyKey { get; } = new(KeyScopes.Inference | KeyScopes.Read | KeyScopes.Write);

    /// <summary>Lists of what can be called: for keys that may call, and for those that may look.</summary>
    public static Needs ToCallOrRead { get; } = new(KeyScopes.Inference | KeyScopes.Read);

    public static Needs ToCall { get; } = new(KeyScopes.Inference);

    public static Needs ToRead { get; } = new(KeyScopes.Read);

    public static Needs ToWrite { get; } = new(KeyScopes.Write);

    /// <summary>The scopes in words.</summary>
    public string Words => AnyOf.ToString().Replace(", ", " or ", StringComparison.Ordinal);

    /// <summary>Whether a request's key has what its endpoint asks for. A route of the host's own that asks for nothing is open to every key.</summary>
    public static bool AreMet(AuthorizationHandlerContext context) =>
        context.Resource is HttpContext http && http.Features.Get<PlatformCaller>() is { } caller && (http.GetEndpoint()?.Metadata.GetMetadata<Needs>() is not { } needs || needs.AreMetBy(caller.Key));

    public bool AreMetBy(PlatformKey key) => (key.Scopes & AnyOf) != KeyScopes.None;

    /// <summary>What a key without them is told, before anybody has looked what its request is about.</summary>
    public PlatformException Refusal(PlatformKey key) => new(PlatformError.Forbidden, $"The scopes of this key are {key.Scopes}; this needs {Words}");
}
