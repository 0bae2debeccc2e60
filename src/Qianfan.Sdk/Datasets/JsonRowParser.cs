using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Qianfan.Sdk.Datasets;

/// <summary>Turns one JSON value into a row of the internal form, or says what is wrong with it.</summary>
internal static class JsonRowParser
{
    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = 32 };

    public static DatasetItem Parse(ReadOnlyMemory<byte> json, long line, ref DatasetFormat format)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, s_options);
        }
        catch (JsonException e)
        {
            // The reader counts lines within the row and bytes within the line, both from 0.
            var at = line + (e.LineNumber ?? 0);
            var column = (e.BytePositionInLine ?? 0) + 1;
            return Error(at, null, DatasetErrorCodes.InvalidJson, string.Create(CultureInfo.InvariantCulture, $"This is not valid JSON; the first fault is at byte {column} of the line."));
        }

        using (document)
        {
            try
            {
                return new DatasetItem(ParseRow(document.RootElement, line, ref format));
            }
            catch (RowFault fault)
            {
                return Error(line, fault.Field, fault.Code, fault.Message);
            }
        }
    }

    private static DatasetRow ParseRow(JsonElement root, long line, ref DatasetFormat format)
    {
        var (messages, found) = root.ValueKind switch
        {
            JsonValueKind.Array => (Turns(root), DatasetFormat.QianfanJsonLines),
            JsonValueKind.Object when root.TryGetProperty("messages", out var list) => (OpenAi(list), DatasetFormat.OpenAiJsonLines),
            JsonValueKind.Object when root.TryGetProperty("instruction", out _) => (Alpaca(root), DatasetFormat.AlpacaJsonLines),
            JsonValueKind.Object when root.TryGetProperty("prompt", out _) || root.TryGetProperty("response", out _) => (Turns([root], isArray: false), DatasetFormat.QianfanJsonLines),
            _ => throw new RowFault(null, DatasetErrorCodes.UnknownRow, "The row is none of the forms [{\"prompt\", \"response\"}], {\"messages\"} and {\"instruction\", \"output\"}."),
        };
        if (!messages.Exists(m => m.Role == "assistant" && m.Weight > 0))
        {
            throw new RowFault(null, DatasetErrorCodes.NothingToLearn, "Every answer has weight 0, so there is nothing to learn from the row.");
        }

        if (format == DatasetFormat.Unknown)
        {
            format = found;
        }

        return new DatasetRow(line, messages);
    }

    private static List<DatasetMessage> Turns(JsonElement array) => Turns([.. array.EnumerateArray()], isArray: true);

    private static List<DatasetMessage> Turns(List<JsonElement> turns, bool isArray)
    {
        if (turns.Count == 0)
        {
            throw new RowFault(null, DatasetErrorCodes.EmptyField, "The row is an empty list: it needs at least one object with prompt and response.");
        }

        var messages = new List<DatasetMessage>((2 * turns.Count) + 1);
        for (var i = 0; i < turns.Count; i++)
        {
            var path = isArray ? $"[{i}]" : "";
            var turn = turns[i];
            if (turn.ValueKind != JsonValueKind.Object)
            {
                throw new RowFault(path, DatasetErrorCodes.WrongType, $"{path} must be an object with prompt and response, not {Name(turn.ValueKind)}.");
            }

            var prefix = path.Length == 0 ? "" : path + ".";
            if (turn.TryGetProperty("system", out var system) && system.ValueKind != JsonValueKind.Null)
            {
                if (i > 0)
                {
                    throw new RowFault(prefix + "system", DatasetErrorCodes.SystemPosition, "The system text belongs into the first turn.");
                }

                var text = Text(system, prefix + "system", allowEmpty: true);
                if (!string.IsNullOrWhiteSpace(text))
                {
                    messages.Add(new DatasetMessage("system", text));
                }
            }

            messages.Add(new DatasetMessage("user", RequiredText(turn, "prompt", prefix)));
            messages.Add(new DatasetMessage("assistant", Response(turn, prefix), Weight(turn, prefix)));
        }

        return messages;
    }

    private static string Response(JsonElement turn, string prefix)
    {
        var field = prefix + "response";
        if (!turn.TryGetProperty("response", out var response))
        {
            throw new RowFault(field, DatasetErrorCodes.MissingField, $"{field} is missing.");
        }

        if (response.ValueKind == JsonValueKind.String)
        {
            return Text(response, field);
        }

        if (response.ValueKind == JsonValueKind.Array && response.GetArrayLength() == 0)
        {
            throw new RowFault(field, DatasetErrorCodes.EmptyField, $"{field} is empty.");
        }

        if (response.ValueKind != JsonValueKind.Array || response[0].ValueKind != JsonValueKind.Array)
        {
            throw new RowFault(field, DatasetErrorCodes.ResponseShape, $"{field} must be a text, or a list that holds one list with one text: [[\"...\"]].");
        }

        var inner = response[0];
        if (response.GetArrayLength() > 1 || inner.GetArrayLength() > 1)
        {
            throw new RowFault(field, DatasetErrorCodes.SeveralResponses, $"{field} holds several responses; fine-tuning takes exactly one.");
        }

        if (inner.GetArrayLength() == 0)
        {
            throw new RowFault(field, DatasetErrorCodes.EmptyField, $"{field} is empty.");
        }

        return Text(inner[0], field);
    }

    private static List<DatasetMessage> OpenAi(JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array)
        {
            throw new RowFault("messages", DatasetErrorCodes.WrongType, $"messages must be a list, not {Name(list.ValueKind)}.");
        }

        var messages = new List<DatasetMessage>(list.GetArrayLength());
        var index = 0;
        foreach (var item in list.EnumerateArray())
        {
            var path = $"messages[{index++}]";
            if (item.ValueKind != JsonValueKind.Object)
            {
                throw new RowFault(path, DatasetErrorCodes.WrongType, $"{path} must be an object with role and content, not {Name(item.ValueKind)}.");
            }

            var role = RequiredText(item, "role", path + ".") switch
            {
                "system" or "developer" => "system",
                "user" => "user",
                "assistant" => "assistant",
                var other => throw new RowFault(path + ".role", DatasetErrorCodes.UnknownRole, $"{path}.role is \"{Shorten(other)}\"; it must be system, user or assistant."),
            };
            CheckOrder(messages, role, path);
            var content = Content(item, path + ".");
            messages.Add(new DatasetMessage(role, content, role == "assistant" ? Weight(item, path + ".") : 1));
        }

        if (messages.Count == 0)
        {
            throw new RowFault("messages", DatasetErrorCodes.EmptyField, "messages is empty.");
        }

        if (messages[^1].Role != "assistant")
        {
            throw new RowFault($"messages[{index - 1}].role", DatasetErrorCodes.MessageOrder, "The last message must be the assistant's: it is what is learnt.");
        }

        return messages;
    }

    private static void CheckOrder(List<DatasetMessage> before, string role, string path)
    {
        if (role == "system")
        {
            if (before.Count > 0)
            {
                throw new RowFault(path + ".role", DatasetErrorCodes.SystemPosition, "A system message can only be the first one.");
            }

            return;
        }

        var expected = before.Count == 0 || before[^1].Role is "system" or "assistant" ? "user" : "assistant";
        if (role != expected)
        {
            throw new RowFault(path + ".role", DatasetErrorCodes.MessageOrder, $"{path}.role is \"{role}\" where \"{expected}\" must follow: user and assistant take turns.");
        }
    }

    private static string Content(JsonElement message, string prefix)
    {
        if (!message.TryGetProperty("content", out var content) || content.ValueKind != JsonValueKind.Array)
        {
            return RequiredText(message, "content", prefix);
        }

        // OpenAI's other form: a list of parts; only text can be learnt from.
        var builder = new StringBuilder();
        var index = 0;
        foreach (var part in content.EnumerateArray())
        {
            var field = $"{prefix}content[{index++}]";
            if (part.ValueKind != JsonValueKind.Object || !part.TryGetProperty("text", out var text))
            {
                throw new RowFault(field, DatasetErrorCodes.WrongType, $"{field} is not a text part.");
            }

            builder.Append(Text(text, field + ".text", allowEmpty: true));
        }

        return NotEmpty(builder.ToString(), prefix + "content");
    }

    private static List<DatasetMessage> Alpaca(JsonElement row)
    {
        var messages = new List<DatasetMessage>(4);
        if (row.TryGetProperty("system", out var system) && system.ValueKind != JsonValueKind.Null)
        {
            var text = Text(system, "system", allowEmpty: true);
            if (!string.IsNullOrWhiteSpace(text))
            {
                messages.Add(new DatasetMessage("system", text));
            }
        }

        if (row.TryGetProperty("history", out var history) && history.ValueKind != JsonValueKind.Null)
        {
            History(history, messages);
        }

        var prompt = RequiredText(row, "instruction", "");
        if (row.TryGetProperty("input", out var input) && input.ValueKind != JsonValueKind.Null)
        {
            var text = Text(input, "input", allowEmpty: true);
            if (!string.IsNullOrWhiteSpace(text))
            {
                prompt = $"{prompt}\n{text}";
            }
        }

        messages.Add(new DatasetMessage("user", prompt));
        messages.Add(new DatasetMessage("assistant", RequiredText(row, "output", ""), Weight(row, "")));
        return messages;
    }

    private static void History(JsonElement history, List<DatasetMessage> messages)
    {
        if (history.ValueKind != JsonValueKind.Array)
        {
            throw new RowFault("history", DatasetErrorCodes.WrongType, $"history must be a list of [question, answer] pairs, not {Name(history.ValueKind)}.");
        }

        var index = 0;
        foreach (var pair in history.EnumerateArray())
        {
            var field = $"history[{index++}]";
            if (pair.ValueKind != JsonValueKind.Array || pair.GetArrayLength() != 2)
            {
                throw new RowFault(field, DatasetErrorCodes.WrongType, $"{field} must be a list of two texts: question and answer.");
            }

            messages.Add(new DatasetMessage("user", Text(pair[0], field + "[0]")));
            messages.Add(new DatasetMessage("assistant", Text(pair[1], field + "[1]")));
        }
    }

    private static double Weight(JsonElement turn, string prefix)
    {
        if (!turn.TryGetProperty("weight", out var weight) || weight.ValueKind == JsonValueKind.Null)
        {
            return 1;
        }

        if (weight.ValueKind == JsonValueKind.Number && weight.TryGetDouble(out var value) && value is 0 or 1)
        {
            return value;
        }

        throw new RowFault(prefix + "weight", DatasetErrorCodes.WeightValue, $"{prefix}weight must be 0 (do not learn this answer) or 1.");
    }

    private static string RequiredText(JsonElement item, string name, string prefix)
    {
        var field = prefix + name;
        if (!item.TryGetProperty(name, out var value))
        {
            throw new RowFault(field, DatasetErrorCodes.MissingField, $"{field} is missing.");
        }

        return Text(value, field);
    }

    private static string Text(JsonElement value, string field, bool allowEmpty = false)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            throw new RowFault(field, DatasetErrorCodes.WrongType, $"{field} must be a text, not {Name(value.ValueKind)}.");
        }

        string text;
        try
        {
            text = value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair as \u escape: valid JSON, but no text.
            throw new RowFault(field, DatasetErrorCodes.InvalidJson, $"{field} holds a broken \\u escape (half of a surrogate pair).");
        }

        return allowEmpty ? text : NotEmpty(text, field);
    }

    private static string NotEmpty(string text, string field) =>
        string.IsNullOrWhiteSpace(text) ? throw new RowFault(field, DatasetErrorCodes.EmptyField, $"{field} is empty.") : text;

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "...";

    private static string Name(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        _ => "null",
    };

    private static DatasetItem Error(long line, string? field, string code, string message) =>
        new(new DatasetRowError(line, string.IsNullOrEmpty(field) ? null : field, code, message));

    /// <summary>Ends the parsing of one row; never leaves this class.</summary>
    private sealed class RowFault(string? field, string code, string message) : Exception(message)
    {
        public string? Field { get; } = field;

        public string Code { get; } = code;
    }
}
