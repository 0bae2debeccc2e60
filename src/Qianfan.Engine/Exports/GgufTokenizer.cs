using System.Text.Json;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Exports;

/// <summary>Puts a tokenizer and a chat template into llama.cpp's terms.</summary>
internal sealed class GgufTokenizer
{
    private const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6;
    private const string LlamaPattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>llama.cpp has the ways of cutting built in, by name.</summary>
    private static readonly (string Patterns, bool IgnoreMerges, string Name)[] s_names =
    [
        (TokenizerJson.PlainPattern, false, "gpt-2"),
        ("digit\n" + TokenizerJson.PlainPattern, false, "smollm"),
        (LlamaPattern, true, "llama-bpe"),
        (BpeTrainer.Pattern, false, "qwen2"),
    ];

    private readonly TokenizerJson _file;
    private readonly string _directory;
    private readonly int _size;

    /// <exception cref="EngineException">Code <c>invalid_model</c>.</exception>
    public GgufTokenizer(string modelDirectory, int size)
    {
        _file = TokenizerJson.Read(modelDirectory);
        (_directory, _size) = (modelDirectory, size);
        if (_file.Size > size)
            throw Refuse($"it has {_file.Size} tokens, the model only {size}");
    }

    public void AddTo(GgufWriter writer)
    {
        var (tokens, types) = Tokens();
        writer.Add("tokenizer.ggml.model", _file.ByteLevel ? "gpt2" : "llama");
        writer.Add("tokenizer.ggml.pre", _file.ByteLevel ? PreName() : "default");
        writer.Add("tokenizer.ggml.tokens", tokens);
        writer.Add("tokenizer.ggml.token_type", types);
        if (_file.ByteLevel)
            writer.Add("tokenizer.ggml.merges", [.. _file.Merges.Select(merge => $"{merge.Left} {merge.Right}")]);
        else
            writer.Add("tokenizer.ggml.scores", Scores());
        writer.Add("tokenizer.ggml.add_bos_token", _file.Before.Count > 0);
        writer.Add("tokenizer.ggml.add_eos_token", _file.After.Count > 0);
        writer.Add("tokenizer.ggml.add_space_prefix", _file.PrependsSpace);
        using var document = CheckpointFolder.ReadJson(_directory, ChatTemplate.FileName);
        int? first = _file.Before.Count > 0 ? _file.Before[0] : null;
        if ((Named(document.RootElement, "bos_token") ?? first) is { } begin)
            writer.Add("tokenizer.ggml.bos_token_id", begin);
        if (Named(document.RootElement, "eos_token") is { } end)
            writer.Add("tokenizer.ggml.eos_token_id", end);
        else if (StopTokens.Read(_directory) is { Count: > 0 } stops)
            writer.Add("tokenizer.ggml.eos_token_id", stops.First());
        if (Named(document.RootElement, "pad_token") is { } pad)
            writer.Add("tokenizer.ggml.padding_token_id", pad);
        if (ChatTemplate.FindSource(_directory, document.RootElement) is { } template)
            writer.Add("tokenizer.chat_template", template);
    }

    private (string[] Tokens, int[] Types) Tokens()
    {
        var tokens = new string[_size];
        var types = new int[_size];
        for (var id = 0; id < _size; id++)
            (tokens[id], types[id]) = ($"[PAD{id}]", Unused);
        foreach (var (text, id) in _file.Vocabulary)
            (tokens[id], types[id]) = (text, text == _file.UnknownToken ? Unknown : !_file.ByteLevel && text.Length == 6 && text.StartsWith("<0x", StringComparison.Ordinal) ? Byte : Normal);
        foreach (var token in _file.Added)
            (tokens[token.Id], types[token.Id]) = (token.Content, token.Content == _file.UnknownToken ? Unknown : token.Special ? Control : UserDefined);
        return (tokens, types);
    }

    private string PreName()
    {
        var patterns = string.Join('\n', _file.Patterns);
        return Array.Find(s_names, known => known.Patterns == patterns && known.IgnoreMerges == _file.IgnoreMerges).Name
            ?? throw Refuse($"llama.cpp has no way of cutting text that is known to be the same as {patterns.Replace('\n', ' ')}");
    }

    /// <summary>
    /// SentencePiece joins any two tokens whose text together is a token, those with the best score first.
    /// So there must be a merge for every such pair, and the merges must stand in the order of the tokens that they make.
    /// </summary>
    private float[] Scores()
    {
        var scores = new float[_size];
        var pairs = _file.Merges.ToHashSet();
        var last = "";
        var made = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (left, right) in _file.Merges)
        {
            var token = left + right;
            if (token != last && !made.Add(token))
                throw Refuse("its merges are not in the order of tokens, as llama.cpp needs it of SentencePiece vocabularies");
            last = token;
            scores[_file.Vocabulary[token]] = -made.Count;
        }
        var added = _file.Added.Select(token => token.Content).ToHashSet(StringComparer.Ordinal);
        foreach (var token in _file.Vocabulary.Keys)
        {
            if (added.Contains(token) || token.StartsWith("<0x", StringComparison.Ordinal))
                continue;
            for (var at = 1; at < token.Length; at++)
            {
                if (_file.Vocabulary.ContainsKey(token[..at]) && _file.Vocabulary.ContainsKey(token[at..]) && !pairs.Contains((token[..at], token[at..])))
                    throw Refuse($"it has no merge of {token[..at]} and {token[at..]}, which llama.cpp joins in SentencePiece vocabularies");
            }
        }
        return scores;
    }

    private int? Named(JsonElement config, string name)
    {
        if (!config.TryGetProperty(name, out var token))
            return null;
        var text = token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out var content) ? content.ToString() : token.ToString();
        return _file.Added.FirstOrDefault(added => added.Content == text)?.Id;
    }

    private static EngineException Refuse(string reason) => new(WorkerErrors.InvalidModel, $"The tokenizer can't be written as GGUF: {reason}.");
}
