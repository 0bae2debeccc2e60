using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qianfan.Sdk.Protocol;

/// <summary>A message of a conversation.</summary>
public sealed record ChatMessage
{
    /// <summary><c>system</c>, <c>user</c>, <c>assistant</c>, <c>tool</c>.</summary>
    [JsonPropertyName("role")]
    public required string Role { get; init; }

    /// <summary>The text.</summary>
    [JsonPropertyName("content")]
    public string? Content { get; set; }

    /// <summary>Name of the speaker.</summary>
    [JsonPropertyName("name")]
    public string? Name { get; set; }

    /// <summary>Calls of tools that the model asks for.</summary>
    [JsonPropertyName("tool_calls")]
    public JsonElement? ToolCalls { get; set; }

    /// <summary>The call that a tool message answers.</summary>
    [JsonPropertyName("tool_call_id")]
    public string? ToolCallId { get; set; }

    /// <summary>Thoughts of a reasoning model.</summary>
    [JsonPropertyName("reasoning_content")]
    public string? ReasoningContent { get; set; }

    /// <summary>A system message.</summary>
    public static ChatMessage System(string content) => new() { Role = "system", Content = content };

    /// <summary>A user's message.</summary>
    public static ChatMessage User(string content) => new() { Role = "user", Content = content };

    /// <summary>A model's message.</summary>
    public static ChatMessage Assistant(string content) => new() { Role = "assistant", Content = content };
}

/// <summary>Body of <c>/v2/chat/completions</c>.</summary>
public sealed record ChatCompletionRequest
{
    /// <summary>Model name, or the endpoint of a service.</summary>
    [JsonPropertyName("model")]
    public required string Model { get; init; }

    /// <summary>The conversation so far; ends with the question.</summary>
    [JsonPropertyName("messages")]
    public required IReadOnlyList<ChatMessage> Messages { get; init; }

    /// <summary>True: answer in chunks. Set by the client.</summary>
    [JsonPropertyName("stream")]
    public bool Stream { get; set; }

    /// <summary>What chunks carry.</summary>
    [JsonPropertyName("stream_options")]
    public ChatStreamOptions? StreamOptions { get; set; }

    /// <summary>0 to 2; 0 takes the likeliest token.</summary>
    [JsonPropertyName("temperature")]
    public double? Temperature { get; set; }

    /// <summary>Nucleus, above 0 to 1.</summary>
    [JsonPropertyName("top_p")]
    public double? TopP { get; set; }

    /// <summary>Takes the next token from so many likeliest ones; of open models only.</summary>
    [JsonPropertyName("top_k")]
    public int? TopK { get; set; }

    /// <summary>1 to 2; 1 is off.</summary>
    [JsonPropertyName("penalty_score")]
    public double? PenaltyScore { get; set; }

    /// <summary>-2 to 2; above 0 makes tokens less likely the more often they came; 0 is off.</summary>
    [JsonPropertyName("frequency_penalty")]
    public double? FrequencyPenalty { get; set; }

    /// <summary>-2 to 2; above 0 makes tokens less likely once they came; 0 is off.</summary>
    [JsonPropertyName("presence_penalty")]
    public double? PresencePenalty { get; set; }

    /// <summary>Most tokens of the answer.</summary>
    [JsonPropertyName("max_completion_tokens")]
    public int? MaxCompletionTokens { get; set; }

    /// <summary>Texts that end the answer.</summary>
    [JsonPropertyName("stop")]
    public IReadOnlyList<string>? Stop { get; set; }

    /// <summary>Makes sampling repeatable.</summary>
    [JsonPropertyName("seed")]
    public long? Seed { get; set; }

    /// <summary>Id of the end user.</summary>
    [JsonPropertyName("user")]
    public string? User { get; set; }

    /// <summary>Tools that the model may call.</summary>
    [JsonPropertyName("tools")]
    public JsonElement? Tools { get; set; }

    /// <summary>Which tool to call.</summary>
    [JsonPropertyName("tool_choice")]
    public JsonElement? ToolChoice { get; set; }

    /// <summary>Whether the model may ask for several calls at once.</summary>
    [JsonPropertyName("parallel_tool_calls")]
    public bool? ParallelToolCalls { get; set; }

    /// <summary>Form of the answer.</summary>
    [JsonPropertyName("response_format")]
    public JsonElement? ResponseFormat { get; set; }

    /// <summary>True: the call may be put off when the platform is busy.</summary>
    [JsonPropertyName("preemptable")]
    public bool? Preemptable { get; set; }

    /// <summary>Further members of the body, sent as they are.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; set; }
}

/// <summary>What chunks carry.</summary>
public sealed record ChatStreamOptions
{
    /// <summary>True: the last chunk tells the tokens used.</summary>
    [JsonPropertyName("include_usage")]
    public bool IncludeUsage { get; set; }
}

/// <summary>Answer of <c>/v2/chat/completions</c>.</summary>
public sealed record ChatCompletion
{
    /// <summary>Id of the answer.</summary>
    [JsonPropertyName("id")]
    public string? Id { get; set; }

    /// <summary><c>chat.completion</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; set; }

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created")]
    public long Created { get; set; }

    /// <summary>The model that answered.</summary>
    [JsonPropertyName("model")]
    public string? Model { get; set; }

    /// <summary>Answers, as a rule one.</summary>
    [JsonPropertyName("choices")]
    public IReadOnlyList<ChatChoice> Choices { get; set; } = [];

    /// <summary>Tokens used.</summary>
    [JsonPropertyName("usage")]
    public TokenUsage? Usage { get; set; }

    /// <summary>Text of the first answer; empty when there is none.</summary>
    [JsonIgnore]
    public string Text => Choices.Count > 0 ? Choices[0].Message?.Content ?? "" : "";
}

/// <summary>One answer.</summary>
public sealed record ChatChoice
{
    /// <summary>From 0.</summary>
    [JsonPropertyName("index")]
    public int Index { get; set; }

    /// <summary>The answer.</summary>
    [JsonPropertyName("message")]
    public ChatMessage? Message { get; set; }

    /// <summary>What stands in a message's place in the answer of our platform's <c>/v2/completions</c>; see <see cref="AsMessage"/>.</summary>
    [JsonInclude]
    [JsonPropertyName("text")]
    internal string? CompletedText { get; set; }

    /// <summary><c>stop</c>, <c>length</c>, <c>tool_calls</c>, <c>content_filter</c>.</summary>
    [JsonPropertyName("finish_reason")]
    public string? FinishReason { get; set; }

    /// <summary>True when the conversation must begin anew.</summary>
    [JsonPropertyName("need_clear_history")]
    public bool? NeedClearHistory { get; set; }

    /// <summary>A completed text in the form of a message.</summary>
    internal ChatChoice AsMessage() => CompletedText is { } text ? this with { CompletedText = null, Message = ChatMessage.Assistant(text) } : this;
}

/// <summary>A piece of a streamed answer.</summary>
public sealed record ChatCompletionChunk
{
    /// <summary>Id of the answer.</summary>
    [JsonPropertyName("id")]
    public string? Id { get; set; }

    /// <summary><c>chat.completion.chunk</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; set; }

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created")]
    public long Created { get; set; }

    /// <summary>The model that answers.</summary>
    [JsonPropertyName("model")]
    public string? Model { get; set; }

    /// <summary>Pieces, as a rule one; none in a chunk that carries usage only.</summary>
    [JsonPropertyName("choices")]
    public IReadOnlyList<ChatChunkChoice> Choices { get; set; } = [];

    /// <summary>Tokens used, in the last chunk.</summary>
    [JsonPropertyName("usage")]
    public TokenUsage? Usage { get; set; }

    /// <summary>New text of the first answer; empty when there is none.</summary>
    [JsonIgnore]
    public string Text => Choices.Count > 0 ? Choices[0].Delta?.Content ?? "" : "";
}

/// <summary>A piece of one answer.</summary>
public sealed record ChatChunkChoice
{
    /// <summary>From 0.</summary>
    [JsonPropertyName("index")]
    public int Index { get; set; }

    /// <summary>What is new.</summary>
    [JsonPropertyName("delta")]
    public ChatDelta? Delta { get; set; }

    /// <inheritdoc cref="ChatChoice.CompletedText"/>
    [JsonInclude]
    [JsonPropertyName("text")]
    internal string? CompletedText { get; set; }

    /// <summary>Set in the last piece.</summary>
    [JsonPropertyName("finish_reason")]
    public string? FinishReason { get; set; }

    /// <summary>True in the last piece (Qianfan).</summary>
    [JsonPropertyName("is_end")]
    public bool? IsEnd { get; set; }

    /// <inheritdoc cref="ChatChoice.AsMessage"/>
    internal ChatChunkChoice AsMessage() => CompletedText is { } text ? this with { CompletedText = null, Delta = new ChatDelta { Content = text } } : this;
}

/// <summary>What is new in a piece.</summary>
public sealed record ChatDelta
{
    /// <summary>Set in the first piece.</summary>
    [JsonPropertyName("role")]
    public string? Role { get; set; }

    /// <summary>New text.</summary>
    [JsonPropertyName("content")]
    public string? Content { get; set; }

    /// <summary>New thoughts.</summary>
    [JsonPropertyName("reasoning_content")]
    public string? ReasoningContent { get; set; }

    /// <summary>New parts of tool calls.</summary>
    [JsonPropertyName("tool_calls")]
    public JsonElement? ToolCalls { get; set; }
}

/// <summary>Tokens used.</summary>
public sealed record TokenUsage
{
    /// <summary>Of the question.</summary>
    [JsonPropertyName("prompt_tokens")]
    public int PromptTokens { get; set; }

    /// <summary>Of the answer.</summary>
    [JsonPropertyName("completion_tokens")]
    public int CompletionTokens { get; set; }

    /// <summary>Together.</summary>
    [JsonPropertyName("total_tokens")]
    public int TotalTokens { get; set; }
}

/// <summary>Body of <c>/v2/embeddings</c>.</summary>
public sealed record EmbeddingRequest
{
    /// <summary>Model name, or the endpoint of a service.</summary>
    [JsonPropertyName("model")]
    public required string Model { get; init; }

    /// <summary>Texts, none empty.</summary>
    [JsonPropertyName("input")]
    public required IReadOnlyList<string> Input { get; init; }

    /// <summary>Id of the end user.</summary>
    [JsonPropertyName("user")]
    public string? User { get; set; }

    /// <summary>Further members of the body, sent as they are.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; set; }
}

/// <summary>Answer of <c>/v2/embeddings</c>.</summary>
public sealed record EmbeddingResponse
{
    /// <summary>Id of the answer.</summary>
    [JsonPropertyName("id")]
    public string? Id { get; set; }

    /// <summary><c>embedding_list</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; set; }

    /// <summary>Unix seconds.</summary>
    [JsonPropertyName("created")]
    public long Created { get; set; }

    /// <summary>The model that answered.</summary>
    [JsonPropertyName("model")]
    public string? Model { get; set; }

    /// <summary>One vector for each text.</summary>
    [JsonPropertyName("data")]
    public IReadOnlyList<EmbeddingItem> Data { get; set; } = [];

    /// <summary>Tokens used.</summary>
    [JsonPropertyName("usage")]
    public TokenUsage? Usage { get; set; }
}

/// <summary>A vector.</summary>
public sealed record EmbeddingItem
{
    /// <summary><c>embedding</c></summary>
    [JsonPropertyName("object")]
    public string? Object { get; set; }

    /// <summary>Number of the text, from 0.</summary>
    [JsonPropertyName("index")]
    public int Index { get; set; }

    /// <summary>The vector.</summary>
    [JsonPropertyName("embedding")]
    public IReadOnlyList<float> Embedding { get; set; } = [];
}
