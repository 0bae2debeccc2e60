using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Platform.Inference;

namespace Qianfan.Platform.Reference;

/// <summary>The OpenAPI 3.1 document of all routes that are mapped, made when somebody first asks for it. Thread-safe.</summary>
/// <remarks>Bodies are bound by hand here, with other rules in each API, and an action is told by the query: what the framework's own generator could tell of that is next to nothing, so the document is made from the endpoints themselves.</remarks>
internal sealed class ApiDocument
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly (ApiFamily Family, string Name, string Description)[] s_families =
    [
        (ApiFamilies.OpenAI, "OpenAI", "Files, fine-tuning, chat, completions and embeddings as OpenAI's clients speak them."),
        (ApiFamilies.InferenceV2, "Qianfan inference V2", "Chat, completions and embeddings."),
        (ApiFamilies.InferenceV1, "Qianfan inference V1", "Errors are answered with status 200."),
        (ApiFamilies.ConsoleV2, "Qianfan console V2", "An address for each area; the action stands in the query."),
        (ApiFamilies.ConsoleV1, "Qianfan console V1", "An address for each action. Errors of the request itself are answered with status 200."),
        (ApiFamilies.DatasetV1, "Qianfan datasets V1", "As console V1, with status and success in the envelope."),
        (ApiFamilies.OAuth, "OAuth", "Exchanges a key pair for an access token."),
    ];

    private readonly Lazy<JsonObject> _document;
    private readonly Lazy<string> _page;

    public ApiDocument(EndpointDataSource endpoints, IOptions<PlatformOptions> options)
    {
        _document = new Lazy<JsonObject>(() => Make(endpoints, options.Value));
        _page = new Lazy<string>(() => ReferencePage.Of(_document.Value));
    }

    /// <summary>The document.</summary>
    public string Json => _document.Value.ToJsonString(s_json);

    /// <summary>The same as a page.</summary>
    public string Page => _page.Value;

    private static JsonObject Make(EndpointDataSource endpoints, PlatformOptions options)
    {
        var schemas = new RequestSchemas();
        var paths = new JsonObject();
        foreach (var endpoint in endpoints.Endpoints.OfType<RouteEndpoint>())
        {
            if (endpoint.Metadata.GetMetadata<ApiFamily>() is not { } family || endpoint.Metadata.GetMetadata<HttpMethodMetadata>() is not { } methods) continue;
            var pattern = endpoint.RoutePattern.RawText!;
            foreach (var method in methods.HttpMethods)
            {
                if (paths[pattern] is not JsonObject path) paths[pattern] = path = new JsonObject();
                path[method.ToLowerInvariant()] = Operation(endpoint, method, pattern, family, schemas);
            }
        }

        return new JsonObject
        {
            ["openapi"] = "3.1.1",
            ["info"] = new JsonObject
            {
                ["title"] = "Qianfan Platform",
                ["version"] = typeof(ApiDocument).Assembly.GetName().Version!.ToString(3),
                ["description"] = "A self-hosted platform that trains and serves language models. It speaks Baidu Qianfan's and OpenAI's APIs: change the base URL, keep the client.",
            },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = options.PublicUrl }),
            ["tags"] = new JsonArray([.. s_families.Select(family => new JsonObject { ["name"] = family.Name, ["description"] = family.Description })]),
            ["paths"] = new JsonObject(paths.OrderBy(path => path.Key, StringComparer.Ordinal).Select(path => KeyValuePair.Create(path.Key, path.Value?.DeepClone()))),
            ["components"] = new JsonObject
            {
                ["securitySchemes"] = new JsonObject
                {
                    ["bearer"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["description"] = "bce-v3/{access key}/{secret key}, or a token of /v1/BCE-BEARER/token." },
                    ["signature"] = new JsonObject { ["type"] = "apiKey", ["in"] = "header", ["name"] = "Authorization", ["description"] = "An IAM v1 signature (bce-auth-v1/...), as Baidu's SDKs make it." },
                    ["accessToken"] = new JsonObject { ["type"] = "apiKey", ["in"] = "query", ["name"] = "access_token", ["description"] = "A token of /oauth/2.0/token." },
                },
                ["schemas"] = schemas.All(),
            },
        };
    }

    private static JsonObject Operation(RouteEndpoint endpoint, string method, string pattern, ApiFamily family, RequestSchemas schemas)
    {
        var key = $"{method} {pattern}";
        var handler = endpoint.Metadata.GetMetadata<MethodInfo>();
        var actions = endpoint.Metadata.GetMetadata<ActionList>()?.Actions;
        var open = endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null;
        var body = handler?.GetParameters().Select(parameter => parameter.ParameterType).FirstOrDefault(type => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Body<>))?.GenericTypeArguments[0];
        var operation = new JsonObject
        {
            ["operationId"] = $"{method.ToLowerInvariant()}{string.Concat(pattern.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'))}",
            ["tags"] = new JsonArray(Name(family)),
            ["security"] = Security(open, family),
        };
        if (actions is not null) operation["description"] = "What may be done, by Action: " + string.Join(", ", actions.Select(action => $"{action.Name} ({action.Needs.Words})")) + ". In brackets: the scope that the key needs.";
        else if (endpoint.Metadata.GetMetadata<Needs>() is { } needs) operation["description"] = needs == Needs.AnyKey ? "For every key." : $"Needs a key with the scope {needs.Words}.";
        var parameters = Parameters(endpoint, handler, key, actions);
        if (parameters.Count > 0) operation["parameters"] = parameters;
        if (RequestBody(key, body, actions, family, schemas) is { } requestBody) operation["requestBody"] = requestBody;
        operation["responses"] = Responses(key, body, family);
        return operation;
    }

    private static string Name(ApiFamily family) => s_families.First(entry => entry.Family == family).Name;

    private static JsonArray Security(bool open, ApiFamily family)
    {
        var ways = new JsonArray();
        if (open) return ways;
        ways.Add((JsonNode)new JsonObject { ["bearer"] = new JsonArray() });
        ways.Add((JsonNode)new JsonObject { ["signature"] = new JsonArray() });
        if (family.TakesAccessToken) ways.Add((JsonNode)new JsonObject { ["accessToken"] = new JsonArray() });
        return ways;
    }

    private static JsonArray Parameters(RouteEndpoint endpoint, MethodInfo? handler, string key, IReadOnlyList<(string Name, Needs Needs, Type Request)>? actions)
    {
        var found = endpoint.RoutePattern.Parameters.Select(parameter => Parameter(new ByHand.Parameter(parameter.Name, "path", "string", "", Required: true))).ToList();
        var inPath = endpoint.RoutePattern.Parameters.Select(parameter => parameter.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        found.AddRange((handler?.GetParameters() ?? []).Where(parameter => !inPath.Contains(parameter.Name!))
            .Select(parameter => (parameter.Name, Type: JsonType(Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType)))
            .Where(parameter => parameter.Type is not null)
            .Select(parameter => Parameter(new ByHand.Parameter(parameter.Name!, "query", parameter.Type!, ""))));
        found.AddRange(ByHand.Parameters.GetValueOrDefault(key, []).Select(Parameter));
        if (actions is not null)
        {
            var action = Parameter(new ByHand.Parameter("Action", "query", "string", "What to do.", Required: true));
            action["schema"]!["enum"] = new JsonArray([.. actions.Select(entry => (JsonNode)entry.Name)]);
            found.Add(action);
        }

        return new JsonArray([.. found]);
    }

    private static JsonObject Parameter(ByHand.Parameter parameter)
    {
        var result = new JsonObject { ["name"] = parameter.Name, ["in"] = parameter.In };
        if (parameter.Required) result["required"] = true;
        if (parameter.Description.Length > 0) result["description"] = parameter.Description;
        result["schema"] = new JsonObject { ["type"] = parameter.Type };
        if (parameter.Type == "object")
        {
            result["style"] = "deepObject";
            result["explode"] = true;
            result["schema"]!["additionalProperties"] = new JsonObject { ["type"] = "string" };
        }

        return result;
    }

    private static string? JsonType(Type type) => type == typeof(string) ? "string" : type == typeof(int) || type == typeof(long) ? "integer" : type == typeof(bool) ? "boolean" : null;

    private static JsonObject? RequestBody(string key, Type? body, IReadOnlyList<(string Name, Needs Needs, Type Request)>? actions, ApiFamily family, RequestSchemas schemas)
    {
        if (ByHand.Forms.TryGetValue(key, out var form))
        {
            var parts = new JsonObject(form.Select(part => KeyValuePair.Create<string, JsonNode?>(part.Name, part.Type == "file" ? new JsonObject { ["type"] = "string", ["contentMediaType"] = "application/octet-stream" } : new JsonObject { ["type"] = "string" })));
            var schema = new JsonObject { ["type"] = "object", ["properties"] = parts, ["required"] = new JsonArray([.. form.Select(part => (JsonNode)part.Name)]) };
            return new JsonObject { ["required"] = true, ["content"] = new JsonObject { ["multipart/form-data"] = new JsonObject { ["schema"] = schema } } };
        }

        var json = new JsonObject();
        if (actions is not null)
        {
            json["schema"] = new JsonObject { ["anyOf"] = new JsonArray([.. actions.Select(action => action.Request).Distinct().Select(type => schemas.Reference(type, family.Requests))]) };
            var examples = actions.Where(action => ByHand.Examples.ContainsKey($"{key}?Action={action.Name}"))
                .Select(action => KeyValuePair.Create<string, JsonNode?>(action.Name, new JsonObject { ["summary"] = $"Action={action.Name}", ["value"] = ByHand.Examples[$"{key}?Action={action.Name}"].DeepClone() })).ToList();
            if (examples.Count > 0) json["examples"] = new JsonObject(examples);
        }
        else if (body is not null)
        {
            json["schema"] = schemas.Reference(body, family.Requests);
            if (ByHand.Examples.TryGetValue(key, out var example)) json["example"] = example.DeepClone();
        }
        else
        {
            return null;
        }

        return new JsonObject { ["required"] = true, ["content"] = new JsonObject { ["application/json"] = json } };
    }

    private static JsonObject Responses(string key, Type? body, ApiFamily family)
    {
        var content = new JsonObject();
        if (ByHand.Answers.TryGetValue(key, out var type)) content[type] = new JsonObject();
        else content["application/json"] = new JsonObject { ["schema"] = new JsonObject { ["type"] = "object" } };
        // With "stream": true. A tokenizer's body is read as a chat's, but there is nothing to stream.
        if (body?.IsAssignableTo(typeof(ChatBody)) == true && !key.Contains("/tokenizer/", StringComparison.Ordinal)) content["text/event-stream"] = new JsonObject();
        var error = JsonSerializer.SerializeToNode(family.ErrorBody(new PlatformException(PlatformError.InvalidArgument, "param[name] is missing", "name")), PlatformJson.Options);
        return new JsonObject
        {
            ["200"] = new JsonObject { ["description"] = "Done.", ["content"] = content },
            ["default"] = new JsonObject { ["description"] = "An error, in this API's own shape.", ["content"] = new JsonObject { ["application/json"] = new JsonObject { ["schema"] = new JsonObject { ["type"] = "object" }, ["example"] = error } } },
        };
    }
}
