using System.Text.Json.Serialization;

namespace Qianfan.Portal.Features.Console;

/// <summary>Which model answers.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ConsoleSide>))]
public enum ConsoleSide
{
    /// <summary>The service's own.</summary>
    Tuned,

    /// <summary>The one that it was trained from.</summary>
    Base,
}

/// <summary>A turn of a conversation in the console.</summary>
/// <param name="Role">user or assistant.</param>
/// <param name="Content">The text.</param>
public sealed record ConsoleMessage(string Role, string Content);

/// <summary>A question from the console: a conversation, or a prompt to complete.</summary>
public sealed record ConsoleRequest
{
    /// <summary>The service.</summary>
    public Guid ServiceId { get; init; }

    /// <summary>Its own model, or the base model beside it.</summary>
    public ConsoleSide Side { get; init; }

    /// <summary>The conversation, ending with the question; null for a completion.</summary>
    public IReadOnlyList<ConsoleMessage>? Messages { get; init; }

    /// <summary>The prompt of a completion; null for a conversation.</summary>
    public string? Prompt { get; init; }

    /// <summary>What the model is told before the conversation.</summary>
    public string? System { get; init; }

    /// <summary>0 to 2.</summary>
    public double? Temperature { get; init; }

    /// <summary>Above 0 to 1.</summary>
    public double? TopP { get; init; }

    /// <summary>Most tokens of the answer, at least 1.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Makes sampling repeatable.</summary>
    public long? Seed { get; init; }
}

/// <summary>What the stream of an answer tells. Event <c>text</c> carries a piece of it; <c>done</c> ends it; <c>error</c> ends it too, and what came before stays valid.</summary>
public sealed record ConsoleEvent
{
    /// <summary>New text.</summary>
    public string? Text { get; init; }

    /// <summary>stop or length.</summary>
    public string? FinishReason { get; init; }

    /// <summary>Tokens of the question.</summary>
    public int? PromptTokens { get; init; }

    /// <summary>Tokens of the answer.</summary>
    public int? CompletionTokens { get; init; }

    /// <summary>Code of the error.</summary>
    public string? Code { get; init; }

    /// <summary>The error in the reader's language.</summary>
    public string? Message { get; init; }
}
