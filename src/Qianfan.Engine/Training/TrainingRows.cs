using System.Security.Cryptography;
using System.Text.Json;
using Qianfan.Engine.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>The rows of a training as tokens, split into those that are trained on and those that are held out.</summary>
internal sealed record TrainingRows(IReadOnlyList<EncodedRow> Train, IReadOnlyList<EncodedRow> Validation, int Truncated, int Useless, string Hash)
{
    /// <summary>What <see cref="Train"/> was made from, in its order: conversations. Null where the rows are texts.</summary>
    public required IReadOnlyList<TrainingRow>? Conversations { get; init; }

    /// <summary>Whether the rows are texts without form, each learnt whole.</summary>
    public bool AreTexts => Conversations is null;

    /// <summary>SHA-256 of the rows for the validation, where they have a file of their own.</summary>
    public string? ValidationHash { get; init; }

    /// <summary>Reads the rows for training and those for the validation out of files of their own.</summary>
    /// <exception cref="EngineException">Code <c>no_rows</c> or <c>invalid_argument</c> (which line, and why).</exception>
    public static TrainingRows Read(string path, string validationPath, RowEncoder encoder, int maxLength, long seed)
    {
        var rows = Read(path, encoder, maxLength, 0, seed);
        var held = Read(validationPath, encoder, maxLength, 0, seed);
        if (rows.AreTexts != held.AreTexts)
            throw new EngineException(WorkerErrors.InvalidArgument, $"The rows for the validation are {Kind(held.AreTexts)} and those to train on {Kind(rows.AreTexts)}: a training takes one kind of rows.");
        return rows with { Validation = held.Train, Truncated = rows.Truncated + held.Truncated, Useless = rows.Useless + held.Useless, ValidationHash = held.Hash };
    }

    /// <summary>Reads a rows file.</summary>
    /// <exception cref="EngineException">Code <c>no_rows</c> or <c>invalid_argument</c> (which line, and why).</exception>
    public static TrainingRows Read(string path, RowEncoder encoder, int maxLength, double validationPercent, long seed)
    {
        var rows = new List<EncodedRow>();
        List<TrainingRow>? conversations = null;
        int truncated = 0, useless = 0, number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0)
                continue;
            var row = Row(line, number);
            if (rows.Count + useless == 0)
                conversations = row.Text is null ? [] : null;
            else if ((row.Text is null) != (conversations is not null))
                throw new EngineException(WorkerErrors.InvalidArgument, $"Row {number} of the rows file is not like those before it, which are {Kind(conversations is null)}: a training takes one kind of rows.");
            var cut = false;
            var encoded = row.Text is { } text ? encoder.Text(text) : Encode(row.Messages, encoder.Template, maxLength, out cut);
            truncated += cut ? 1 : 0;
            if (encoded is null)
            {
                useless++;
                continue;
            }
            rows.Add(encoded);
            conversations?.Add(row);
        }
        if (rows.Count == 0)
        {
            throw new EngineException(WorkerErrors.NoRows, number == 0 ? $"The rows file {Path.GetFileName(path)} is empty."
                : conversations is null ? $"None of the {number} rows of {Path.GetFileName(path)} has any text."
                : $"None of the {number} rows of {Path.GetFileName(path)} has an answer to learn within {maxLength} tokens.");
        }
        var order = Enumerable.Range(0, rows.Count).ToArray();
        new SeededRandom(seed, -3).Shuffle(order.AsSpan());
        var held = validationPercent > 0 && rows.Count > 1 ? Math.Clamp((int)Math.Round(rows.Count * validationPercent / 100), 1, rows.Count - 1) : 0;
        using var stream = File.OpenRead(path);
        return new TrainingRows([.. order[held..].Order().Select(row => rows[row])], [.. order[..held].Order().Select(row => rows[row])], truncated, useless,
            Convert.ToHexStringLower(SHA256.HashData(stream)))
        {
            Conversations = conversations is null ? null : [.. order[held..].Order().Select(row => conversations[row])],
        };
    }

    private static string Kind(bool texts) => texts ? "texts" : "conversations";

    /// <summary>A conversation as tokens, cut at the right; null when no answer is left to learn.</summary>
    public static EncodedRow? Encode(IReadOnlyList<ChatTurn> messages, ChatTemplate template, int maxLength, out bool cut)
    {
        var (tokens, weights) = template.Training(messages);
        cut = tokens.Count > maxLength;
        if (cut)
        {
            tokens.RemoveRange(maxLength, tokens.Count - maxLength);
            weights.RemoveRange(maxLength, weights.Count - maxLength);
        }
        return weights.Exists(weight => weight > 0) ? new EncodedRow(tokens, weights) : null;
    }

    /// <summary>The row of a line.</summary>
    /// <exception cref="EngineException">Code <c>invalid_argument</c>: it is none.</exception>
    public static TrainingRow Row(string line, long number)
    {
        try
        {
            var row = WorkerLine.ReadRow(line);
            if (row.Text is not null)
                return row;
            foreach (var turn in row.Messages ?? throw new JsonException("messages is missing"))
            {
                if (turn is null || turn.Content is null || turn.Role is not ("system" or "user" or "assistant"))
                    throw new JsonException("a turn has no content or a role other than system, user and assistant");
                if (turn.Weight is not (>= 0 and <= 1000))
                    throw new JsonException($"the weight {turn.Weight} is not from 0 to 1000");
            }
            return row;
        }
        catch (JsonException exception)
        {
            throw new EngineException(WorkerErrors.InvalidArgument, $"Row {number} of the rows file: {exception.Message}", exception);
        }
    }
}
