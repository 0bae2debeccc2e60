using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Pretraining;

/// <summary>One text of the corpus: plain, or a conversation.</summary>
internal sealed record CorpusDocument(string? Text, IReadOnlyList<ChatTurn>? Messages)
{
    public static CorpusDocument Plain(string text) => new(text, null);

    /// <summary>User and assistant in turn.</summary>
    public static CorpusDocument Chat(params IReadOnlyList<string> turns) =>
        new(null, [.. turns.Select((turn, index) => new ChatTurn(index % 2 == 0 ? "user" : "assistant", turn))]);

    /// <summary>A system turn, then user and assistant in turn.</summary>
    public static CorpusDocument Instructed(string system, params IReadOnlyList<string> turns) =>
        new(null, [new ChatTurn("system", system), .. Chat(turns).Messages!]);
}
