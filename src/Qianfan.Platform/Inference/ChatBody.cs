using System.Text.Json;
using System.Text.Json.Serialization;
using Qianfan.Platform.Http;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>The body of a chat or completion request, in all its dialects. Unknown members are ignored, as the cloud does.</summary>
internal record ChatBody
{
    /// <summary>Most answers to one request.</summary>
    public const int MostChoices = 16;

    private const int MostMessages = 512;
    private const int MostPrompts = 64;
    private const int MostTokens = 32_768;
    private const int MostStops = 16;

    [JsonPropertyName("model")]
    public string? Model { get; init; }

    [JsonPropertyName("messages")]
    public IReadOnlyList<ChatBodyMessage>? Messages { get; init; }

    [JsonPropertyName("prompt")]
    public JsonElement? Prompt { get; init; }

    /// <summary>V1: the system text stands beside the messages.</summary>
    [JsonPropertyName("system")]
    public string? System { get; init; }

    [JsonPropertyName("stream")]
    public bool? Stream { get; init; }

    [JsonPropertyName("stream_options")]
    public StreamOptions? StreamOptions { get; init; }

    [JsonPropertyName("temperature")]
    public double? Temperature { get; init; }

    [JsonPropertyName("top_p")]
    public double? TopP { get; init; }

    [JsonPropertyName("top_k")]
    public int? TopK { get; init; }

    [JsonPropertyName("penalty_score")]
    public double? PenaltyScore { get; init; }

    [JsonPropertyName("max_completion_tokens")]
    public int? MaxCompletionTokens { get; init; }

    [JsonPropertyName("max_tokens")]
    public int? MaxTokens { get; init; }

    [JsonPropertyName("max_output_tokens")]
    public int? MaxOutputTokens { get; init; }

    [JsonPropertyName("stop")]
    public JsonElement? Stop { get; init; }

    [JsonPropertyName("seed")]
    public long? Seed { get; init; }

    [JsonPropertyName("n")]
    public int? Count { get; init; }

    public bool IncludesUsage => StreamOptions?.IncludeUsage == true;

    /// <summary>How many answers are wanted.</summary>
    public int Choices => (int)Within(Count ?? 1, 1, MostChoices, "n");

    /// <summary>Most tokens when the request doesn't say.</summary>
    protected virtual int StandardMaxTokens => new SamplingConfig().MaxTokens;

    /// <summary>A chat.</summary>
    /// <param name="model">The model, where it doesn't stand in the body.</param>
    /// <param name="strict">Whether messages must alternate and end with the user's, as Qianfan demands.</param>
    public GenerationRequest ToChat(string? model, bool strict)
    {
        if (Messages is not { Count: > 0 }) throw PlatformException.Missing("messages");
        if (Messages.Count > MostMessages) throw new PlatformException(PlatformError.InvalidMessages, $"param[messages] invalid: more than {MostMessages}", "messages");
        var turns = Messages.Select((message, index) => message.ToTurn(index)).ToList();
        if (!string.IsNullOrEmpty(System)) turns.Insert(0, new ChatTurn("system", System));
        var spoken = turns.SkipWhile(turn => turn.Role == "system").ToList();
        if (!spoken.Exists(turn => turn.Role == "user")) throw new PlatformException(PlatformError.InvalidMessages, "param[messages] invalid: there is no message of the user's", "messages");
        if (strict && spoken[^1].Role != "user") throw new PlatformException(PlatformError.InvalidMessages, "param[messages] invalid: the last message must be the user's", "messages");
        if (strict) CheckOrder(spoken);
        return new GenerationRequest(model ?? Model, turns, null, ToSampling());
    }

    /// <summary>Plain completions, one for each prompt.</summary>
    public IReadOnlyList<GenerationRequest> ToCompletions(string? model)
    {
        var sampling = ToSampling();
        return [.. Prompts().Select(prompt => new GenerationRequest(model ?? Model, null, prompt, sampling))];
    }

    private IReadOnlyList<string> Prompts()
    {
        IReadOnlyList<string> prompts = Prompt switch
        {
            { ValueKind: JsonValueKind.String } prompt => [prompt.GetString()!],
            { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(prompt => prompt.ValueKind == JsonValueKind.String) => [.. list.EnumerateArray().Select(prompt => prompt.GetString()!)],
            null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => throw PlatformException.Missing("prompt"),
            _ => throw PlatformException.Invalid("prompt", "param[prompt] invalid: it must be a text or a list of texts"),
        };
        if (prompts.Count is 0 or > MostPrompts) throw PlatformException.Invalid("prompt", $"param[prompt] invalid: it must be 1 to {MostPrompts} texts");
        return prompts.All(prompt => prompt.Length > 0) ? prompts : throw PlatformException.Invalid("prompt", "param[prompt] invalid: it is empty");
    }

    private static void CheckOrder(List<ChatTurn> turns)
    {
        if (turns.Count % 2 == 0) throw new PlatformException(PlatformError.InvalidMessages, "the length of messages must be an odd number", "messages");
        for (var i = 0; i < turns.Count; i++)
        {
            if (turns[i].Role != (i % 2 == 0 ? "user" : "assistant"))
                throw new PlatformException(PlatformError.InvalidMessages, "param[messages] invalid: user and assistant must alternate, beginning with user", "messages");
        }
    }

    /// <summary>How tokens are chosen. A dialect adds what it has besides.</summary>
    protected virtual SamplingConfig ToSampling()
    {
        var standard = new SamplingConfig();
        return new SamplingConfig
        {
            MaxTokens = (int)Within(MaxCompletionTokens ?? MaxTokens ?? MaxOutputTokens ?? StandardMaxTokens, 1, MostTokens, MaxCompletionTokens is null && MaxTokens is null ? "max_output_tokens" : MaxTokens is null ? "max_completion_tokens" : "max_tokens"),
            Temperature = Within(Temperature ?? standard.Temperature, 0, 2, "temperature"),
            TopP = TopP == 0 ? 1e-6 : Within(TopP ?? standard.TopP, 1e-6, 1, "top_p"),
            TopK = (int)Within(TopK ?? standard.TopK, 0, 1_000_000, "top_k"),
            RepetitionPenalty = Within(PenaltyScore ?? standard.RepetitionPenalty, 1, 2, "penalty_score"),
            Stop = Stops(),
            Seed = Seed,
        };
    }

    private List<string> Stops()
    {
        var stops = Stop switch
        {
            null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => [],
            { ValueKind: JsonValueKind.String } stop => [stop.GetString()!],
            { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(stop => stop.ValueKind == JsonValueKind.String) => list.EnumerateArray().Select(stop => stop.GetString()!).ToList(),
            _ => throw PlatformException.Invalid("stop", "param[stop] invalid: it must be a text or a list of texts"),
        };
        return stops.Count <= MostStops && stops.All(stop => stop.Length is > 0 and <= 200)
            ? stops
            : throw PlatformException.Invalid("stop", $"param[stop] invalid: at most {MostStops} texts of 1 to 200 characters");
    }

    protected static double Within(double value, double least, double most, string name) => value >= least && value <= most
        ? value
        : throw PlatformException.Invalid(name, string.Create(global::System.Globalization.CultureInfo.InvariantCulture, $"param[{name}] invalid: it must be between {least} and {most}"));
}

/// <summary>A message: text, or OpenAI's list of text parts.</summary>
internal sealed record ChatBodyMessage
{
    [JsonPropertyName("role")]
    public string? Role { get; init; }

    [JsonPropertyName("content")]
    public JsonElement? Content { get; init; }

    public ChatTurn ToTurn(int index)
    {
        var role = Role switch
        {
            "system" or "developer" => "system",
            "user" or "assistant" => Role,
            null => throw PlatformException.Missing($"messages[{index}].role"),
            _ => throw new PlatformException(PlatformError.InvalidMessages, $"param[messages[{index}].role] invalid: it must be system, user or assistant", $"messages[{index}].role"),
        };
        var text = Content switch
        {
            { ValueKind: JsonValueKind.String } content => content.GetString()!,
            { ValueKind: JsonValueKind.Array } parts => string.Concat(parts.EnumerateArray().Select(part => PartText(part, index))),
            null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => throw PlatformException.Missing($"messages[{index}].content"),
            _ => throw Wrong(index),
        };
        return string.IsNullOrWhiteSpace(text)
            ? throw new PlatformException(PlatformError.InvalidMessages, $"param[messages[{index}].content] invalid: it is empty", $"messages[{index}].content")
            : new ChatTurn(role, text);
    }

    private static string PartText(JsonElement part, int index) =>
        part.ValueKind == JsonValueKind.Object && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : throw Wrong(index);

    private static PlatformException Wrong(int index) =>
        new(PlatformError.InvalidMessages, $"param[messages[{index}].content] invalid: it must be text or a list of text parts", $"messages[{index}].content");
}

/// <summary>What a stream tells besides text.</summary>
internal sealed record StreamOptions
{
    [JsonPropertyName("include_usage")]
    public bool? IncludeUsage { get; init; }
}
