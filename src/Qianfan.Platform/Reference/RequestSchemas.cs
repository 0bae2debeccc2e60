using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using Qianfan.Platform.Http;
using Qianfan.Platform.Inference;
using Qianfan.Platform.OpenAI;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Reference;

/// <summary>JSON schemas of request bodies, made by the very settings that bodies are read with. Not thread-safe.</summary>
internal sealed class RequestSchemas
{
    // What handlers ask for although the type leaves it open: bodies that differ in nothing else share it.
    private static readonly Dictionary<Type, string[]> s_required = new()
    {
        [typeof(OpenAIChatBody)] = ["model", "messages"],
        [typeof(OpenAICompletionBody)] = ["model", "prompt"],
        [typeof(FineTuningJobBody)] = ["model", "training_file"],
    };

    private readonly SortedDictionary<string, JsonNode> _named = new(StringComparer.Ordinal);
    private readonly Dictionary<(Type, JsonSerializerOptions), string> _names = [];

    /// <summary>All that were asked for, by their names.</summary>
    public JsonObject All() => new(_named.Select(schema => KeyValuePair.Create<string, JsonNode?>(schema.Key, schema.Value.DeepClone())));

    /// <summary>Members that a body can't do without although its type could.</summary>
    public static IReadOnlyDictionary<Type, string[]> Required => s_required;

    /// <summary>A reference to the schema of a body.</summary>
    /// <param name="type">What the body is read as.</param>
    /// <param name="rules">How.</param>
    public JsonObject Reference(Type type, JsonSerializerOptions rules)
    {
        if (!_names.TryGetValue((type, rules), out var name))
        {
            // Some types are read by two APIs, of which OpenAI's is the stricter one.
            _names[(type, rules)] = name = rules == PlatformJson.StrictRequests && !type.Name.StartsWith("OpenAI", StringComparison.Ordinal) ? "OpenAI" + type.Name : type.Name;
            _named.Add(name, Schema(type, new JsonSerializerOptions(rules) { TypeInfoResolver = new DefaultJsonTypeInfoResolver() }));
        }

        return new JsonObject { ["$ref"] = $"#/components/schemas/{name}" };
    }

    private static JsonNode Schema(Type type, JsonSerializerOptions rules)
    {
        var schema = rules.GetJsonSchemaAsNode(type, new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = (context, node) => Describe(context, node, rules) });
        if (schema is JsonObject body && s_required.TryGetValue(type, out var required)) body["required"] = new JsonArray([.. required.Select(member => (JsonNode)member)]);
        return schema;
    }

    // What a converter reads, the exporter doesn't know: it says that anything goes.
    private static JsonNode Describe(JsonSchemaExporterContext context, JsonNode schema, JsonSerializerOptions rules)
    {
        if (schema.GetValueKind() != JsonValueKind.True) return schema;
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        var mayBeNull = context.PropertyInfo is { IsSetNullable: true };
        if (type == typeof(string)) return Typed(mayBeNull, "string", "number", "boolean");
        if (type == typeof(JsonObject)) return Typed(mayBeNull, "object");
        if (type.GetInterfaces().Any(candidate => candidate.IsGenericType && candidate.GetGenericTypeDefinition() == typeof(IWireText<>))) return Typed(mayBeNull, "string");
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
        {
            var list = Typed(mayBeNull, "array");
            list["items"] = Schema(type.GenericTypeArguments[0], rules);
            return list;
        }

        return schema;
    }

    private static JsonObject Typed(bool mayBeNull, params IEnumerable<string> types)
    {
        string[] all = mayBeNull ? [.. types, "null"] : [.. types];
        return new JsonObject { ["type"] = all.Length == 1 ? all[0] : new JsonArray([.. all.Select(name => (JsonNode)name)]) };
    }
}
