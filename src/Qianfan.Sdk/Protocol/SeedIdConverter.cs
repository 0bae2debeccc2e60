using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>An id of the first generation: read from a number or a text; written as a number when its text is one, because platforms of the seed's time take integers only.</summary>
public sealed class SeedIdConverter : JsonConverter<string>
{
    private static readonly LenientStringConverter s_reader = new();

    /// <inheritdoc/>
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => s_reader.Read(ref reader, typeToConvert, options);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(value);
        // "007" is a text: a number would lose its zeros.
        var isNumber = (value == "0" || (value.Length > 0 && value[0] != '0')) && long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _);
        if (isNumber)
        {
            writer.WriteRawValue(value, skipInputValidation: true);
        }
        else
        {
            writer.WriteStringValue(value);
        }
    }
}
