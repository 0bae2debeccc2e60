using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Text;

/// <summary>Turns a conversation into tokens, in the form that qianfan-tiny is trained on.</summary>
/// <remarks>
/// A Jinja template is a program. This renderer knows one of them by its text (<see cref="Source"/>) and refuses any other,
/// rather than guess: a model that is asked in the wrong form answers badly without any error.
/// </remarks>
internal sealed class ChatTemplate
{
    public const string FileName = "tokenizer_config.json";
    public const string TurnStart = "<|im_start|>";
    public const string TurnEnd = "<|im_end|>";
    public const string EndOfText = "<|endoftext|>";

    /// <summary>The template as Hugging Face's tools read it.</summary>
    public const string Source =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private readonly TextTokenizer _tokenizer;
    private readonly int _start;
    private readonly int _end;

    public ChatTemplate(TextTokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        if (!tokenizer.SpecialTokens.TryGetValue(TurnStart, out _start) || !tokenizer.SpecialTokens.TryGetValue(TurnEnd, out _end))
            throw new EngineException(WorkerErrors.InvalidModel, $"The tokenizer lacks {TurnStart} or {TurnEnd}, which the chat template uses.");
    }

    /// <summary>The template of a model folder.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: it has none, or another one.</exception>
    public static ChatTemplate Read(string directory, TextTokenizer tokenizer)
    {
        using var document = CheckpointFolder.ReadJson(directory, FileName);
        if (!document.RootElement.TryGetProperty("chat_template", out var template) || template.GetString() is not { Length: > 0 } text)
            throw new EngineException(WorkerErrors.InvalidModel, $"{FileName} has no chat_template.");
        return text.Trim() == Source
            ? new ChatTemplate(tokenizer)
            : throw new EngineException(WorkerErrors.InvalidModel, $"{FileName}: this chat_template is not supported; only that of qianfan-tiny (plain ChatML) is.");
    }

    /// <summary>A conversation up to the point where the assistant speaks.</summary>
    public List<int> Prompt(IReadOnlyList<ChatTurn> turns)
    {
        var tokens = new List<int>();
        foreach (var turn in turns)
            Append(tokens, null, turn);
        tokens.Add(_start);
        tokens.AddRange(_tokenizer.Encode("assistant\n"));
        return tokens;
    }

    /// <summary>A whole conversation, with the weight that each token has as something to be predicted: an assistant's words and the end of its turn count, all else is 0.</summary>
    public (List<int> Tokens, List<float> Weights) Training(IReadOnlyList<ChatTurn> turns)
    {
        var tokens = new List<int>();
        var weights = new List<float>();
        foreach (var turn in turns)
            Append(tokens, weights, turn);
        return (tokens, weights);
    }

    private void Append(List<int> tokens, List<float>? weights, ChatTurn turn)
    {
        tokens.Add(_start);
        // The head is encoded apart in an assistant's turn, since a prompt ends there.
        if (turn.Role == "assistant")
        {
            tokens.AddRange(_tokenizer.Encode("assistant\n"));
            Fill(0);
            tokens.AddRange(_tokenizer.Encode(turn.Content));
            tokens.Add(_end);
            Fill((float)turn.Weight);
        }
        else
        {
            tokens.AddRange(_tokenizer.Encode($"{turn.Role}\n{turn.Content}"));
            tokens.Add(_end);
        }
        tokens.AddRange(_tokenizer.Encode("\n"));
        Fill(0);

        void Fill(float weight)
        {
            while (weights is not null && weights.Count < tokens.Count)
                weights.Add(weight);
        }
    }
}
