using System.Text.Encodings.Web;
using System.Text.Json;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving.Json;

/// <summary>What a JSON value may look like: the part of JSON Schema that answers can be held to. Compared by reference; immutable.</summary>
internal sealed class JsonShape
{
    private const int MostDepth = 32;
    private const int MostProperties = 64;
    private const int MostLiterals = 1000;
    private const int MostShapes = 1000;

    /// <summary>They say nothing about which values are right.</summary>
    private static readonly HashSet<string> s_remarks = ["$schema", "$id", "$comment", "title", "description", "default", "examples", "format", "deprecated", "readOnly", "writeOnly"];

    private static readonly JsonWriterOptions s_compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly byte[][] s_words = [[.. "false"u8], [.. "null"u8], [.. "true"u8]];

    /// <summary>Any value.</summary>
    public static readonly JsonShape Any = new() { Literals = s_words, Strings = true, Numbers = true, Objects = true, Arrays = true };

    /// <summary>Any object.</summary>
    public static readonly JsonShape AnyObject = new() { Objects = true };

    /// <summary>A property of an object.</summary>
    /// <param name="Key">Its name as JSON, quotes included.</param>
    /// <param name="Shape">Its value.</param>
    /// <param name="Required">It must not be left out.</param>
    internal sealed record Property(byte[] Key, JsonShape Shape, bool Required);

    private JsonShape()
    {
    }

    /// <summary>Values that may stand here as they are, in the order of their bytes.</summary>
    public byte[][] Literals { get; private init; } = [];

    public bool Strings { get; private init; }

    public bool Numbers { get; private init; }

    /// <summary>Numbers have no fraction and no exponent.</summary>
    public bool IntegersOnly { get; private init; }

    public bool Arrays { get; private init; }

    public bool Objects { get; private init; }

    /// <summary>The only properties of an object, in the order of their keys' bytes; null for any.</summary>
    public Property[]? Properties { get; private init; }

    /// <summary>Elements of an array; null for any.</summary>
    public JsonShape? Items { get; private init; }

    /// <summary>Bytes of the shortest value.</summary>
    public int Least => _least ??= ShortestValue();

    private int? _least;

    private int ShortestValue()
    {
        var least = int.MaxValue;
        if (Numbers)
            least = 1;
        if (Strings || Arrays)
            least = Math.Min(least, 2);
        if (Objects)
            least = Math.Min(least, (Properties ?? []).Where(property => property.Required).Select(property => property.Key.Length + 2 + property.Shape.Least).DefaultIfEmpty(1).Sum() + 1);
        return Math.Min(least, Literals.Select(literal => literal.Length).DefaultIfEmpty(int.MaxValue).Min());
    }

    /// <summary>Reads a schema.</summary>
    /// <exception cref="EngineException">Code <c>invalid_argument</c>: what is not supported, and where.</exception>
    public static JsonShape Read(JsonElement schema)
    {
        var left = MostShapes;
        try
        {
            return Read(schema, "jsonSchema", 0, ref left);
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException)
        {
            // JSON may spell half of a character, which is no text.
            throw Refuse("jsonSchema", $"can't be read ({exception.Message.TrimEnd('.')})");
        }
    }

    private static JsonShape Read(JsonElement schema, string path, int depth, ref int left)
    {
        if (depth > MostDepth || --left < 0)
            throw Refuse(path, $"is nested deeper than {MostDepth} or has more than {MostShapes} parts");
        if (schema.ValueKind == JsonValueKind.True)
            return Any;
        if (schema.ValueKind != JsonValueKind.Object)
            throw Refuse(path, "is no object");
        foreach (var entry in schema.EnumerateObject())
        {
            if (entry.Name is not ("type" or "properties" or "required" or "enum" or "const" or "items" or "additionalProperties") && !s_remarks.Contains(entry.Name))
                throw Refuse(path, $"has {entry.Name}, which is not supported");
        }
        var types = Types(schema, path);
        if (schema.TryGetProperty("enum", out var values) | schema.TryGetProperty("const", out var constant))
            return new JsonShape { Literals = ReadLiterals(values, constant, types, path) };
        if (schema.TryGetProperty("items", out var items) && items.ValueKind is not (JsonValueKind.Object or JsonValueKind.True))
            throw Refuse($"{path}.items", "is no schema");
        return new JsonShape
        {
            Literals = [.. s_words.Where(word => types is null || types.Contains(word[0] == 'n' ? "null" : "boolean"))],
            Strings = types?.Contains("string") ?? true,
            Numbers = types is null || types.Contains("number") || types.Contains("integer"),
            IntegersOnly = types is not null && !types.Contains("number"),
            Objects = types?.Contains("object") ?? true,
            Arrays = types?.Contains("array") ?? true,
            Properties = ReadProperties(schema, path, depth, ref left),
            Items = items.ValueKind == JsonValueKind.Object ? Read(items, $"{path}.items", depth + 1, ref left) : null,
        };
    }

    private static HashSet<string>? Types(JsonElement schema, string path)
    {
        if (!schema.TryGetProperty("type", out var type))
            return null;
        JsonElement[] names = type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : [type];
        var known = new HashSet<string>();
        foreach (var name in names)
        {
            if (name.ValueKind != JsonValueKind.String || name.GetString() is not ("object" or "array" or "string" or "number" or "integer" or "boolean" or "null"))
                throw Refuse($"{path}.type", $"is {name}, which is no type");
            known.Add(name.GetString()!);
        }
        return known.Count > 0 ? known : throw Refuse($"{path}.type", "is empty");
    }

    private static byte[][] ReadLiterals(JsonElement values, JsonElement constant, HashSet<string>? types, string path)
    {
        if (values.ValueKind is not (JsonValueKind.Array or JsonValueKind.Undefined))
            throw Refuse($"{path}.enum", "is no list");
        var texts = values.ValueKind == JsonValueKind.Undefined ? null : values.EnumerateArray().Where(Fits).Select(Text).ToList();
        if (constant.ValueKind != JsonValueKind.Undefined)
        {
            var text = Text(constant);
            texts = Fits(constant) && (texts is null || texts.Contains(text)) ? [text] : [];
        }
        if (texts!.Count is 0 or > MostLiterals)
            throw Refuse($"{path}.enum", $"leaves {texts.Count} values; 1 to {MostLiterals} are allowed");
        byte[][] literals = [.. texts.Distinct(StringComparer.Ordinal).Select(System.Text.Encoding.UTF8.GetBytes)];
        Array.Sort(literals, (a, b) => a.AsSpan().SequenceCompareTo(b));
        return literals;

        bool Fits(JsonElement value) => types is null || value.ValueKind switch
        {
            JsonValueKind.String => types.Contains("string"),
            JsonValueKind.Number => types.Contains("number") || types.Contains("integer") && value.TryGetInt64(out _),
            JsonValueKind.True or JsonValueKind.False => types.Contains("boolean"),
            JsonValueKind.Null => types.Contains("null"),
            JsonValueKind.Object => types.Contains("object"),
            _ => types.Contains("array"),
        };
    }

    private static Property[]? ReadProperties(JsonElement schema, string path, int depth, ref int left)
    {
        var closed = false;
        if (schema.TryGetProperty("additionalProperties", out var more))
        {
            if (more.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
                throw Refuse($"{path}.additionalProperties", "is no boolean; others are not supported");
            closed = more.ValueKind == JsonValueKind.False;
        }
        var shapes = new Dictionary<string, JsonShape>(StringComparer.Ordinal);
        if (schema.TryGetProperty("properties", out var properties))
        {
            if (properties.ValueKind != JsonValueKind.Object)
                throw Refuse($"{path}.properties", "is no object");
            foreach (var property in properties.EnumerateObject())
                shapes[property.Name] = Read(property.Value, $"{path}.properties.{property.Name}", depth + 1, ref left);
        }
        var required = new HashSet<string>(StringComparer.Ordinal);
        if (schema.TryGetProperty("required", out var names))
        {
            if (names.ValueKind != JsonValueKind.Array || names.EnumerateArray().Any(name => name.ValueKind != JsonValueKind.String))
                throw Refuse($"{path}.required", "is no list of names");
            required.UnionWith(names.EnumerateArray().Select(name => name.GetString()!));
            foreach (var name in required)
                shapes.TryAdd(name, Any);
        }
        if (shapes.Count > MostProperties)
            throw Refuse($"{path}.properties", $"names {shapes.Count} properties; {MostProperties} are allowed");
        if (shapes.Count == 0)
            return closed ? [] : null;
        Property[] found = [.. shapes.Select(shape => new Property([.. "\""u8, .. JsonEncodedText.Encode(shape.Key, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes, .. "\""u8], shape.Value, required.Contains(shape.Key)))];
        Array.Sort(found, (a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
        return found;
    }

    private static string Text(JsonElement value)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, s_compact))
            value.WriteTo(writer);
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private static EngineException Refuse(string path, string reason) => new(WorkerErrors.InvalidArgument, $"The request is wrong: {path} {reason}.");
}
