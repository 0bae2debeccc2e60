using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Qianfan.Platform.Http;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>What OpenAI's chat and completions have besides, alike.</summary>
internal abstract record OpenAIBody : ChatBody
{
    private const int MostBiases = 1024;

    [JsonPropertyName("frequency_penalty")]
    public double? FrequencyPenalty { get; init; }

    [JsonPropertyName("presence_penalty")]
    public double? PresencePenalty { get; init; }

    [JsonPropertyName("logit_bias")]
    public IReadOnlyDictionary<string, double>? LogitBias { get; init; }

    /// <inheritdoc/>
    protected override SamplingConfig ToSampling() => base.ToSampling() with { FrequencyPenalty = FrequencyPenalty ?? 0, PresencePenalty = PresencePenalty ?? 0, LogitBias = Biases() };

    /// <summary>Refuses what neither of them takes.</summary>
    protected void Check()
    {
        if (StreamOptions is not null && Stream is not true)
            throw PlatformException.Invalid("stream_options", "param[stream_options] invalid: it is for streams (stream: true)");
        Within(FrequencyPenalty ?? 0, -2, 2, "frequency_penalty");
        Within(PresencePenalty ?? 0, -2, 2, "presence_penalty");
    }

    private Dictionary<int, double>? Biases()
    {
        if (LogitBias is not { Count: > 0 }) return null;
        if (LogitBias.Count > MostBiases) throw PlatformException.Invalid("logit_bias", $"param[logit_bias] invalid: more than {MostBiases} tokens");
        var biases = new Dictionary<int, double>();
        foreach (var (token, bias) in LogitBias)
        {
            if (!int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var id)) throw PlatformException.Invalid("logit_bias", $"param[logit_bias] invalid: {PlatformException.Shown(token)} is no id of a token");
            biases[id] = Within(bias, -100, 100, "logit_bias");
        }

        return biases;
    }

    protected static PlatformException NotSupported(string parameter, string reason) =>
        new(PlatformError.NotSupported, $"param[{parameter}] is not supported: {reason}", parameter);
}

/// <summary>What OpenAI's chat has besides. What can't be done is refused by name: an answer that left it out would pass for one that has it.</summary>
internal sealed record OpenAIChatBody : OpenAIBody
{
    private const int MostAlternatives = 20;

    [JsonPropertyName("logprobs")]
    public bool? LogProbabilities { get; init; }

    [JsonPropertyName("top_logprobs")]
    public int? TopLogProbabilities { get; init; }

    [JsonPropertyName("response_format")]
    public ResponseFormat? ResponseFormat { get; init; }

    [JsonPropertyName("tool_choice")]
    public JsonElement? ToolChoice { get; init; }

    /// <summary>The chat.</summary>
    public GenerationRequest ToChat()
    {
        Check();
        if (TopLogProbabilities is not null && LogProbabilities != true) throw PlatformException.Invalid("top_logprobs", "param[top_logprobs] invalid: it needs logprobs: true");
        // A model may answer without a tool, unless it must call one.
        if (ToolChoice is { } choice && (choice.ValueKind == JsonValueKind.Object || choice is { ValueKind: JsonValueKind.String } && choice.GetString() == "required"))
            throw NotSupported("tool_choice", "models here call no tools");
        return ToChat(null, strict: false);
    }

    /// <inheritdoc/>
    protected override SamplingConfig ToSampling()
    {
        var (format, schema) = ResponseFormat?.Check() ?? (null, null);
        int? alternatives = LogProbabilities == true ? (int)Within(TopLogProbabilities ?? 0, 0, MostAlternatives, "top_logprobs") : null;
        return base.ToSampling() with { ResponseFormat = format, JsonSchema = schema, Logprobs = alternatives };
    }
}

/// <summary>What OpenAI's completions have besides.</summary>
internal sealed record OpenAICompletionBody : OpenAIBody
{
    // OpenAI's own limit.
    private const int MostAlternatives = 5;

    [JsonPropertyName("logprobs")]
    public int? LogProbabilities { get; init; }

    [JsonPropertyName("best_of")]
    public int? BestOf { get; init; }

    [JsonPropertyName("echo")]
    public bool? Echo { get; init; }

    [JsonPropertyName("suffix")]
    public string? Suffix { get; init; }

    // OpenAI's own default.
    protected override int StandardMaxTokens => 16;

    /// <inheritdoc/>
    protected override SamplingConfig ToSampling() =>
        base.ToSampling() with { Logprobs = LogProbabilities is { } alternatives ? (int)Within(alternatives, 0, MostAlternatives, "logprobs") : null };

    /// <summary>The completions, one for each prompt.</summary>
    public IReadOnlyList<GenerationRequest> ToCompletions()
    {
        Check();
        if (LogProbabilities is not null && Echo == true) throw NotSupported("logprobs", "tokens of a prompt have none here, so it can't be echoed with them");
        if (BestOf is { } best && best != Choices) throw NotSupported("best_of", "all answers are given, none is chosen");
        if (!string.IsNullOrEmpty(Suffix)) throw NotSupported("suffix", "text can't be filled in before it");
        return ToCompletions(null);
    }
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
