using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Text;

/// <summary>A <c>tokenizer.json</c> as read and checked. What would cut texts in another way than its makers meant is refused.</summary>
internal sealed record TokenizerJson
{
    public const string FileName = "tokenizer.json";

    /// <summary>How GPT-2 cuts text.</summary>
    public const string PlainPattern = @"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private const string LowerBlock = "\u2581";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Token texts and ids, without added tokens.</summary>
    public required Dictionary<string, int> Vocabulary { get; init; }

    /// <summary>Pairs of token texts, the earliest learnt first.</summary>
    public required IReadOnlyList<(string Left, string Right)> Merges { get; init; }

    public required IReadOnlyList<AddedToken> Added { get; init; }

    /// <summary>Symbols are bytes; otherwise characters, as in SentencePiece.</summary>
    public required bool ByteLevel { get; init; }

    public required bool IgnoreMerges { get; init; }

    public string? UnknownToken { get; init; }

    public bool FuseUnknown { get; init; }

    public required IReadOnlyList<NormalizeStep> Normalizers { get; init; }

    public required IReadOnlyList<SplitStep> Splitters { get; init; }

    /// <summary>The patterns that cut, in order, for those who name the way of cutting.</summary>
    public required IReadOnlyList<string> Patterns { get; init; }

    /// <summary>A word mark is put before the text.</summary>
    public bool PrependsSpace { get; init; }

    /// <summary>Tokens put before a plain text.</summary>
    public IReadOnlyList<int> Before { get; init; } = [];

    /// <summary>Tokens put after a plain text.</summary>
    public IReadOnlyList<int> After { get; init; } = [];

    /// <summary>A text that is decoded from its beginning loses one space there.</summary>
    public bool StripsSpace { get; init; }

    /// <summary>One more than the largest token id.</summary>
    public int Size { get; init; }

    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason.</exception>
    public static TokenizerJson Read(string directory)
    {
        using var document = CheckpointFolder.ReadJson(directory, FileName);
        try
        {
            return new Reader(document.RootElement).Read();
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw Refuse($"it can't be read ({exception.Message})", exception);
        }
    }

    public static EngineException Refuse(string reason, Exception? inner = null) => new(WorkerErrors.InvalidModel, $"{FileName}: {reason}.", inner);

    private sealed class Reader(JsonElement root)
    {
        private readonly List<NormalizeStep> _normalizers = [];
        private readonly List<SplitStep> _splitters = [];
        private readonly List<string> _patterns = [];
        private bool _byteLevel;
        private bool _prependsSpace;
        private bool _decodesSpaces;
        private bool _stripsSpace;

        public TokenizerJson Read()
        {
            var model = root.GetProperty("model");
            if (Text(model, "type") is var type && type != "BPE")
                throw Refuse($"the model type {type} is not supported, only BPE");
            foreach (var name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
            {
                if (!string.IsNullOrEmpty(Text(model, name)))
                    throw Refuse($"{name} is not supported");
            }
            if (Has(model, "dropout") && model.GetProperty("dropout").GetDouble() != 0)
                throw Refuse("dropout is not supported");
            if (Has(root, "normalizer"))
                Normalizer(root.GetProperty("normalizer"));
            if (Has(root, "pre_tokenizer"))
                Splitter(root.GetProperty("pre_tokenizer"));
            Decoder(Has(root, "decoder") ? root.GetProperty("decoder") : default);
            var added = Added();
            var names = added.Select(token => token.Content).ToHashSet(StringComparer.Ordinal);
            var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
            var (largest, least) = (added.Select(token => token.Id).DefaultIfEmpty(-1).Max(), added.Select(token => token.Id).DefaultIfEmpty(0).Min());
            foreach (var entry in model.GetProperty("vocab").EnumerateObject())
            {
                var id = entry.Value.GetInt32();
                (largest, least) = (Math.Max(largest, id), Math.Min(least, id));
                if (!vocabulary.TryAdd(entry.Name, id))
                    throw Refuse($"the token {entry.Name} is there twice");
            }
            if (largest is < 0 or >= 1 << 20 || least < 0)
                throw Refuse("its token ids are out of range");
            var (before, after) = Template(added, vocabulary);
            return new TokenizerJson
            {
                Vocabulary = vocabulary,
                Merges = [.. model.GetProperty("merges").EnumerateArray().Select(Merge)],
                Added = added,
                ByteLevel = _byteLevel,
                IgnoreMerges = Flag(model, "ignore_merges"),
                UnknownToken = Text(model, "unk_token"),
                FuseUnknown = Flag(model, "fuse_unk"),
                Normalizers = _normalizers,
                Splitters = _splitters,
                Patterns = _patterns,
                PrependsSpace = _prependsSpace,
                Before = before,
                After = after,
                StripsSpace = _stripsSpace,
                Size = largest + 1,
            };
        }

        private List<AddedToken> Added()
        {
            var added = new List<AddedToken>();
            if (!Has(root, "added_tokens"))
                return added;
            foreach (var token in root.GetProperty("added_tokens").EnumerateArray())
            {
                var content = token.GetProperty("content").GetString();
                if (string.IsNullOrEmpty(content))
                    throw Refuse("an added token has no text");
                foreach (var name in (string[])["lstrip", "rstrip", "single_word"])
                {
                    if (Flag(token, name))
                        throw Refuse($"{name} of the added token {content} is not supported");
                }
                added.Add(new AddedToken(token.GetProperty("id").GetInt32(), content, Flag(token, "special")));
            }
            return added;
        }

        private void Normalizer(JsonElement step)
        {
            switch (Text(step, "type"))
            {
                case "Sequence":
                    foreach (var inner in step.GetProperty("normalizers").EnumerateArray())
                        Normalizer(inner);
                    break;
                case "NFC":
                    _normalizers.Add(Form(NormalizationForm.FormC));
                    break;
                case "NFKC":
                    _normalizers.Add(Form(NormalizationForm.FormKC));
                    break;
                case "Prepend":
                    _prependsSpace = true;
                    _normalizers.Add(TextSteps.Prepend(Required(step, "prepend")));
                    break;
                case "Replace" when Text(step.GetProperty("pattern"), "String") is { Length: > 0 } pattern:
                    _normalizers.Add(TextSteps.Replace(pattern, Required(step, "content")));
                    break;
                case var type:
                    throw Refuse($"the normalizer {type} is not supported, only NFC, NFKC, Prepend, Replace of a text, and sequences of them");
            }
        }

        /// <summary>Without ICU, .NET leaves text as it is and says nothing.</summary>
        private static NormalizeStep Form(NormalizationForm form) => "e\u0301".Normalize(form) == "\u00e9"
            ? TextSteps.Form(form)
            : throw Refuse("it normalizes to Unicode's composed form, for which this system lacks the ICU library");

        private void Splitter(JsonElement step)
        {
            if (_byteLevel)
                throw Refuse("its pre_tokenizer does not end with ByteLevel");
            switch (Text(step, "type"))
            {
                case "Sequence":
                    foreach (var inner in step.GetProperty("pretokenizers").EnumerateArray())
                        Splitter(inner);
                    break;
                case "Split":
                    var pattern = step.GetProperty("pattern");
                    var expression = Text(pattern, "Regex") ?? Regex.Escape(Text(pattern, "String") ?? throw Refuse("its Split has no pattern"));
                    var behavior = Text(step, "behavior");
                    if (behavior != "Isolated" && !(behavior == "Removed" && Flag(step, "invert")))
                        throw Refuse("its Split does anything else than isolating matches");
                    Cut(expression, matchesOnly: behavior == "Removed");
                    break;
                case "Digits":
                    var individual = Flag(step, "individual_digits");
                    _patterns.Add(individual ? "digit" : "digits");
                    _splitters.Add(TextSteps.Digits(individual));
                    break;
                case "ByteLevel":
                    _byteLevel = true;
                    // Both are on where the file doesn't say.
                    if (Flag(step, "add_prefix_space", otherwise: true))
                    {
                        _prependsSpace = true;
                        _splitters.Add(TextSteps.PrefixSpace());
                    }
                    if (Flag(step, "use_regex", otherwise: true))
                        Cut(PlainPattern, matchesOnly: false);
                    break;
                case "Metaspace":
                    var scheme = Text(step, "prepend_scheme") ?? (Flag(step, "add_prefix_space", otherwise: true) ? "always" : "never");
                    if (scheme is not ("always" or "first" or "never"))
                        throw Refuse($"the prepend_scheme {scheme} of its Metaspace is not supported");
                    _prependsSpace |= scheme != "never";
                    _splitters.Add(TextSteps.Metaspace(Text(step, "replacement") ?? LowerBlock, scheme, Flag(step, "split", otherwise: true)));
                    break;
                case var type:
                    throw Refuse($"the pre_tokenizer {type} is not supported, only ByteLevel, Metaspace, Split, Digits, and sequences of them");
            }
        }

        private void Cut(string expression, bool matchesOnly)
        {
            _patterns.Add(expression);
            _splitters.Add(TextSteps.Split(new Regex(expression, RegexOptions.CultureInvariant, s_patience), matchesOnly));
        }

        /// <summary>The way back must be the one that goes with the way there.</summary>
        private void Decoder(JsonElement decoder)
        {
            foreach (var step in decoder.ValueKind == JsonValueKind.Undefined ? [] : Text(decoder, "type") == "Sequence" ? decoder.GetProperty("decoders").EnumerateArray().ToArray() : [decoder])
            {
                switch (Text(step, "type"))
                {
                    case "ByteLevel" when _byteLevel:
                    case "ByteFallback" or "Fuse" when !_byteLevel:
                        break;
                    case "Replace" when !_byteLevel && Text(step.GetProperty("pattern"), "String") == LowerBlock && Text(step, "content") == " ":
                        _decodesSpaces = true;
                        break;
                    case "Metaspace" when !_byteLevel:
                        _decodesSpaces = true;
                        _stripsSpace = _prependsSpace;
                        break;
                    case "Strip" when !_byteLevel && Text(step, "content") == " " && step.GetProperty("start").GetInt32() == 1 && step.GetProperty("stop").GetInt32() == 0:
                        _stripsSpace = true;
                        break;
                    case var type:
                        throw Refuse($"the decoder {type} does not go with the rest");
                }
            }
            if (!_byteLevel && !_decodesSpaces)
                throw Refuse("only byte-level BPE and SentencePiece's BPE are supported, and it is neither: it has no ByteLevel, and its decoder makes no spaces");
        }

        private (int[] Before, int[] After) Template(List<AddedToken> added, Dictionary<string, int> vocabulary)
        {
            if (!Has(root, "post_processor"))
                return ([], []);
            var processor = root.GetProperty("post_processor");
            var steps = Text(processor, "type") == "Sequence" ? processor.GetProperty("processors").EnumerateArray().ToArray() : [processor];
            List<int> before = [], after = [];
            foreach (var step in steps)
            {
                if (Text(step, "type") == "ByteLevel")
                    continue;
                if (Text(step, "type") != "TemplateProcessing")
                    throw Refuse($"the post_processor {Text(step, "type")} is not supported, only TemplateProcessing and ByteLevel");
                var into = before;
                foreach (var part in step.GetProperty("single").EnumerateArray())
                {
                    if (part.TryGetProperty("Sequence", out _))
                        into = after;
                    else
                        into.Add(Id(Required(part.GetProperty("SpecialToken"), "id")));
                }
            }
            return ([.. before], [.. after]);

            int Id(string name) => added.Find(token => token.Content == name)?.Id ?? (vocabulary.TryGetValue(name, out var id) ? id : throw Refuse($"its post_processor uses {name}, which is no token"));
        }

        /// <summary>A merge is one text with a space in older files and a pair in newer ones.</summary>
        private static (string, string) Merge(JsonElement merge)
        {
            if (merge.ValueKind == JsonValueKind.Array)
                return merge.GetArrayLength() == 2 && merge[0].GetString() is { } left && merge[1].GetString() is { } right ? (left, right) : throw Refuse("a merge is not of two tokens");
            var parts = merge.GetString()?.Split(' ') ?? [];
            return parts.Length == 2 ? (parts[0], parts[1]) : throw Refuse("a merge is not of two tokens");
        }

        private static bool Has(JsonElement element, string name) => element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;

        private static bool Flag(JsonElement element, string name, bool otherwise = false) => Has(element, name) ? element.GetProperty(name).GetBoolean() : otherwise;

        private static string Required(JsonElement element, string name) => Text(element, name) ?? throw Refuse($"{name} is missing or is no text");

        private static string? Text(JsonElement element, string name) =>
            element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }
}
