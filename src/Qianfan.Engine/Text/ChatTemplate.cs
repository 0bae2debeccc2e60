using System.Text.Json;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Text.Templates;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Text;

/// <summary>Turns a conversation into tokens by the chat template that the model comes with. Thread-safe.</summary>
/// <remarks>
/// Only what the template itself writes can be a special token: what stands in a turn and looks like one is veiled while the template runs, and is text.
/// An answer begins where a prompt for it ends, and ends with the special token that the template writes after it.
/// </remarks>
internal sealed class ChatTemplate
{
    public const string FileName = "tokenizer_config.json";
    private const string TemplateFile = "chat_template.jinja";
    public const string TurnStart = "<|im_start|>";
    public const string TurnEnd = "<|im_end|>";
    public const string EndOfText = "<|endoftext|>";

    /// <summary>The template of the models that this engine makes: ChatML.</summary>
    public const string Source =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private readonly TextTokenizer _tokenizer;
    private readonly JinjaTemplate _template;
    private readonly Dictionary<string, object?> _names;

    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="source">The template.</param>
    /// <param name="names">Special tokens by the name that a template has for them, such as <c>bos_token</c>.</param>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: the template uses what is not supported.</exception>
    public ChatTemplate(TextTokenizer tokenizer, string source = Source, IReadOnlyDictionary<string, string>? names = null)
    {
        _tokenizer = tokenizer;
        Text = source;
        _names = (names ?? new Dictionary<string, string>()).ToDictionary(entry => entry.Key, entry => (object?)entry.Value, StringComparer.Ordinal);
        try
        {
            _template = new JinjaTemplate(source);
        }
        catch (TemplateException exception)
        {
            throw Refuse(exception.Message, exception);
        }
    }

    /// <summary>The special token that the template writes after an answer, or null if there is none or it can't be found out.</summary>
    public int? AnswerEnd()
    {
        try
        {
            var (tokens, weights) = Training([new ChatTurn("user", "a"), new ChatTurn("assistant", "b")]);
            var last = weights.FindLastIndex(weight => weight > 0);
            return last >= 0 && _tokenizer.SpecialTokens.Values.Contains(tokens[last]) ? tokens[last] : null;
        }
        catch (EngineException)
        {
            // Whoever asks with a conversation hears why.
            return null;
        }
    }

    /// <summary>The same of a model folder, whose files may be of a kind that is not known here: null then, too.</summary>
    /// <param name="directory">The model.</param>
    /// <param name="tokenizer">Its tokenizer, if that has been read.</param>
    public static int? AnswerEnd(string directory, TextTokenizer? tokenizer = null)
    {
        try
        {
            return Read(directory, tokenizer ?? TextTokenizer.Read(directory)).AnswerEnd();
        }
        catch (EngineException)
        {
            // No conversation was had with it here, or none will be: whoever wants one hears why.
            return null;
        }
    }

    /// <summary>The template as it stands in the model's folder.</summary>
    public string Text { get; }

    /// <summary>The template of a model folder.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: it has none, or one that uses what is not supported.</exception>
    public static ChatTemplate Read(string directory, TextTokenizer tokenizer)
    {
        using var document = CheckpointFolder.ReadJson(directory, FileName);
        var root = document.RootElement;
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in (string[])["bos_token", "eos_token", "pad_token", "unk_token"])
        {
            if (root.TryGetProperty(name, out var token) && (token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out var content) ? content : token) is { ValueKind: JsonValueKind.String } text)
                names[name] = text.GetString()!;
        }
        return new ChatTemplate(tokenizer, FindSource(directory, root) ?? throw new EngineException(WorkerErrors.InvalidModel, $"{FileName} has no chat_template."), names);
    }

    /// <summary>The template's text, or null if the model comes with none.</summary>
    public static string? FindSource(string directory, JsonElement config)
    {
        // Newer folders keep it in a file of its own.
        var path = Path.Combine(directory, TemplateFile);
        if (File.Exists(path))
            return CheckpointFolder.ReadText(directory, TemplateFile);
        if (!config.TryGetProperty("chat_template", out var template))
            return null;
        if (template.ValueKind == JsonValueKind.Array)
        {
            // Several with names: the one for plain conversations.
            foreach (var entry in template.EnumerateArray())
            {
                if (entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("name", out var name) && name.ToString() == "default" && entry.TryGetProperty("template", out template))
                    break;
            }
        }
        return template.ValueKind == JsonValueKind.String && template.GetString() is { Length: > 0 } source ? source : null;
    }

    /// <summary>A conversation up to the point where the assistant speaks.</summary>
    /// <exception cref="EngineException">Code <c>invalid_argument</c>: the template refuses the conversation.</exception>
    public List<int> Prompt(IReadOnlyList<ChatTurn> turns)
    {
        var veil = Veil(turns);
        var text = Render(turns, veil, prompt: true);
        return Encode(text, veil, [.. Starts(turns, veil, text, from: 1)]).Tokens;
    }

    /// <summary>A whole conversation, with the weight that each token has as something to be predicted: an assistant's words and the end of its turn count, all else is 0.</summary>
    /// <exception cref="EngineException">Code <c>invalid_argument</c>: the template refuses the conversation, or the answers can't be found in what it writes.</exception>
    public (List<int> Tokens, List<float> Weights) Training(IReadOnlyList<ChatTurn> turns)
    {
        var veil = Veil(turns);
        var text = Render(turns, veil, prompt: false);
        var starts = Starts(turns, veil, text, from: 0).ToDictionary(start => start.Turn, start => start.At);
        var answers = new List<(int Turn, int Start, int End)>();
        for (var turn = 0; turn < turns.Count; turn++)
        {
            if (turns[turn].Role != "assistant")
                continue;
            if (!starts.TryGetValue(turn, out var start))
                throw new EngineException(WorkerErrors.InvalidArgument, $"The chat template does not write turn {turn + 1} as it asks for it, so the answer can't be told from the rest.");
            answers.Add((turn, start, End(text, start)));
        }
        var (tokens, places) = Encode(text, veil, [.. answers.SelectMany(answer => new[] { (answer.Turn, answer.Start), (answer.Turn, answer.End) })]);
        var weights = new float[tokens.Count];
        foreach (var (turn, start, end) in answers)
            weights.AsSpan(places[start]..places[end]).Fill((float)turns[turn].Weight);
        return (tokens, [.. weights]);
    }

    /// <summary>Where in a text each answer begins. One that can't be found is left out.</summary>
    private IEnumerable<(int Turn, int At)> Starts(IReadOnlyList<ChatTurn> turns, char veil, string text, int from)
    {
        for (var turn = from; turn < turns.Count; turn++)
        {
            if (turns[turn].Role == "assistant" && Start(turns, turn, veil, text) is { } start)
                yield return (turn, start);
        }
    }

    /// <summary>An answer begins where the prompt for it ends.</summary>
    private int? Start(IReadOnlyList<ChatTurn> turns, int turn, char veil, string text)
    {
        var before = turns.Take(turn).ToList();
        var prompt = Render(before, veil, prompt: true);
        if (text.StartsWith(prompt, StringComparison.Ordinal))
            return prompt.Length;
        // The template writes earlier turns in another way once there are later ones. Another answer in its place shows where it stands,
        // and the prompt's own answer how much the template writes before it.
        var probe = new ChatTurn("assistant", new string(veil, 2));
        var whole = Render([.. before, probe, .. turns.Skip(turn + 1)], veil, prompt: false);
        if (whole.IndexOf(probe.Content, StringComparison.Ordinal) is not (>= 0 and var at) || !text.StartsWith(whole[..at], StringComparison.Ordinal))
            return null;
        var answered = Render([.. before, probe], veil, prompt: false);
        var lead = answered.StartsWith(prompt, StringComparison.Ordinal) && answered.IndexOf(probe.Content, StringComparison.Ordinal) is >= 0 and var end ? answered[prompt.Length..end] : "";
        return whole[..at].EndsWith(lead, StringComparison.Ordinal) ? at - lead.Length : at;
    }

    /// <summary>An answer ends with the first special token that the template writes after it.</summary>
    private int End(string text, int start)
    {
        foreach (var (at, token) in _tokenizer.FindSpecial(text[start..]))
            return start + at + token.Content.Length;
        return text.Length;
    }

    /// <summary>Tokens of a text that is cut at some places, and how many of them lie before each of these.</summary>
    private (List<int> Tokens, Dictionary<int, int> Places) Encode(string text, char veil, IReadOnlyList<(int Turn, int At)> cuts)
    {
        var tokens = new List<int>();
        var places = new Dictionary<int, int>();
        var from = 0;
        foreach (var (_, at) in cuts.Append((0, text.Length)))
        {
            tokens.AddRange(_tokenizer.EncodeMarkup(text[from..at], veil, from == 0 ? TextPlace.First : EndsWithSpecial(text, from) ? TextPlace.AfterToken : TextPlace.Continues));
            places[at] = tokens.Count;
            from = at;
        }
        return (tokens, places);
    }

    private bool EndsWithSpecial(string text, int at) => _tokenizer.SpecialTokens.Keys.Any(token => text.AsSpan(0, at).EndsWith(token, StringComparison.Ordinal));

    private string Render(IReadOnlyList<ChatTurn> turns, char veil, bool prompt)
    {
        var values = new Dictionary<string, object?>(_names, StringComparer.Ordinal)
        {
            ["messages"] = turns.Select(turn => (object?)new Dictionary<string, object?>(StringComparer.Ordinal) { ["role"] = turn.Role, ["content"] = Hide(turn.Content, veil) }).ToList(),
            ["add_generation_prompt"] = prompt,
            ["tools"] = null,
            ["documents"] = null,
        };
        try
        {
            return _template.Render(values);
        }
        catch (TemplateRefusal refusal)
        {
            throw new EngineException(WorkerErrors.InvalidArgument, $"The model's chat template refuses the conversation: {refusal.Message}", refusal);
        }
        catch (Exception exception) when (exception is TemplateException or ArgumentException or InvalidCastException or InsufficientExecutionStackException)
        {
            throw Refuse(exception.Message, exception);
        }
    }

    /// <summary>Breaks up what looks like a special token, until nothing does: one may stand within another.</summary>
    private string Hide(string content, char veil)
    {
        while (_tokenizer.FindSpecial(content).ToList() is { Count: > 0 } found)
        {
            for (var i = found.Count - 1; i >= 0; i--)
                content = content.Insert(found[i].Start + 1, veil.ToString());
        }
        return content;
    }

    /// <summary>A character that no turn has: one of those that Unicode keeps for no use.</summary>
    private static char Veil(IReadOnlyList<ChatTurn> turns)
    {
        for (var veil = '\ufdd0'; veil <= '\ufdef'; veil++)
        {
            if (!turns.Any(turn => turn.Content.Contains(veil, StringComparison.Ordinal)))
                return veil;
        }
        throw new EngineException(WorkerErrors.InvalidArgument, "The conversation holds all 32 characters that Unicode keeps for no use.");
    }

    private static EngineException Refuse(string reason, Exception inner) => new(WorkerErrors.InvalidModel, $"The chat template can't be used: {reason}.", inner);
}
