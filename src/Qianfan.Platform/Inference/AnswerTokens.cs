using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Inference;

/// <summary>A token whose text the answer shows, whole.</summary>
/// <param name="Token">As the worker told it.</param>
/// <param name="Offset">Where it begins in the answer, in Unicode characters.</param>
internal readonly record struct ShownToken(TokenLogprob Token, int Offset);

/// <summary>Tells which of an answer's tokens are shown. The worker tells tokens when it draws them, but their text only when it is no part of a stop text: one that is held back waits here, and one that a stop text cut off is never told.</summary>
internal sealed class AnswerTokens
{
    private readonly Queue<(ShownToken Token, int End)> _waiting = new();
    private readonly Queue<(int End, int Length)> _characters = new();
    private byte[] _rest = [];
    private int _bytes;
    private int _length;
    private int _count;
    private int _shownLength;
    private int _shownBytes;

    /// <summary>Takes the next line of the answer.</summary>
    /// <returns>Tokens that are shown whole with it and were not before.</returns>
    public IReadOnlyList<ShownToken> Take(DecodedSlot slot)
    {
        if (slot.Logprob is { Bytes: { Count: > 0 } bytes } token)
        {
            // It begins in the character that is not complete yet, if there is one.
            var shown = new ShownToken(token, _count);
            _bytes += bytes.Count;
            Decode([.. _rest, .. bytes.Select(value => (byte)value)]);
            _waiting.Enqueue((shown, _bytes));
        }

        if (slot.FinishReason is not null && _rest.Length > 0) Note(_bytes, 1);
        _shownLength += slot.Text.Length;
        while (_characters.TryPeek(out var character) && character.Length <= _shownLength) _shownBytes = _characters.Dequeue().End;
        if (!_waiting.TryPeek(out var first) || first.End > _shownBytes) return [];
        var told = new List<ShownToken>();
        while (_waiting.TryPeek(out var next) && next.End <= _shownBytes) told.Add(_waiting.Dequeue().Token);
        return told;
    }

    // As the worker decodes: what can't become a character is U+FFFD.
    private void Decode(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0 && Rune.DecodeFromUtf8(bytes, out var rune, out var consumed) is var status and not OperationStatus.NeedMoreData)
        {
            bytes = bytes[consumed..];
            Note(_bytes - bytes.Length, status == OperationStatus.Done ? rune.Utf16SequenceLength : 1);
        }

        _rest = bytes.ToArray();
    }

    private void Note(int end, int length)
    {
        _length += length;
        _count++;
        _characters.Enqueue((end, _length));
    }
}

/// <summary>How OpenAI writes log-probabilities.</summary>
internal static class LogProbabilities
{
    /// <summary>Chat's: one entry for each token, with its alternatives.</summary>
    public static object Chat(IReadOnlyList<ShownToken> tokens) => new
    {
        content = tokens.Select(shown => new
        {
            token = Text(shown.Token, ""),
            logprob = shown.Token.Logprob,
            bytes = shown.Token.Bytes,
            top_logprobs = (shown.Token.Top ?? []).Select(top => new { token = Text(top, ""), logprob = top.Logprob, bytes = top.Bytes is { Count: > 0 } ? top.Bytes : null }),
        }),
        refusal = (object?)null,
    };

    /// <summary>Completions': a list for each thing that there is to know.</summary>
    public static object Completion(IReadOnlyList<ShownToken> tokens) => new
    {
        text_offset = tokens.Select(shown => shown.Offset),
        token_logprobs = tokens.Select(shown => shown.Token.Logprob),
        tokens = tokens.Select(shown => Text(shown.Token, "bytes:")),
        top_logprobs = tokens.Select(shown => Alternatives(shown.Token)),
    };

    // The token itself is always among them. What is written alike counts once.
    private static Dictionary<string, double> Alternatives(TokenLogprob token)
    {
        var result = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var entry in (token.Top ?? []).Append(token)) result.TryAdd(Text(entry, "bytes:"), entry.Logprob);
        return result;
    }

    // A part of a character is told by its bytes: as text, all parts would look alike.
    private static string Text(TokenLogprob token, string prefix)
    {
        byte[] bytes = [.. (token.Bytes ?? []).Select(value => (byte)value)];
        return Utf8.IsValid(bytes) ? token.Token : prefix + string.Concat(bytes.Select(value => $"\\x{value:x2}"));
    }
}
