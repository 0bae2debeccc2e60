using System.Text;
using Microsoft.Extensions.AI;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.AI;

/// <summary>Turns chunks into updates. Function calls come in pieces; they are told when all of them are whole. For one answer.</summary>
internal sealed class ChatResponseStream
{
    private readonly SortedDictionary<int, FunctionCall> _calls = [];
    private string? _id;
    private string? _model;
    private DateTimeOffset? _createdAt;
    private ChatRole? _role;
    private ChatFinishReason? _finishReason;

    public ChatResponseUpdate Next(ChatCompletionChunk chunk)
    {
        _id ??= chunk.Id;
        _model ??= chunk.Model;
        _createdAt ??= ChatResponses.Time(chunk.Created);
        var choice = chunk.Choices.Count > 0 ? chunk.Choices[0] : null;
        _role ??= ChatResponses.Role(choice?.Delta?.Role);
        _finishReason ??= ChatResponses.Reason(choice?.FinishReason);
        foreach (var piece in ChatResponses.ToolCalls(choice?.Delta?.ToolCalls))
        {
            Collect(piece);
        }

        var update = Update([.. ChatResponses.Texts(choice?.Delta?.ReasoningContent, choice?.Delta?.Content)]);
        update.RawRepresentation = chunk;
        if (ChatResponses.Usage(chunk.Usage) is { } usage)
        {
            update.Contents.Add(new UsageContent(usage));
        }

        return update;
    }

    /// <summary>The function calls that the answer asks for, or null.</summary>
    public ChatResponseUpdate? FunctionCalls() => _calls.Count == 0
        ? null
        : Update([.. _calls.Values.Select(call => ChatResponses.Call(call.Id, call.Name, call.Arguments.ToString()))]);

    private ChatResponseUpdate Update(IList<AIContent> contents) => new(_role ?? ChatRole.Assistant, contents)
    {
        ResponseId = _id,
        MessageId = _id,
        ModelId = _model,
        CreatedAt = _createdAt,
        FinishReason = _finishReason,
    };

    private void Collect(ChatToolCall piece)
    {
        // Without an index a piece with an id begins a call, one without goes on with the last.
        var index = piece.Index ?? (piece.Id is { Length: > 0 } ? _calls.Count : Math.Max(0, _calls.Count - 1));
        if (!_calls.TryGetValue(index, out var call))
        {
            _calls[index] = call = new FunctionCall();
        }

        call.Id ??= piece.Id;
        call.Name ??= piece.Function?.Name;
        call.Arguments.Append(piece.Function?.Arguments);
    }

    private sealed class FunctionCall
    {
        public string? Id { get; set; }

        public string? Name { get; set; }

        public StringBuilder Arguments { get; } = new();
    }
}
