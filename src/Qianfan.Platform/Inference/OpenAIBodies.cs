using System.Text.Json;
using System.Text.Json.Serialization;
using Qianfan.Platform.Http;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>What OpenAI's chat has besides. What can't be done is refused by name: an answer that left it out would pass for one that has it.</summary>
internal sealed record OpenAIChatBody : ChatBody
{
    [JsonPropertyName("logprobs")]
    public bool? LogProbabilities { get; init; }

    [JsonPropertyName("top_logprobs")]
    public int? TopLogProbabilities { get; init; }

    [JsonPropertyName("response_format")]
    public ResponseFormat? ResponseFormat { get; init; }

    [JsonPropertyName("frequency_penalty")]
    public double? FrequencyPenalty { get; init; }

    [JsonPropertyName("presence_penalty")]
    public double? PresencePenalty { get; init; }

    [JsonPropertyName("logit_bias")]
    public IReadOnlyDictionary<string, double>? LogitBias { get; init; }

    [JsonPropertyName("tool_choice")]
    public JsonElement? ToolChoice { get; init; }

    /// <summary>The chat.</summary>
    public GenerationRequest ToChat()
    {
        OpenAILimits.CheckStream(this);
        OpenAILimits.CheckPenalties(FrequencyPenalty, PresencePenalty, LogitBias);
        if (LogProbabilities == true) throw OpenAILimits.NotSupported("logprobs", "log probabilities are not given here");
        if (TopLogProbabilities is not null) throw OpenAILimits.NotSupported("top_logprobs", "log probabilities are not given here");
        // A model may answer without a tool, unless it must call one.
        if (ToolChoice is { } choice && (choice.ValueKind == JsonValueKind.Object || choice is { ValueKind: JsonValueKind.String } && choice.GetString() == "required"))
            throw OpenAILimits.NotSupported("tool_choice", "models here call no tools");
        return ToChat(null, strict: false);
    }

    /// <inheritdoc/>
    protected override SamplingConfig ToSampling()
    {
        var (format, schema) = ResponseFormat?.Check() ?? (null, null);
        return base.ToSampling() with { FrequencyPenalty = FrequencyPenalty ?? 0, PresencePenalty = PresencePenalty ?? 0, ResponseFormat = format, JsonSchema = schema };
    }
}

/// <summary>What OpenAI's completions have besides.</summary>
internal sealed record OpenAICompletionBody : ChatBody
{
    [JsonPropertyName("logprobs")]
    public int? LogProbabilities { get; init; }

    [JsonPropertyName("best_of")]
    public int? BestOf { get; init; }

    [JsonPropertyName("echo")]
    public bool? Echo { get; init; }

    [JsonPropertyName("suffix")]
    public string? Suffix { get; init; }

    [JsonPropertyName("frequency_penalty")]
    public double? FrequencyPenalty { get; init; }

    [JsonPropertyName("presence_penalty")]
    public double? PresencePenalty { get; init; }

    [JsonPropertyName("logit_bias")]
    public IReadOnlyDictionary<string, double>? LogitBias { get; init; }

    // OpenAI's own default.
    protected override int StandardMaxTokens => 16;

    /// <summary>The completions, one for each prompt.</summary>
    public IReadOnlyList<GenerationRequest> ToCompletions()
    {
        OpenAILimits.CheckStream(this);
        OpenAILimits.CheckPenalties(FrequencyPenalty, PresencePenalty, LogitBias);
        if (LogProbabilities is not null) throw OpenAILimits.NotSupported("logprobs", "log probabilities are not given here");
        if (BestOf is { } best && best != Choices) throw OpenAILimits.NotSupported("best_of", "all answers are given, none is chosen");
        if (!string.IsNullOrEmpty(Suffix)) throw OpenAILimits.NotSupported("suffix", "text can't be filled in before it");
        return ToCompletions(null);
    }

    /// <inheritdoc/>
    protected override SamplingConfig ToSampling() => base.ToSampling() with { FrequencyPenalty = FrequencyPenalty ?? 0, PresencePenalty = PresencePenalty ?? 0 };
}

/// <summary>The form that an answer is to have.</summary>
internal sealed record ResponseFormat
{
    [JsonPropertyName("type")]
    public string? Type { get; init; }

    [JsonPropertyName("json_schema")]
    public JsonSchemaFormat? Schema { get; init; }

    /// <summary>The form as the engine calls it, and the schema if there is one.</summary>
    public (string? Format, JsonElement? Schema) Check() => this switch
    {
        { Type: null } => throw PlatformException.Missing("response_format.type"),
        { Type: "text" } => (null, null),
        { Type: "json_object" } => ("json_object", null),
        { Type: "json_schema", Schema: null } => throw PlatformException.Missing("response_format.json_schema"),
        { Type: "json_schema", Schema.Schema: { ValueKind: JsonValueKind.Object } schema } => ("json_schema", schema),
        { Type: "json_schema" } => throw PlatformException.Missing("response_format.json_schema.schema"),
        _ => throw PlatformException.Invalid("response_format.type", "param[response_format.type] invalid: it must be text, json_object or json_schema"),
    };
}

/// <summary>A schema with a name, which is for people.</summary>
internal sealed record JsonSchemaFormat
{
    [JsonPropertyName("schema")]
    public JsonElement? Schema { get; init; }
}

/// <summary>What OpenAI's chat and completions refuse alike.</summary>
internal static class OpenAILimits
{
    public static void CheckStream(ChatBody body)
    {
        if (body is { StreamOptions: not null, Stream: not true })
            throw PlatformException.Invalid("stream_options", "param[stream_options] invalid: it is for streams (stream: true)");
    }

    public static void CheckPenalties(double? frequency, double? presence, IReadOnlyDictionary<string, double>? bias)
    {
        CheckPenalty(frequency, "frequency_penalty");
        CheckPenalty(presence, "presence_penalty");
        if (bias is { Count: > 0 }) throw NotSupported("logit_bias", "single tokens can't be made likelier");
    }

    public static PlatformException NotSupported(string parameter, string reason) =>
        new(PlatformError.NotSupported, $"param[{parameter}] is not supported: {reason}", parameter);

    private static void CheckPenalty(double? penalty, string name)
    {
        if (penalty is < -2 or > 2) throw PlatformException.Invalid(name, $"param[{name}] invalid: it must be between -2 and 2");
    }
}
