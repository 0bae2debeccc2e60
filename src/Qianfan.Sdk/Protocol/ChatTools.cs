using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>A tool that the model may call; an element of <c>tools</c>.</summary>
internal sealed record ChatTool
{
    [JsonPropertyName("type")]
    public string Type { get; set; } = "function";

    [JsonPropertyName("function")]
    public required ChatToolFunction Function { get; init; }
}

/// <summary>A function as the model sees it.</summary>
internal sealed record ChatToolFunction
{
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    [JsonPropertyName("description")]
    public string? Description { get; set; }

    /// <summary>JSON schema of the arguments.</summary>
    [JsonPropertyName("parameters")]
    public JsonElement? Parameters { get; set; }
}

/// <summary>A call that the model asks for; an element of <c>tool_calls</c>, whole or a piece of it.</summary>
internal sealed record ChatToolCall
{
    /// <summary>Which call a piece belongs to.</summary>
    [JsonPropertyName("index")]
    public int? Index { get; set; }

    [JsonPropertyName("id")]
    public string? Id { get; set; }

    [JsonPropertyName("type")]
    public string? Type { get; set; }

    [JsonPropertyName("function")]
    public ChatFunctionCall? Function { get; set; }
}

/// <summary>Name and arguments of a call.</summary>
internal sealed record ChatFunctionCall
{
    [JsonPropertyName("name")]
    public string? Name { get; set; }

    /// <summary>A JSON object as text.</summary>
    [JsonPropertyName("arguments")]
    public string? Arguments { get; set; }
}

/// <summary>A demand for one tool; a form of <c>tool_choice</c>.</summary>
internal sealed record ChatToolChoice
{
    [JsonPropertyName("type")]
    public string Type { get; set; } = "function";

    [JsonPropertyName("function")]
    public required ChatFunctionCall Function { get; init; }
}

/// <summary><c>response_format</c>.</summary>
internal sealed record ChatAnswerFormat
{
    /// <summary><c>text</c>, <c>json_object</c>, <c>json_schema</c>.</summary>
    [JsonPropertyName("type")]
    public required string Type { get; init; }

    [JsonPropertyName("json_schema")]
    public ChatJsonSchema? JsonSchema { get; set; }
}

/// <summary>The schema that an answer must fit.</summary>
internal sealed record ChatJsonSchema
{
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    [JsonPropertyName("description")]
    public string? Description { get; set; }

    [JsonPropertyName("schema")]
    public required JsonElement Schema { get; init; }
}

/// <summary>Serialization of the records here, which stand as plain JSON in the public ones.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IReadOnlyList<ChatTool>))]
[JsonSerializable(typeof(IReadOnlyList<ChatToolCall>))]
[JsonSerializable(typeof(ChatToolChoice))]
[JsonSerializable(typeof(ChatAnswerFormat))]
[JsonSerializable(typeof(string))]
internal sealed partial class ChatToolsJson : JsonSerializerContext;
