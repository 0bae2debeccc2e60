using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Qianfan.Sdk.Protocol;
using Wire = Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.AI;

/// <summary>From Microsoft.Extensions.AI to the wire.</summary>
internal static class ChatRequests
{
    /// <summary>The body for a conversation. What the caller's own body sets already is kept.</summary>
    /// <exception cref="NotSupportedException">Something in it has no place on the wire.</exception>
    public static ChatCompletionRequest Create(IChatClient client, string model, IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options)
    {
        var own = options?.RawRepresentationFactory?.Invoke(client) as ChatCompletionRequest;
        IReadOnlyList<Wire.ChatMessage> conversation = [.. Instructions(options), .. messages.SelectMany(Messages)];
        var request = own is null
            ? new ChatCompletionRequest { Model = options?.ModelId ?? model, Messages = conversation }
            : own with { Messages = conversation };
        if (options is null)
        {
            return request;
        }

        if (options.ConversationId is not null)
        {
            throw new NotSupportedException("Qianfan keeps no conversations: leave ConversationId out and send the whole conversation.");
        }

        request.Temperature ??= Exact(options.Temperature);
        request.TopP ??= Exact(options.TopP);
        request.TopK ??= options.TopK;
        request.FrequencyPenalty ??= Exact(options.FrequencyPenalty);
        request.PresencePenalty ??= Exact(options.PresencePenalty);
        request.MaxCompletionTokens ??= options.MaxOutputTokens;
        request.Stop ??= options.StopSequences is { Count: > 0 } stop ? [.. stop] : null;
        request.Seed ??= options.Seed;
        request.ResponseFormat ??= Format(options.ResponseFormat);
        if (options.Tools is { Count: > 0 } tools)
        {
            request.Tools ??= Tools(tools);
            request.ToolChoice ??= Choice(options.ToolMode);
            request.ParallelToolCalls ??= options.AllowMultipleToolCalls;
        }

        AdditionalMembers.Apply(request, options.AdditionalProperties);
        return request;
    }

    private static IEnumerable<Wire.ChatMessage> Instructions(ChatOptions? options) =>
        options?.Instructions is { Length: > 0 } instructions ? [Wire.ChatMessage.System(instructions)] : [];

    private static IEnumerable<Wire.ChatMessage> Messages(Microsoft.Extensions.AI.ChatMessage message)
    {
        var results = message.Contents.OfType<FunctionResultContent>().ToList();
        foreach (var result in results)
        {
            yield return new Wire.ChatMessage { Role = "tool", ToolCallId = result.CallId, Content = Text(result) };
        }

        var calls = message.Contents.OfType<FunctionCallContent>().ToList();
        var texts = new List<string>();
        foreach (var content in message.Contents)
        {
            switch (content)
            {
                case TextContent text:
                    texts.Add(text.Text);
                    break;
                case FunctionResultContent or FunctionCallContent:
                // Thoughts of an earlier answer are not part of the question, nor is what it cost.
                case TextReasoningContent or UsageContent:
                    break;
                default:
                    throw new NotSupportedException($"A message holds {content.GetType().Name}. Qianfan's chat takes text, function calls and function results.");
            }
        }

        if (texts.Count > 0 || calls.Count > 0 || results.Count == 0)
        {
            yield return new Wire.ChatMessage
            {
                Role = message.Role.Value,
                Name = message.AuthorName,
                Content = texts.Count > 0 || calls.Count == 0 ? string.Concat(texts) : null,
                ToolCalls = calls.Count > 0 ? Calls(calls) : null,
            };
        }
    }

    private static JsonElement Calls(IEnumerable<FunctionCallContent> calls) => JsonSerializer.SerializeToElement(
        [
            .. calls.Select(call => new ChatToolCall
            {
                Id = call.CallId,
                Type = "function",
                Function = new ChatFunctionCall
                {
                    Name = call.Name,
                    Arguments = JsonSerializer.Serialize(call.Arguments ?? new Dictionary<string, object?>(), AIJson.Arguments),
                },
            }),
        ],
        ChatToolsJson.Default.IReadOnlyListChatToolCall);

    private static string Text(FunctionResultContent result) => result.Result switch
    {
        null => "",
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } element => element.GetString()!,
        var value => AIJson.ToText(value, $"the result of call {result.CallId}"),
    };

    private static JsonElement Tools(IEnumerable<AITool> tools) => JsonSerializer.SerializeToElement(
        [
            .. tools.Select(tool => tool is AIFunctionDeclaration function
                ? new ChatTool { Function = new ChatToolFunction { Name = function.Name, Description = function.Description, Parameters = function.JsonSchema } }
                : throw new NotSupportedException($"The tool {tool.Name} is a {tool.GetType().Name}. Qianfan's chat takes functions.")),
        ],
        ChatToolsJson.Default.IReadOnlyListChatTool);

    private static JsonElement? Choice(ChatToolMode? mode) => mode switch
    {
        null => null,
        AutoChatToolMode => Word("auto"),
        NoneChatToolMode => Word("none"),
        RequiredChatToolMode { RequiredFunctionName: null } => Word("required"),
        RequiredChatToolMode { RequiredFunctionName: { } name } => JsonSerializer.SerializeToElement(new ChatToolChoice { Function = new ChatFunctionCall { Name = name } }, ChatToolsJson.Default.ChatToolChoice),
        _ => throw new NotSupportedException($"Unknown tool mode {mode.GetType().Name}."),
    };

    private static JsonElement? Format(ChatResponseFormat? format) => format switch
    {
        null => null,
        ChatResponseFormatText => Format(new ChatAnswerFormat { Type = "text" }),
        ChatResponseFormatJson { Schema: null } => Format(new ChatAnswerFormat { Type = "json_object" }),
        ChatResponseFormatJson { Schema: { } schema } json => Format(new ChatAnswerFormat
        {
            Type = "json_schema",
            JsonSchema = new ChatJsonSchema { Name = json.SchemaName ?? "answer", Description = json.SchemaDescription, Schema = schema },
        }),
        _ => throw new NotSupportedException($"Unknown response format {format.GetType().Name}."),
    };

    private static JsonElement Format(ChatAnswerFormat format) => JsonSerializer.SerializeToElement(format, ChatToolsJson.Default.ChatAnswerFormat);

    private static JsonElement Word(string word) => JsonSerializer.SerializeToElement(word, ChatToolsJson.Default.String);

    // 0.1f goes out as 0.1, not as 0.10000000149.
    private static double? Exact(float? value) => value is { } v ? double.Parse(v.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : null;
}
