using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.Http;

/// <summary>How the platform reads and writes JSON.</summary>
internal static class PlatformJson
{
    /// <summary>camelCase, nulls kept, Chinese readable; numbers may come as text and text as numbers, since ids have both forms.</summary>
    public static JsonSerializerOptions Options { get; } = Create(JsonIgnoreCondition.Never, JsonNamingPolicy.CamelCase);

    /// <summary>How request bodies are read: null stands for a member that isn't there, never for one that must be.</summary>
    public static JsonSerializerOptions Requests { get; } = new(Options) { RespectNullableAnnotations = true, Converters = { new WholeListConverter() } };

    /// <summary>How OpenAI's bodies are read: a number is no text there, and no text a number.</summary>
    public static JsonSerializerOptions StrictRequests { get; } = new()
    {
        RespectNullableAnnotations = true,
        MaxDepth = 64,
        Converters = { new WholeListConverter() },
    };

    /// <summary>The same without members that are null.</summary>
    public static JsonSerializerOptions Sparse { get; } = Create(JsonIgnoreCondition.WhenWritingNull, JsonNamingPolicy.CamelCase);

    /// <summary>snake_case without members that are null: the inference APIs.</summary>
    public static JsonSerializerOptions Snake { get; } = Create(JsonIgnoreCondition.WhenWritingNull, JsonNamingPolicy.SnakeCaseLower);

    /// <summary>Writes an answer.</summary>
    public static async Task WriteAsync(HttpContext context, int status, object? value, JsonSerializerOptions? options = null)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value, value?.GetType() ?? typeof(object), options ?? Options);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    private static JsonSerializerOptions Create(JsonIgnoreCondition ignore, JsonNamingPolicy naming) => new()
    {
        PropertyNamingPolicy = naming,
        DefaultIgnoreCondition = ignore,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowReadingFromString,
        MaxDepth = 64,
        Converters = { new LenientStringConverter() },
    };

    /// <summary>Reads lists whose elements are all there.</summary>
    private sealed class WholeListConverter : JsonConverterFactory
    {
        public override bool CanConvert(Type typeToConvert) =>
            typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) && !typeToConvert.GenericTypeArguments[0].IsValueType;

        public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(Converter<>).MakeGenericType(typeToConvert.GenericTypeArguments[0]))!;

        private sealed class Converter<T> : JsonConverter<IReadOnlyList<T>> where T : class
        {
            public override IReadOnlyList<T>? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
            {
                try
                {
                    var list = JsonSerializer.Deserialize<List<T>>(ref reader, options);
                    return list?.Any(item => item is null) == true ? throw new JsonException() : list;
                }
                catch (JsonException exception)
                {
                    // The path to the list goes onto this one; the other has the path from there on.
                    throw new JsonException(null, exception);
                }
            }

            public override void Write(Utf8JsonWriter writer, IReadOnlyList<T> value, JsonSerializerOptions options) => JsonSerializer.Serialize(writer, value.ToList(), options);
        }
    }
}
