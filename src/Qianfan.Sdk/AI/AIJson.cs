using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.AI;

namespace Qianfan.Sdk.AI;

/// <summary>JSON of values whose types Microsoft.Extensions.AI knows: arguments and results of functions, additional properties.</summary>
internal static class AIJson
{
    // Models pay for each token: no indentation, and Chinese as it is.
    private static readonly JsonSerializerOptions s_options = new(AIJsonUtilities.DefaultOptions) { WriteIndented = false, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static JsonTypeInfo<IDictionary<string, object?>> Arguments { get; } = (JsonTypeInfo<IDictionary<string, object?>>)s_options.GetTypeInfo(typeof(IDictionary<string, object?>));

    /// <exception cref="NotSupportedException">The serialization knows nothing of the value's type.</exception>
    public static string ToText(object value, string what) => Guard(() => JsonSerializer.Serialize(value, s_options.GetTypeInfo(typeof(object))), value, what);

    /// <inheritdoc cref="ToText"/>
    public static JsonElement ToElement(object? value, string what) => Guard(() => JsonSerializer.SerializeToElement(value, s_options.GetTypeInfo(typeof(object))), value, what);

    private static T Guard<T>(Func<T> serialize, object? value, string what)
    {
        try
        {
            return serialize();
        }
        catch (NotSupportedException e)
        {
            throw new NotSupportedException($"{value?.GetType()}, {what}, can't be written as JSON here: give a JsonElement.", e);
        }
    }
}
