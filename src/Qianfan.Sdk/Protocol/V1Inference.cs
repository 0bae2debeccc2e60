using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>A message of a V1 conversation.</summary>
public sealed record V1ChatMessage
{
    /// <summary><c>user</c>, <c>assistant</c>, <c>function</c>; user (or function) and assistant take turns.</summary>
    [JsonPropertyName("role")]
    public required string Role { get; init; }

    /// <summary>The text.</summary>
    [JsonPropertyName("content")]
    public string? Content { get; set; }

    /// <summary>Name of the function that answers.</summary>
    [JsonPropertyName("name")]
    public string? Name { get; set; }

    /// <summary>The call that the model asked for.</summary>
    [JsonPropertyName("function_call")]
    public V1FunctionCall? FunctionCall { get; set; }

    /// <summary>A user's message.</summary>
    public static V1ChatMessage User(string content) => new() { Role = "user", Content = content };

    /// <summary>A model's message.</summary>
    public static V1ChatMessage Assistant(string content) => new() { Role = "assistant", Content = content };

    /// <summary>A function's answer.</summary>
    public static V1ChatMessage Function(string name, string content) => new() { Role = "function", Name = name, Content = content };
}

/// <summary>A call of a function that the model asks for.</summary>
public sealed record V1FunctionCall
{
    /// <summary>The function.</summary>
    [JsonPropertyName("name")]
    public string Name { get; set; } = "";

    /// <summary>Why.</summary>
    [JsonPropertyName("thoughts")]
    public string? Thoughts { get; set; }

    /// <summary>JSON text.</summary>
    [JsonPropertyName("arguments")]
    public string? Arguments { get; set; }
}

/// <summary>A function that the model may call.</summary>
public sealed record V1Function
{
    /// <summary>Its name.</summary>
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    /// <summary>What it does.</summary>
    [JsonPropertyName("description")]
    public string? Description { get; set; }

    /// <summary>JSON schema of its arguments.</summary>
    [JsonPropertyName("parameters")]
    public JsonElement? Parameters { get; set; }

    /// <summary>JSON schema of its answer.</summary>
    [JsonPropertyName("responses")]
    public JsonElement? Responses { get; set; }

    /// <summary>Examples of calls.</summary>
    [JsonPropertyName("examples")]
    public JsonElement? Examples { get; set; }
}

/// <summary>Body of V1 chat.</summary>
public sealed record V1ChatRequest
{
    /// <summary>The conversation so far; an odd number of messages, the last one a user's or a function's.</summary>
    [JsonPropertyName("messages")]
    public required IReadOnlyList<V1ChatMessage> Messages { get; init; }

    /// <summary>True: answer in pieces. Set by the client.</summary>
    [JsonPropertyName("stream")]
    public bool Stream { get; set; }

    /// <summary>Above 0 to 1.</summary>
    [JsonPropertyName("temperature")]
    public double? Temperature { get; set; }

    /// <summary>Nucleus, 0 to 1.</summary>
    [JsonPropertyName("top_p")]
    public double? TopP { get; set; }

    /// <summary>The likeliest tokens to choose from (open models).</summary>
    [JsonPropertyName("top_k")]
    public int? TopK { get; set; }

    /// <summary>1 to 2; 1 is off.</summary>
    [JsonPropertyName("penalty_score")]
    public double? PenaltyScore { get; set; }

    /// <summary>Weighs tokens down by how often they came.</summary>
    [JsonPropertyName("frequency_penalty")]
    public double? FrequencyPenalty { get; set; }

    /// <summary>Weighs tokens down that came.</summary>
    [JsonPropertyName("presence_penalty")]
    public double? PresencePenalty { get; set; }

    /// <summary>What the model is to be.</summary>
    [JsonPropertyName("system")]
    public string? System { get; set; }

    /// <summary>Texts that end the answer.</summary>
    [JsonPropertyName("stop")]
    public IReadOnlyList<string>? Stop { get; set; }

    /// <summary>Id of the end user.</summary>
    [JsonPropertyName("user_id")]
    public string? UserId { get; set; }

    /// <summary>Most tokens of the answer.</summary>
    [JsonPropertyName("max_output_tokens")]
    public int? MaxOutputTokens { get; set; }

    /// <summary>Fewest tokens of the answer.</summary>
    [JsonPropertyName("min_output_tokens")]
    public int? MinOutputTokens { get; set; }

    /// <summary>True: no search in the web.</summary>
    [JsonPropertyName("disable_search")]
    public bool? DisableSearch { get; set; }

    /// <summary>True: sources are marked.</summary>
    [JsonPropertyName("enable_citation")]
    public bool? EnableCitation { get; set; }

    /// <summary>True: what was searched is told.</summary>
    [JsonPropertyName("enable_trace")]
    public bool? EnableTrace { get; set; }

    /// <summary>True: the system's memory is used.</summary>
    [JsonPropertyName("enable_system_memory")]
    public bool? EnableSystemMemory { get; set; }

    /// <summary>The memory to use.</summary>
    [JsonPropertyName("system_memory_id")]
    public string? SystemMemoryId { get; set; }

    /// <summary><c>json_object</c> or <c>text</c>.</summary>
    [JsonPropertyName("response_format")]
    public string? ResponseFormat { get; set; }

    /// <summary>Functions that the model may call.</summary>
    [JsonPropertyName("functions")]
    public IReadOnlyList<V1Function>? Functions { get; set; }

    /// <summary>Tools that the model may call.</summary>
    [JsonPropertyName("tools")]
    public JsonElement? Tools { get; set; }

    /// <summary>Which tool to call.</summary>
    [JsonPropertyName("tool_choice")]
    public JsonElement? ToolChoice { get; set; }

    /// <summary>What the model is to be (ERNIE Character).</summary>
    [JsonPropertyName("user_setting")]
    public string? UserSetting { get; set; }

    /// <summary>Further members of the body, sent as they are.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; set; }
}

/// <summary>Answer of V1 chat, or a piece of one.</summary>
public sealed record V1ChatResponse
{
    /// <summary><c>as-...</c></summary>
    [JsonPropertyName("id")]
    public string? Id { get; set; }

    /// <summary><c>chat.completion</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; set; }

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created")]
    public long Created { get; set; }

    /// <summary>Number of the piece, from 0.</summary>
    [JsonPropertyName("sentence_id")]
    public int? SentenceId { get; set; }

    /// <summary>True in the last piece.</summary>
    [JsonPropertyName("is_end")]
    public bool? IsEnd { get; set; }

    /// <summary>The text; of a piece, what is new.</summary>
    [JsonPropertyName("result")]
    public string? Result { get; set; }

    /// <summary>True when the answer was cut off.</summary>
    [JsonPropertyName("is_truncated")]
    public bool? IsTruncated { get; set; }

    /// <summary><c>normal</c>, <c>stop</c>, <c>length</c>, <c>content_filter</c>, <c>function_call</c>.</summary>
    [JsonPropertyName("finish_reason")]
    public string? FinishReason { get; set; }

    /// <summary>True when the question is unsafe and the conversation must begin anew.</summary>
    [JsonPropertyName("need_clear_history")]
    public bool? NeedClearHistory { get; set; }

    /// <summary>The unsafe round, with <see cref="NeedClearHistory"/>; -1 is the present question.</summary>
    [JsonPropertyName("ban_round")]
    public int? BanRound { get; set; }

    /// <summary>1 when the answer is safe.</summary>
    [JsonPropertyName("is_safe")]
    public int? IsSafe { get; set; }

    /// <summary>Why there is a ready-made answer.</summary>
    [JsonPropertyName("flag")]
    public int? Flag { get; set; }

    /// <summary>A call that the model asks for.</summary>
    [JsonPropertyName("function_call")]
    public V1FunctionCall? FunctionCall { get; set; }

    /// <summary>What was searched.</summary>
    [JsonPropertyName("search_info")]
    public JsonElement? SearchInfo { get; set; }

    /// <summary>What the tools did.</summary>
    [JsonPropertyName("tools_info")]
    public JsonElement? ToolsInfo { get; set; }

    /// <summary>Tokens used.</summary>
    [JsonPropertyName("usage")]
    public TokenUsage? Usage { get; set; }
}

/// <summary>Body of V1 completions.</summary>
public sealed record V1CompletionRequest
{
    /// <summary>The text to go on with.</summary>
    [JsonPropertyName("prompt")]
    public required string Prompt { get; init; }

    /// <summary>True: answer in pieces. Set by the client.</summary>
    [JsonPropertyName("stream")]
    public bool Stream { get; set; }

    /// <summary>Above 0 to 1.</summary>
    [JsonPropertyName("temperature")]
    public double? Temperature { get; set; }

    /// <summary>The likeliest tokens to choose from.</summary>
    [JsonPropertyName("top_k")]
    public int? TopK { get; set; }

    /// <summary>Nucleus, 0 to 1.</summary>
    [JsonPropertyName("top_p")]
    public double? TopP { get; set; }

    /// <summary>1 to 2; 1 is off.</summary>
    [JsonPropertyName("penalty_score")]
    public double? PenaltyScore { get; set; }

    /// <summary>Texts that end the answer.</summary>
    [JsonPropertyName("stop")]
    public IReadOnlyList<string>? Stop { get; set; }

    /// <summary>Id of the end user.</summary>
    [JsonPropertyName("user_id")]
    public string? UserId { get; set; }

    /// <summary>Further members of the body, sent as they are.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; set; }
}

/// <summary>Answer of V1 completions, or a piece of one.</summary>
public sealed record V1CompletionResponse
{
    /// <summary><c>as-...</c></summary>
    [JsonPropertyName("id")]
    public string? Id { get; set; }

    /// <summary><c>completion</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; set; }

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created")]
    public long Created { get; set; }

    /// <summary>Number of the piece, from 0.</summary>
    [JsonPropertyName("sentence_id")]
    public int? SentenceId { get; set; }

    /// <summary>True in the last piece.</summary>
    [JsonPropertyName("is_end")]
    public bool? IsEnd { get; set; }

    /// <summary>The text; of a piece, what is new.</summary>
    [JsonPropertyName("result")]
    public string? Result { get; set; }

    /// <summary>1 when the answer is safe.</summary>
    [JsonPropertyName("is_safe")]
    public int? IsSafe { get; set; }

    /// <summary>Tokens used.</summary>
    [JsonPropertyName("usage")]
    public TokenUsage? Usage { get; set; }
}

/// <summary>Body of V1 embeddings; the answer is an <see cref="EmbeddingResponse"/>.</summary>
public sealed record V1EmbeddingRequest
{
    /// <summary>Texts, none empty.</summary>
    [JsonPropertyName("input")]
    public required IReadOnlyList<string> Input { get; init; }

    /// <summary>Always false.</summary>
    [JsonPropertyName("stream")]
    public bool Stream { get; set; }

    /// <summary>Id of the end user.</summary>
    [JsonPropertyName("user_id")]
    public string? UserId { get; set; }
}
