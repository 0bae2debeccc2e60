using System.Security.Cryptography;
using System.Text.Json;
using Qianfan.Engine.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>The rows of a training as tokens, split into those that are trained on and those that are held out.</summary>
internal sealed record TrainingRows(IReadOnlyList<EncodedRow> Train, IReadOnlyList<EncodedRow> Validation, int Truncated, int Useless, string Hash)
{
    /// <summary>What <see cref="Train"/> was made from, in its order.</summary>
    public required IReadOnlyList<TrainingRow> Texts { get; init; }

    /// <summary>SHA-256 of the rows for the validation, where they have a file of their own.</summary>
    public string? ValidationHash { get; init; }

    /// <summary>Reads the rows for training and those for the validation out of files of their own.</summary>
    /// <exception cref="EngineException">Code <c>no_rows</c> or <c>invalid_argument</c> (which line, and why).</exception>
    public static TrainingRows Read(string path, string validationPath, ChatTemplate template, int maxLength, long seed)
    {
        var rows = Read(path, template, maxLength, 0, seed);
        var held = Read(validationPath, template, maxLength, 0, seed);
        return rows with { Validation = held.Train, Truncated = rows.Truncated + held.Truncated, Useless = rows.Useless + held.Useless, ValidationHash = held.Hash };
    }

    /// <summary>Reads a rows file.</summary>
    /// <exception cref="EngineException">Code <c>no_rows</c> or <c>invalid_argument</c> (which line, and why).</exception>
    public static TrainingRows Read(string path, ChatTemplate template, int maxLength, double validationPercent, long seed)
    {
        var rows = new List<EncodedRow>();
        var texts = new List<TrainingRow>();
        int truncated = 0, useless = 0, number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0)
                continue;
            var row = Row(line, number);
            if (row.Text is not null)
                throw new EngineException(WorkerErrors.InvalidArgument, $"Row {number} of the rows file is a text: training takes conversations.");
            var encoded = Encode(row.Messages, template, maxLength, out var cut);
            truncated += cut ? 1 : 0;
            if (encoded is null)
            {
                useless++;
                continue;
            }
            rows.Add(encoded);
            texts.Add(row);
        }
        if (rows.Count == 0)
        {
            throw new EngineException(WorkerErrors.NoRows, number == 0 ? $"The rows file {Path.GetFileName(path)} is empty."
                : $"None of the {number} rows of {Path.GetFileName(path)} has an answer to learn within {maxLength} tokens.");
        }
        var order = Enumerable.Range(0, rows.Count).ToArray();
        new SeededRandom(seed, -3).Shuffle(order.AsSpan());
        var held = validationPercent > 0 && rows.Count > 1 ? Math.Clamp((int)Math.Round(rows.Count * validationPercent / 100), 1, rows.Count - 1) : 0;
        using var stream = File.OpenRead(path);
        return new TrainingRows([.. order[held..].Order().Select(row => rows[row])], [.. order[..held].Order().Select(row => rows[row])], truncated, useless,
            Convert.ToHexStringLower(SHA256.HashData(stream)))
        {
            Texts = [.. order[held..].Order().Select(row => texts[row])],
        };
    }

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
