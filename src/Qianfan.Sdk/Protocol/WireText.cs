using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>A value of the protocol that is text on the wire; values that this version doesn't know are kept as they are.</summary>
/// <typeparam name="TSelf">The type itself.</typeparam>
public interface IWireText<TSelf>
    where TSelf : struct, IWireText<TSelf>
{
    /// <summary>The text on the wire; empty for the default value.</summary>
    string Value { get; }

    /// <summary>The value of a text.</summary>
    static abstract TSelf From(string value);
}

/// <summary>Reads and writes <see cref="IWireText{TSelf}"/> values as text; null reads as the empty value.</summary>
/// <typeparam name="T">The type.</typeparam>
public sealed class WireTextConverter<T> : JsonConverter<T>
    where T : struct, IWireText<T>
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.String => T.From(reader.GetString() ?? ""),
        JsonTokenType.Null => default,
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => T.From(LenientStringConverter.RawText(ref reader)),
        _ => throw new JsonException($"A text is expected, not {reader.TokenType}."),
    };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
}

/// <summary>Reads texts that some versions of the platform send as numbers: ids, log ids, versions.</summary>
public sealed class LenientStringConverter : JsonConverter<string>
{
    /// <inheritdoc/>
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString(),
        JsonTokenType.Null => null,
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => RawText(ref reader),
        _ => throw new JsonException($"A text is expected, not {reader.TokenType}."),
    };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    /// <inheritdoc/>
    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetString() ?? "";

    /// <inheritdoc/>
    public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WritePropertyName(value);

    internal static string RawText(ref Utf8JsonReader reader) =>
        System.Text.Encoding.UTF8.GetString(reader.HasValueSequence ? System.Buffers.BuffersExtensions.ToArray(reader.ValueSequence) : reader.ValueSpan);
}

/// <summary>Reads truth values that some versions of the platform send as 0 and 1.</summary>
public sealed class LenientBooleanConverter : JsonConverter<bool>
{
    /// <inheritdoc/>
    public override bool Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.Number => reader.GetDouble() != 0,
        _ => throw new JsonException($"A truth value is expected, not {reader.TokenType}."),
    };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, bool value, JsonSerializerOptions options) => writer.WriteBooleanValue(value);
}

/// <summary>Reads integers in whose place some versions of the platform send a word; a word reads as 0.</summary>
public sealed class LenientInt32Converter : JsonConverter<int>
{
    /// <inheritdoc/>
    public override int Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Number => reader.GetInt32(),
        JsonTokenType.String => int.TryParse(reader.GetString(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : 0,
        _ => throw new JsonException($"A number is expected, not {reader.TokenType}."),
    };

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, int value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}
