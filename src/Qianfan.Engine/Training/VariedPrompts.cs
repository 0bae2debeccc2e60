using System.Text;
using Qianfan.Engine.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>
/// Leaves words out of what users say, anew in each epoch, and puts some of it the other way round, so that an answer hangs on all words of its question and not on one exact wording.
/// Answers and instructions stay whole, and so does about every second question.
/// The words follow from the seed, the epoch and the row.
/// </summary>
internal sealed class VariedPrompts(IReadOnlyList<TrainingRow> rows, ChatTemplate template, double share, int maxLength, long seed)
{
    private const double TurnedShare = 0.4;

    /// <summary>A row as an epoch sees it; null when it is whole.</summary>
    public EncodedRow? At(int epoch, int row)
    {
        var random = new SeededRandom(seed, -4 - ((long)epoch << 32 | (uint)row));
        if (random.Next(2) == 0)
            return null;
        var messages = rows[row].Messages.Select(turn => turn.Role == "user" ? turn with { Content = Without(turn.Content, random) } : turn).ToList();
        return TrainingRows.Encode(messages, template, maxLength, out _);
    }

    /// <summary>A word is a run of letters and digits with the blanks after it; a Chinese character is one by itself.</summary>
    private string Without(string text, SeededRandom random)
    {
        var kept = new StringBuilder(text.Length);
        var words = 0;
        for (var at = 0; at < text.Length;)
        {
            var end = at + 1;
            if (char.IsLetterOrDigit(text[at]))
            {
                while (end < text.Length && text[at] < '\u2e80' && text[end] < '\u2e80' && (char.IsLetterOrDigit(text[end]) || text[end] == '\''))
                    end++;
                var whole = end;
                while (end < text.Length && text[end] == ' ')
                    end++;
                if (random.NextDouble() >= share)
                {
                    kept.Append(text, at, end - at);
                    words++;
                }
                else if (end == text.Length || !char.IsLetterOrDigit(text[end]))
                {
                    kept.Append(text, whole, end - whole);
                }
            }
            else
            {
                kept.Append(text[at]);
            }
            at = end;
        }
        var left = words > 0 ? kept.ToString() : text;
        return random.NextDouble() < TurnedShare ? Turned(left, random) : left;
    }

    /// <summary>The end first.</summary>
    private static string Turned(string text, SeededRandom random)
    {
        var blanks = Enumerable.Range(0, text.Length).Where(at => text[at] == ' ' && at > 0 && at < text.Length - 1).ToList();
        if (blanks.Count == 0)
            return text;
        var cut = random.Pick(blanks);
        var end = text[(cut + 1)..].TrimEnd('?', '.');
        return $"{end} {text[..cut]}{text[(cut + 1 + end.Length)..]}";
    }
}
