using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Qianfan.Sdk.Datasets;

/// <summary>The values of a row, by their index on the tape; 0 is the row itself.</summary>
internal readonly ref struct JsonRow(ReadOnlySpan<byte> json, JsonTape tape)
{
    private readonly ReadOnlySpan<byte> _json = json;

    public JsonTokenType Type(int value) => tape[value].Type;

    public bool IsObject(int value) => tape[value].Type == JsonTokenType.StartObject;

    public bool IsArray(int value) => tape[value].Type == JsonTokenType.StartArray;

    public bool IsNull(int value) => tape[value].Type == JsonTokenType.Null;

    public bool IsEscaped(int value) => tape[value].Escaped;

    /// <summary>Index of the first value inside.</summary>
    public static int First(int container) => container + 1;

    /// <summary>Index of the value behind this one.</summary>
    public int Next(int value) => tape[value].Next;

    /// <summary>Values inside, at most as many as asked for.</summary>
    public int Count(int container, int most)
    {
        var count = 0;
        for (var i = First(container); i < Next(container) && count < most; i = Next(i))
        {
            count++;
        }

        return count;
    }

    /// <summary>A field of an object; of several with one name the last.</summary>
    /// <returns>False when there is none, or the value is no object.</returns>
    public bool TryGet(int container, RowName name, out int value)
    {
        value = -1;
        if (IsObject(container))
        {
            for (var i = First(container); i < Next(container); i = Next(i))
            {
                if (tape[i].Name == name)
                {
                    value = i;
                }
            }
        }

        return value >= 0;
    }

    /// <summary>The bytes of a string (without quotes, escapes as they stand), number or word.</summary>
    public ReadOnlySpan<byte> Raw(int value) => _json.Slice(tape[value].Start, tape[value].Length);

    public string Text(int value)
    {
        if (!tape[value].Escaped)
        {
            return Encoding.UTF8.GetString(Raw(value));
        }

        var reader = new Utf8JsonReader(_json.Slice(tape[value].Start - 1, tape[value].Length + 2));
        reader.Read();
        return reader.GetString()!;
    }

    public bool TextEquals(int value, ReadOnlySpan<byte> text) =>
        tape[value].Escaped ? Text(value) == Encoding.UTF8.GetString(text) : Raw(value).SequenceEqual(text);

    public bool TryNumber(int value, out double number)
    {
        number = 0;
        return Type(value) == JsonTokenType.Number && double.TryParse(Raw(value), NumberStyles.Float, CultureInfo.InvariantCulture, out number);
    }
}
