using System.Text.Json;
using Microsoft.Extensions.AI;
using Qianfan.Sdk.Protocol;
using Wire = Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.AI;

/// <summary>From the wire to Microsoft.Extensions.AI.</summary>
internal static class ChatResponses
{
    public static ChatResponse Create(ChatCompletion completion) => new([.. completion.Choices.Select(choice => Message(completion, choice))])
    {
        ResponseId = completion.Id,
        ModelId = completion.Model,
        CreatedAt = Time(completion.Created),
        FinishReason = completion.Choices.Count > 0 ? Reason(completion.Choices[0].FinishReason) : null,
        Usage = Usage(completion.Usage),
        RawRepresentation = completion,
    };

    public static DateTimeOffset? Time(long seconds) => seconds > 0 ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    public static ChatRole? Role(string? role) => role is { Length: > 0 } ? new ChatRole(role) : null;

    public static ChatFinishReason? Reason(string? reason) => reason switch
    {
        null or "" => null,
        "normal" => ChatFinishReason.Stop,
        "function_call" => ChatFinishReason.ToolCalls,
        _ => new ChatFinishReason(reason),
    };

    public static UsageDetails? Usage(TokenUsage? usage) => usage is null ? null : new UsageDetails
    {
        InputTokenCount = usage.PromptTokens,
        OutputTokenCount = usage.CompletionTokens,
        TotalTokenCount = usage.TotalTokens,
    };

    public static IEnumerable<AIContent> Texts(string? thoughts, string? text)
    {
        if (thoughts is { Length: > 0 })
        {
            yield return new TextReasoningContent(thoughts);
        }

        if (text is { Length: > 0 })
        {
            yield return new TextContent(text);
        }
    }

    public static IReadOnlyList<ChatToolCall> ToolCalls(JsonElement? calls) => calls is { ValueKind: JsonValueKind.Array } array
        ? Http.Json.Deserialize(array, ChatToolsJson.Default.IReadOnlyListChatToolCall, "chat")
        : [];

    /// <summary>A call; arguments that are no JSON are left to whoever invokes it, who finds the reason in <see cref="FunctionCallContent.Exception"/>.</summary>
    public static FunctionCallContent Call(string? id, string? name, string? arguments) =>
        FunctionCallContent.CreateFromParsedArguments(arguments ?? "", id ?? name ?? "", name ?? "", Arguments);

    private static IDictionary<string, object?>? Arguments(string json) => json.Length == 0
        ? new Dictionary<string, object?>()
        : JsonSerializer.Deserialize(json, AIJson.Arguments);

    private static Microsoft.Extensions.AI.ChatMessage Message(ChatCompletion completion, ChatChoice choice) => new(
        Role(choice.Message?.Role) ?? ChatRole.Assistant,
        [
            .. Texts(choice.Message?.ReasoningContent, choice.Message?.Content),
            .. ToolCalls(choice.Message?.ToolCalls).Select(call => Call(call.Id, call.Function?.Name, call.Function?.Arguments)),
        ])
    {
        MessageId = completion.Id,
        CreatedAt = Time(completion.Created),
        RawRepresentation = choice,
    };
}
