using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using CsCheck;
using Qianfan.Platform.Http;

namespace Qianfan.Platform.Tests.Support;

/// <summary>Makes bodies for a request type: mostly of the right shape, with members that are missing, null, too large, of the wrong type or unknown.</summary>
internal static class JsonBodies
{
    private const int Deepest = 4;

    private static readonly JsonSerializerOptions s_options = new(PlatformJson.Requests) { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };

    // Names that mean something, so that requests get past the first check.
    private static readonly Gen<string> s_text = Gen.Frequency(
        (6, Gen.OneOf("qianfan-tiny", "x", "user", "assistant", "LoRA", "FullFineTuning", "SFT", "PromptResponse", "sysBos", "sysStorage", "Text2Text", "Train", "Platform", "1", "true", "asc")),
        (2, Gen.OneOf("", " ", "\u0000", "\uFFFD\u202E", "../../etc/passwd", "'; DROP TABLE Tasks; --", "${jndi:x}", "%00", "-1", "1e400", "null")),
        (2, Gen.String[0, 40]),
        (1, Gen.Int[200, 5000].Select(length => new string('字', length))));

    private static readonly Gen<JsonNode?> s_number = Gen.OneOf<JsonNode?>(
        Gen.Int[0, 20].Select(number => (JsonNode?)number),
        Gen.OneOf(0, -1, 1, int.MaxValue, int.MinValue).Select(number => (JsonNode?)number),
        Gen.OneOf(long.MaxValue, 9_007_199_254_740_993).Select(number => (JsonNode?)number),
        Gen.OneOf(0.5, -0.1, 1e-300, 1e300).Select(number => (JsonNode?)number),
        Gen.OneOf("99999999999999999999999", "1e400", "-0").Select(text => JsonNode.Parse(text)));

    private static readonly Gen<JsonNode?> s_anything = Anything(2);

    /// <summary>Bodies of a request type, as JSON.</summary>
    public static Gen<string> For(Type type) => Gen.Frequency((20, Value(type, 0)), (1, s_anything)).Select(node => node?.ToJsonString() ?? "null");

    /// <summary>Names of a request's members.</summary>
    public static IReadOnlyList<string> MemberNames(Type type) => [.. s_options.GetTypeInfo(type).Properties.Where(property => !property.IsExtensionData && property.Set is not null).Select(property => property.Name)];

    /// <summary>Paths of a request's members that could hold an id: texts, whole numbers, and what is read as it comes. Items stand under the path of their list.</summary>
    public static IEnumerable<string> Members(Type type, string path = "")
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(JsonElement) || typeof(JsonNode).IsAssignableFrom(type)) return [path];
        var info = s_options.GetTypeInfo(type);
        return Type.GetTypeCode(type) switch
        {
            TypeCode.String or TypeCode.Int32 or TypeCode.Int64 => [path],
            TypeCode.Object => info.Kind switch
            {
                JsonTypeInfoKind.Object => info.Properties.Where(property => !property.IsExtensionData && property.Set is not null).SelectMany(property => Members(property.PropertyType, path.Length == 0 ? property.Name : $"{path}.{property.Name}")),
                JsonTypeInfoKind.Enumerable => Members(info.ElementType!, path),
                JsonTypeInfoKind.Dictionary => [path],
                // Lists that are read by a converter. Other such types are words out of a list of their own.
                _ => type.IsGenericType && type.GenericTypeArguments is [var element] ? Members(element, path) : [],
            },
            _ => [],
        };
    }

    private static Gen<JsonNode?> Anything(int depth)
    {
        var leaf = Gen.OneOf<JsonNode?>(s_text.Select(text => (JsonNode?)text), s_number, Gen.Bool.Select(value => (JsonNode?)value), Gen.Const((JsonNode?)null));
        if (depth == 0) return leaf;
        var inner = Anything(depth - 1);
        return Gen.Frequency(
            (3, leaf),
            (1, inner.Array[0, 3].Select(items => (JsonNode?)new JsonArray([.. items.Select(Copy)]))),
            (1, Gen.Select(s_text, inner).Array[0, 3].Select(members => (JsonNode?)Object(members))));
    }

    private static Gen<JsonNode?> Value(Type type, int depth)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (depth > Deepest || type == typeof(JsonElement) || typeof(JsonNode).IsAssignableFrom(type)) return s_anything;
        var info = s_options.GetTypeInfo(type);
        return Type.GetTypeCode(type) switch
        {
            TypeCode.String => s_text.Select(text => (JsonNode?)text),
            TypeCode.Boolean => Gen.Bool.Select(value => (JsonNode?)value),
            TypeCode.Object => info.Kind switch
            {
                JsonTypeInfoKind.Object => Members(info, depth),
                JsonTypeInfoKind.Enumerable => Spoilt(Value(info.ElementType!, depth + 1)).Array[0, 3].Select(items => (JsonNode?)new JsonArray([.. items.Select(Copy)])),
                JsonTypeInfoKind.Dictionary => Gen.Select(s_text, Spoilt(Value(info.ElementType!, depth + 1))).Array[0, 3].Select(members => (JsonNode?)Object(members)),
                // Texts with a type of their own, such as the train mode; and lists that are read by a converter.
                _ when type.IsGenericType && type.GenericTypeArguments is [var element] => Spoilt(Value(element, depth + 1)).Array[0, 3].Select(items => (JsonNode?)new JsonArray([.. items.Select(Copy)])),
                _ => s_text.Select(text => (JsonNode?)text),
            },
            _ => s_number,
        };
    }

    private static Gen<JsonNode?> Members(JsonTypeInfo info, int depth)
    {
        var members = info.Properties
            .Where(property => !property.IsExtensionData)
            .Select(property => Gen.Select(Gen.Int[0, 9], Spoilt(Value(property.PropertyType, depth + 1)), (chance, value) => (property.Name, IsThere: chance > (property.IsRequired ? 0 : 3), Value: value)))
            .ToArray();
        var unknown = Gen.Select(Gen.OneOf("unknown", "__proto__", "Model", ""), s_anything, Gen.Bool, (name, value, isThere) => (Name: name, IsThere: isThere, Value: value));
        return Gen.Select(Sequence(members), unknown, (known, other) => (JsonNode?)Object(known.Append(other).Where(member => member.IsThere).Select(member => (member.Name, member.Value))));
    }

    private static Gen<T[]> Sequence<T>(Gen<T>[] gens) => gens.Aggregate(Gen.Const(Array.Empty<T>()), (all, next) => Gen.Select(all, next, (before, value) => before.Append(value).ToArray()));

    private static Gen<JsonNode?> Spoilt(Gen<JsonNode?> good) => Gen.Frequency((12, good), (1, Gen.Const((JsonNode?)null)), (2, s_anything));

    private static JsonObject Object(IEnumerable<(string Name, JsonNode? Value)> members)
    {
        var result = new JsonObject();
        foreach (var (name, value) in members) result[name] = Copy(value);
        return result;
    }

    private static JsonNode? Copy(JsonNode? node) => node?.DeepClone();
}
