using System.Text;
using System.Text.Json;

namespace Qianfan.Sdk.Datasets;

/// <summary>Names of fields that mean something in a row.</summary>
internal enum RowName : byte
{
    Other,
    Prompt,
    Response,
    System,
    Weight,
    Score,
    Messages,
    Role,
    Content,
    Text,
    Instruction,
    Input,
    Output,
    History,
    User,
    Assistant,
    Chosen,
    Rejected,
    Conversations,
    From,
    Value,
}

/// <summary>One value of a row: where it stands, and where the next value beside it begins.</summary>
internal struct JsonToken
{
    public JsonTokenType Type;
    public RowName Name;
    public bool Escaped;
    public int Start;
    public int Length;
    public int Next;
}

/// <summary>The values of one row in the order of the text, as <see cref="Utf8JsonReader"/> finds them; fields of unknown names are checked and left out. Kept from row to row, so that a row costs no allocation.</summary>
internal sealed class JsonTape
{
    private const int MaxDepth = 32;
    private static readonly JsonReaderOptions s_options = new() { MaxDepth = MaxDepth };

    private readonly int[] _open = new int[MaxDepth];
    private JsonToken[] _tokens = new JsonToken[64];
    private int _count;

    public int Count => _count;

    public ref readonly JsonToken this[int index] => ref _tokens[index];

    /// <exception cref="JsonException">This is not one valid JSON value.</exception>
    public void Read(ReadOnlySpan<byte> json)
    {
        _count = 0;
        var depth = 0;
        var name = RowName.Other;
        var reader = new Utf8JsonReader(json, s_options);
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    name = Name(ref reader);
                    if (name == RowName.Other)
                    {
                        reader.Skip();
                    }

                    continue;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    _tokens[_open[--depth]].Next = _count;
                    continue;
                case JsonTokenType.StartObject or JsonTokenType.StartArray:
                    _open[depth++] = _count;
                    break;
            }

            Add(ref reader, name);
            name = RowName.Other;
        }
    }

    private void Add(ref Utf8JsonReader reader, RowName name)
    {
        if (_count == _tokens.Length)
        {
            Array.Resize(ref _tokens, _count * 2);
        }

        ref var token = ref _tokens[_count++];
        var isString = reader.TokenType == JsonTokenType.String;
        token.Type = reader.TokenType;
        token.Name = name;
        token.Escaped = isString && reader.ValueIsEscaped;
        token.Start = (int)reader.TokenStartIndex + (isString ? 1 : 0);
        token.Length = reader.ValueSpan.Length;
        token.Next = _count;
    }

    private static RowName Name(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped)
        {
            return Name(reader.ValueSpan);
        }

        // Rare enough to take a text for.
        return JsonText.HasBrokenEscape(reader.ValueSpan) ? RowName.Other : Name(Encoding.UTF8.GetBytes(reader.GetString()!));
    }

    private static RowName Name(ReadOnlySpan<byte> name) => name.Length switch
    {
        4 when name.SequenceEqual("from"u8) => RowName.From,
        4 when name.SequenceEqual("role"u8) => RowName.Role,
        4 when name.SequenceEqual("text"u8) => RowName.Text,
        4 when name.SequenceEqual("user"u8) => RowName.User,
        5 when name.SequenceEqual("input"u8) => RowName.Input,
        5 when name.SequenceEqual("score"u8) => RowName.Score,
        5 when name.SequenceEqual("value"u8) => RowName.Value,
        6 when name.SequenceEqual("prompt"u8) => RowName.Prompt,
        6 when name.SequenceEqual("system"u8) => RowName.System,
        6 when name.SequenceEqual("weight"u8) => RowName.Weight,
        6 when name.SequenceEqual("output"u8) => RowName.Output,
        6 when name.SequenceEqual("chosen"u8) => RowName.Chosen,
        7 when name.SequenceEqual("content"u8) => RowName.Content,
        7 when name.SequenceEqual("history"u8) => RowName.History,
        8 when name.SequenceEqual("response"u8) => RowName.Response,
        8 when name.SequenceEqual("messages"u8) => RowName.Messages,
        8 when name.SequenceEqual("rejected"u8) => RowName.Rejected,
        9 when name.SequenceEqual("assistant"u8) => RowName.Assistant,
        11 when name.SequenceEqual("instruction"u8) => RowName.Instruction,
        13 when name.SequenceEqual("conversations"u8) => RowName.Conversations,
        _ => RowName.Other,
    };
}
