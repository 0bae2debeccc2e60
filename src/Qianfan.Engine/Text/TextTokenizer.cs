using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;
using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Text;

/// <summary>Byte-level BPE as <c>tokenizer.json</c> describes it. Thread-safe.</summary>
/// <remarks>Text is never searched for special tokens: what a user writes can't forge a turn of the conversation.</remarks>
internal sealed class TextTokenizer
{
    public const string FileName = "tokenizer.json";

    /// <summary>How GPT-2 cuts text when a tokenizer.json names no pattern of its own.</summary>
    private const string PlainPattern = @"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private readonly BpeTokenizer _bpe;
    private readonly byte[]?[] _bytes;
    private readonly Dictionary<string, int> _special;

    private TextTokenizer(BpeTokenizer bpe, byte[]?[] bytes, Dictionary<string, int> special)
    {
        _bpe = bpe;
        _bytes = bytes;
        _special = special;
        LongestToken = bytes.Max(token => token?.Length ?? 0);
    }

    /// <summary>Bytes of the longest token: a text has at least its bytes divided by this many tokens.</summary>
    public int LongestToken { get; }

    /// <summary>One more than the largest token id.</summary>
    public int Size => _bytes.Length;

    public IReadOnlyDictionary<string, int> SpecialTokens => _special;

    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason.</exception>
    public static TextTokenizer Read(string directory)
    {
        using var document = CheckpointFolder.ReadJson(directory, FileName);
        try
        {
            return Read(document.RootElement);
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw Refuse($"it can't be read ({exception.Message})", exception);
        }
    }

    /// <summary>Token ids of a text.</summary>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: the tokenizer's pattern takes forever on this text.</exception>
    public IReadOnlyList<int> Encode(string text)
    {
        try
        {
            return text.Length == 0 ? [] : _bpe.EncodeToIds(text, considerPreTokenization: true, considerNormalization: false);
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw Refuse("its pattern takes too long on this text", exception);
        }
    }

    /// <summary>The bytes of a token; none for a special one or an id outside the vocabulary.</summary>
    public ReadOnlySpan<byte> Bytes(int token) => (uint)token < (uint)_bytes.Length ? _bytes[token] : default;

    /// <summary>The text of tokens, without special ones; bytes that are no UTF-8 become U+FFFD.</summary>
    public string Decode(IEnumerable<int> tokens)
    {
        using var buffer = new MemoryStream();
        foreach (var token in tokens)
            buffer.Write(Bytes(token));
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static TextTokenizer Read(JsonElement root)
    {
        var model = root.GetProperty("model");
        if (Text(model, "type") is var type && type != "BPE")
            throw Refuse($"the model type {type} is not supported, only BPE");
        foreach (var name in (string[])["continuing_subword_prefix", "end_of_word_suffix", "unk_token"])
        {
            if (!string.IsNullOrEmpty(Text(model, name)))
                throw Refuse($"{name} is not supported");
        }
        if (model.TryGetProperty("byte_fallback", out var fallback) && fallback.ValueKind == JsonValueKind.True)
            throw Refuse("byte_fallback (SentencePiece) is not supported, only byte-level BPE");
        // The engine runs without ICU, where .NET's Normalize leaves text as it is and says nothing.
        if (root.TryGetProperty("normalizer", out var normalizer) && normalizer.ValueKind != JsonValueKind.Null)
            throw Refuse($"the normalizer {Text(normalizer, "type")} is not supported, only none");
        var pattern = Pattern(root);

        var vocabulary = model.GetProperty("vocab").EnumerateObject().Select(entry => KeyValuePair.Create(entry.Name, entry.Value.GetInt32())).ToList();
        var special = new Dictionary<string, int>(StringComparer.Ordinal);
        if (root.TryGetProperty("added_tokens", out var added) && added.ValueKind == JsonValueKind.Array)
        {
            foreach (var token in added.EnumerateArray())
                special[token.GetProperty("content").GetString() ?? ""] = token.GetProperty("id").GetInt32();
        }
        var plain = vocabulary.Where(entry => !special.ContainsKey(entry.Key)).ToList();
        var largest = plain.Select(entry => entry.Value).Concat(special.Values).DefaultIfEmpty(-1).Max();
        if (largest is < 0 or >= 1 << 20 || plain.Exists(entry => entry.Value < 0) || special.Values.Any(id => id < 0))
            throw Refuse("its token ids are out of range");

        var bytes = new byte[]?[largest + 1];
        foreach (var (token, id) in plain)
            bytes[id] = ByteAlphabet.ToBytes(token) ?? throw Refuse($"token {id} is not byte-level");
        var known = plain.Select(entry => entry.Key).ToHashSet(StringComparer.Ordinal);
        for (var value = 0; value < 256; value++)
        {
            if (!known.Contains(ByteAlphabet.ToChar((byte)value).ToString()))
                throw Refuse($"the byte {value} has no token, so some texts could not be written");
        }
        var options = new BpeOptions(plain)
        {
            Merges = [.. model.GetProperty("merges").EnumerateArray().Select(Merge)],
            ByteLevel = true,
            PreTokenizer = new RegexPreTokenizer(new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(10)), null),
        };
        return new TextTokenizer(BpeTokenizer.Create(options), bytes, special);
    }

    /// <summary>A merge is one text with a space in older files and a pair in newer ones.</summary>
    private static string Merge(JsonElement merge) => merge.ValueKind == JsonValueKind.Array
        ? $"{merge[0].GetString()} {merge[1].GetString()}"
        : merge.GetString() ?? throw Refuse("a merge is null");

    private static string Pattern(JsonElement root)
    {
        if (!root.TryGetProperty("pre_tokenizer", out var step) || step.ValueKind == JsonValueKind.Null)
            throw Refuse("pre_tokenizer is missing; only byte-level BPE is supported");
        var steps = Text(step, "type") == "Sequence" ? step.GetProperty("pretokenizers").EnumerateArray().ToArray() : [step];
        if (Text(steps[^1], "type") != "ByteLevel")
            throw Refuse("its pre_tokenizer does not end with ByteLevel");
        if (steps[^1].TryGetProperty("add_prefix_space", out var prefix) && prefix.ValueKind == JsonValueKind.True)
            throw Refuse("add_prefix_space is not supported");
        var ownPattern = !steps[^1].TryGetProperty("use_regex", out var useRegex) || useRegex.ValueKind != JsonValueKind.False;
        if (steps.Length == 1 && ownPattern)
            return PlainPattern;
        if (steps.Length != 2 || ownPattern || Text(steps[0], "type") != "Split")
            throw Refuse("its pre_tokenizer is neither ByteLevel nor Split followed by ByteLevel");
        if (Text(steps[0], "behavior") != "Isolated" || steps[0].TryGetProperty("invert", out var invert) && invert.ValueKind == JsonValueKind.True)
            throw Refuse("its Split does anything else than isolating matches");
        return Text(steps[0].GetProperty("pattern"), "Regex") ?? throw Refuse("its Split has no Regex");
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static EngineException Refuse(string reason, Exception? inner = null) => new(WorkerErrors.InvalidModel, $"{FileName}: {reason}.", inner);
}
