using System.Text;
using System.Text.RegularExpressions;

namespace Qianfan.Engine.Text;

/// <summary>BPE as <c>tokenizer.json</c> describes it: byte-level (GPT-2, Llama 3, Qwen, SmolLM) or as SentencePiece has it (Llama 1 and 2, Mistral). Thread-safe.</summary>
/// <remarks>Text is not searched for special tokens unless it is asked for: what a user writes can't forge a turn of the conversation.</remarks>
internal sealed class TextTokenizer
{
    private readonly BpeModel _bpe;
    private readonly TokenizerJson _file;
    private readonly AddedTokens _plain;
    private readonly AddedTokens _all;
    private readonly byte[]?[] _bytes;

    private TextTokenizer(TokenizerJson file, BpeModel bpe, byte[]?[] bytes)
    {
        _file = file;
        _bpe = bpe;
        _bytes = bytes;
        _plain = new AddedTokens(file.Added.Where(token => !token.Special));
        _all = new AddedTokens(file.Added);
        SpecialTokens = file.Added.Where(token => token.Special).ToDictionary(token => token.Content, token => token.Id, StringComparer.Ordinal);
        LongestToken = bytes.Max(token => token?.Length ?? 0);
    }

    /// <summary>Bytes of the longest token: a text has at least its bytes divided by this many tokens.</summary>
    public int LongestToken { get; }

    /// <summary>One more than the largest token id.</summary>
    public int Size => _bytes.Length;

    public IReadOnlyDictionary<string, int> SpecialTokens { get; }

    /// <summary>A text that is decoded from its beginning loses one space there.</summary>
    public bool StripsSpace => _file.StripsSpace;

    /// <exception cref="EngineException">Code <c>invalid_model</c>, with the exact reason.</exception>
    public static TextTokenizer Read(string directory) => Of(TokenizerJson.Read(directory));

    /// <inheritdoc cref="Read"/>
    public static TextTokenizer Of(TokenizerJson file)
    {
        int? unknown = null;
        if (file.UnknownToken is { } name)
            unknown = file.Vocabulary.TryGetValue(name, out var id) ? id : file.Added.FirstOrDefault(token => token.Content == name)?.Id ?? throw TokenizerJson.Refuse($"its unk_token {name} is no token");
        BpeModel bpe;
        try
        {
            bpe = new BpeModel(file.Vocabulary, file.Merges, file.ByteLevel, file.IgnoreMerges, unknown, file.FuseUnknown);
        }
        catch (FormatException exception)
        {
            throw TokenizerJson.Refuse(exception.Message, exception);
        }
        if (bpe.MissingByte >= 0 && (file.ByteLevel || unknown is null))
            throw TokenizerJson.Refuse($"the byte {bpe.MissingByte} has no token, so some texts could not be written");
        var bytes = new byte[]?[file.Size];
        foreach (var (text, id) in file.Vocabulary)
            bytes[id] = file.ByteLevel ? ByteAlphabet.ToBytes(text) : Encoding.UTF8.GetBytes(text.Replace('\u2581', ' '));
        if (!file.ByteLevel && bpe.MissingByte < 0)
        {
            for (var value = 0; value < 256; value++)
                bytes[file.Vocabulary[BpeModel.ByteToken((byte)value)]] = [(byte)value];
        }
        foreach (var token in file.Added)
            bytes[token.Id] = token.Special ? null : Encoding.UTF8.GetBytes(token.Content);
        foreach (var (text, id) in file.Vocabulary)
        {
            if (bytes[id] is null && !file.Added.Any(token => token.Id == id))
                throw TokenizerJson.Refuse($"token {id} ({text}) is not byte-level");
        }
        return new TextTokenizer(file, bpe, bytes);
    }

    /// <summary>Token ids of a user's text.</summary>
    /// <param name="text">Any text; halves of characters become U+FFFD.</param>
    /// <param name="place">Where it stands.</param>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: the tokenizer's pattern takes forever on this text.</exception>
    public IReadOnlyList<int> Encode(string text, TextPlace place = TextPlace.First) => Encode(text, _plain, null, place);

    /// <summary>Token ids of a text whose special tokens count.</summary>
    /// <param name="text">The text; its veils are taken out.</param>
    /// <param name="veil">A character that breaks up what looks like a special token and is none.</param>
    /// <param name="place">Where it stands.</param>
    /// <exception cref="EngineException">As <see cref="Encode(string, TextPlace)"/>.</exception>
    public IReadOnlyList<int> EncodeMarkup(string text, char veil, TextPlace place = TextPlace.First) => Encode(text, _all, veil, place);

    /// <summary>Token ids of a plain text to be continued, with what the model expects before and after a text.</summary>
    public IReadOnlyList<int> EncodeWhole(string text) => [.. _file.Before, .. Encode(text), .. _file.After];

    /// <summary>Token ids of a whole text to learn: with what the model expects before one, and the token that ends it.</summary>
    public IReadOnlyList<int> EncodeDocument(string text, int end) => [.. _file.Before, .. Encode(text), end];

    /// <summary>The bytes of a token; none for a special one or an id outside the vocabulary.</summary>
    public ReadOnlySpan<byte> Bytes(int token) => (uint)token < (uint)_bytes.Length ? _bytes[token] : default;

    /// <summary>The text of tokens, without special ones; bytes that are no UTF-8 become U+FFFD.</summary>
    public string Decode(IEnumerable<int> tokens)
    {
        using var buffer = new MemoryStream();
        foreach (var token in tokens)
            buffer.Write(Bytes(token));
        var text = Encoding.UTF8.GetString(buffer.ToArray());
        return StripsSpace && text.StartsWith(' ') ? text[1..] : text;
    }

    /// <summary>Special tokens of a text, in order of their places. Veiled ones don't count.</summary>
    public IEnumerable<(int Start, AddedToken Token)> FindSpecial(string text) =>
        _all.Cut(text).Where(piece => piece.Token is { Special: true }).Select(piece => (piece.Start, piece.Token!));

    private List<int> Encode(string text, AddedTokens added, char? veil, TextPlace place)
    {
        // Halves of a character are no text: what can't be written in UTF-8 is replaced first, as everywhere.
        if (text.AsSpan().IndexOfAnyInRange('\ud800', '\udfff') >= 0)
            text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        var tokens = new List<int>(text.Length / 3 + 1);
        try
        {
            foreach (var (start, length, token) in added.Cut(text))
            {
                if (token is not null)
                {
                    tokens.Add(token.Id);
                    continue;
                }
                var piece = text.Substring(start, length);
                EncodePiece(veil is { } sign ? piece.Replace(sign.ToString(), "", StringComparison.Ordinal) : piece, start > 0 ? TextPlace.AfterToken : place, tokens);
            }
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw TokenizerJson.Refuse("its pattern takes too long on this text", exception);
        }
        return tokens;
    }

    private void EncodePiece(string text, TextPlace place, List<int> tokens)
    {
        foreach (var normalize in _file.Normalizers)
            text = normalize(text, place);
        IEnumerable<string> pieces = text.Length == 0 ? [] : [text];
        foreach (var split in _file.Splitters)
            pieces = pieces.SelectMany(piece => split(piece, place));
        foreach (var piece in pieces)
            _bpe.Encode(piece, tokens);
    }
}
