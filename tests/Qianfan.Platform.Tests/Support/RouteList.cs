using System.Reflection;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Platform.Reference;

namespace Qianfan.Platform.Tests.Support;

/// <summary>A route or action that the platform serves, as the host knows it: a new one is tested without being named.</summary>
/// <param name="Method">HTTP method.</param>
/// <param name="Path">Path, with V2's action.</param>
/// <param name="Needs">Scopes of which a key must have one.</param>
/// <param name="Family">Whose errors it has.</param>
/// <param name="Body">What its body is read as; null when it has none, or none in JSON.</param>
internal sealed record Route(string Method, string Path, KeyScopes Needs, ApiFamily Family, Type? Body)
{
    /// <summary>As it is mapped.</summary>
    public string Pattern { get; init; } = "";

    /// <summary>Names of the texts that stand in its query, beside the action.</summary>
    public IReadOnlyList<string> Query { get; init; } = [];

    public override string ToString() => $"{Method} {Path}";

    public HttpRequestMessage Request(string? body = "{}")
    {
        var request = new HttpRequestMessage(new HttpMethod(Method), Path);
        if (Method != "GET") request.Content = new StringContent(body ?? "", System.Text.Encoding.UTF8, "application/json");
        return request;
    }

    /// <summary>All of a host's; ids in paths are replaced by one that doesn't exist.</summary>
    public static IReadOnlyList<Route> All(PlatformHost host)
    {
        var routes = host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>() is not null)
            // Where a key is brought to be exchanged, there is none before; that has tests of its own.
            .Where(endpoint => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null)
            .SelectMany(endpoint => Actions(endpoint, new Route(
                endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Single(),
                "/" + string.Join('/', endpoint.RoutePattern.PathSegments.Select(segment => segment.IsSimple && segment.Parts[0] is Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal ? literal.Content : "nobodys-id")),
                endpoint.Metadata.GetRequiredMetadata<Needs>().AnyOf,
                endpoint.Metadata.GetMetadata<ApiFamily>()!,
                endpoint.Metadata.GetMetadata<MethodInfo>()?.GetParameters().Select(parameter => parameter.ParameterType)
                    .FirstOrDefault(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Body<>))?.GenericTypeArguments[0])
            {
                Pattern = endpoint.RoutePattern.RawText!,
                Query = [.. (endpoint.Metadata.GetMetadata<MethodInfo>()?.GetParameters() ?? []).Where(parameter => parameter.ParameterType == typeof(string) && endpoint.RoutePattern.GetParameter(parameter.Name!) is null).Select(parameter => parameter.Name!)],
            }))
            .ToList();
        return routes;
    }

    private static IEnumerable<Route> Actions(RouteEndpoint endpoint, Route route) => endpoint.Metadata.GetMetadata<ActionList>() is { } list
        ? list.Actions.Select(action => route with { Path = $"{route.Path}?Action={action.Name}", Needs = action.Needs.AnyOf, Body = action.Request })
        : [route];
}
