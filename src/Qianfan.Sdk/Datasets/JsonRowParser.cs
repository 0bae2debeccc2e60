using System.Globalization;
using System.Text.Json;

namespace Qianfan.Sdk.Datasets;

/// <summary>Checks one JSON value as a row of a kind, without making texts of it; makes the row only when it is wanted. One instance serves a whole file; not thread-safe.</summary>
internal sealed partial class JsonRowParser(DatasetKind kind, RowLines? lines = null)
{
    private readonly JsonTape _tape = new();
    private readonly RowDraft _draft = new();
    private RowFault? _fault;

    /// <summary>Form of the first good row.</summary>
    public DatasetFormat Format { get; private set; }

    /// <param name="json">Valid UTF-8.</param>
    /// <param name="line">Line on which it begins.</param>
    /// <param name="wanted">True to have the row itself, not only that it is good.</param>
    public RowResult Parse(ReadOnlySpan<byte> json, long line, bool wanted)
    {
        try
        {
            _tape.Read(json);
        }
        catch (JsonException e)
        {
            // The reader counts lines within the row and bytes within the line, both from 0.
            var at = line + (e.LineNumber ?? 0);
            var column = (e.BytePositionInLine ?? 0) + 1;
            return RowResult.Bad(at, null, DatasetErrorCodes.InvalidJson, string.Create(CultureInfo.InvariantCulture, $"This is not valid JSON; the first fault is at byte {column} of the line."));
        }

        var row = new JsonRow(json, _tape);
        _draft.Clear();
        _fault = null;
        if (!Check(row, out var format))
        {
            return RowResult.Bad(line, string.IsNullOrEmpty(_fault!.Field) ? null : _fault.Field, _fault.Code, _fault.Message);
        }

        if (Format == DatasetFormat.Unknown)
        {
            Format = format;
        }

        if (lines is not null)
        {
            _draft.Write(row, lines);
        }

        return new RowResult(wanted ? _draft.ToRow(row, line) : null, null, _draft.Characters(row));
    }

    private bool Check(in JsonRow row, out DatasetFormat format)
    {
        format = DatasetFormat.QianfanJsonLines;
        return kind switch
        {
            DatasetKind.Conversation => Conversation(row, out format),
            DatasetKind.SortedResponses => Turns(row, DatasetKind.SortedResponses),
            DatasetKind.PromptSet => Turns(row, DatasetKind.PromptSet),
            DatasetKind.Preference => Preference(row),
            _ => GenericText(row),
        };
    }

    private bool Conversation(in JsonRow row, out DatasetFormat format)
    {
        bool good;
        (format, good) = (DatasetFormat.QianfanJsonLines, false);
        if (row.IsArray(0))
        {
            good = Turns(row, DatasetKind.Conversation);
        }
        else if (row.TryGet(0, RowName.Messages, out var messages))
        {
            (format, good) = (DatasetFormat.OpenAiJsonLines, Messages(row, messages, MessageForm.OpenAi));
        }
        else if (row.TryGet(0, RowName.Conversations, out var conversations))
        {
            (format, good) = (DatasetFormat.ShareGptJsonLines, System(row, 0, FieldPlace.Row) && Messages(row, conversations, MessageForm.ShareGpt));
        }
        else if (row.TryGet(0, RowName.Instruction, out _))
        {
            (format, good) = (DatasetFormat.AlpacaJsonLines, Alpaca(row));
        }
        else if (row.TryGet(0, RowName.Prompt, out _) || row.TryGet(0, RowName.Response, out _))
        {
            good = Turns(row, DatasetKind.Conversation);
        }
        else
        {
            return Fail(null, DatasetErrorCodes.UnknownRow, "The row is none of the forms [{\"prompt\", \"response\"}], {\"messages\"}, {\"conversations\"} and {\"instruction\", \"output\"}.");
        }

        return good && (_draft.TeachesSomething || Fail(null, DatasetErrorCodes.NothingToLearn, "Every answer has weight 0, so there is nothing to learn from the row."));
    }

    private bool Messages(in JsonRow row, int list, MessageForm form)
    {
        if (!row.IsArray(list))
        {
            return Fail(form.List, DatasetErrorCodes.WrongType, $"{form.List} must be a list, not {Name(row, list)}.");
        }

        var index = 0;
        for (var item = JsonRow.First(list); item < row.Next(list); item = row.Next(item))
        {
            if (!Message(row, item, form, new FieldPlace(form.List, index++)))
            {
                return false;
            }
        }

        if (index == 0)
        {
            return Fail(form.List, DatasetErrorCodes.EmptyField, $"{form.List} is empty.");
        }

        return _draft.LastRole == "assistant"
            || Fail($"{form.List}[{index - 1}].{form.Role}", DatasetErrorCodes.MessageOrder, "The last message must be the assistant's: it is what is learnt.");
    }

    private bool Message(in JsonRow row, int item, MessageForm form, FieldPlace place)
    {
        if (!row.IsObject(item))
        {
            return Fail(place.Itself, DatasetErrorCodes.WrongType, $"{place.Itself} must be an object with {form.Role} and {form.Content}, not {Name(row, item)}.");
        }

        if (!RequiredText(row, item, form.RoleName, form.Role, place, out var roleText))
        {
            return false;
        }

        if (form.RoleOf(row, roleText) is not { } role)
        {
            return Fail(place.Of(form.Role), DatasetErrorCodes.UnknownRole, $"{place.Of(form.Role)} is \"{Shorten(row.Text(roleText))}\"; it must be {form.Roles}.");
        }

        if (!Order(role, form, place) || !Content(row, item, form, place))
        {
            return false;
        }

        double weight = 1;
        if (role == "assistant" && !Weight(row, item, place, out weight))
        {
            return false;
        }

        _draft.EndTurn(role, weight);
        return true;
    }

    private bool Order(string role, MessageForm form, FieldPlace place)
    {
        if (role == "system")
        {
            return _draft.Turns == 0 || Fail(place.Of(form.Role), DatasetErrorCodes.SystemPosition, "A system message can only be the first one.");
        }

        var expected = _draft.Turns == 0 || _draft.LastRole is "system" or "assistant" ? "user" : "assistant";
        return role == expected
            || Fail(place.Of(form.Role), DatasetErrorCodes.MessageOrder, $"{place.Of(form.Role)} is the {role}'s where the {expected}'s must follow: user and assistant take turns.");
    }

    private bool Content(in JsonRow row, int message, MessageForm form, FieldPlace place)
    {
        if (form != MessageForm.OpenAi || !row.TryGet(message, RowName.Content, out var content) || !row.IsArray(content))
        {
            if (!RequiredText(row, message, form.ContentName, form.Content, place, out var text))
            {
                return false;
            }

            _draft.AddText(text);
            return true;
        }

        // OpenAI's other form: a list of parts; only text can be learnt from.
        var (index, blank) = (0, true);
        for (var part = JsonRow.First(content); part < row.Next(content); part = row.Next(part), index++)
        {
            if (!row.TryGet(part, RowName.Text, out var text))
            {
                var field = $"{place.Of("content")}[{index}]";
                return Fail(field, DatasetErrorCodes.WrongType, $"{field} is not a text part.");
            }

            if (!IsText(row, text))
            {
                return NoText(row, text, $"{place.Of("content")}[{index}].text");
            }

            blank &= JsonText.IsBlank(row.Raw(text));
            _draft.AddText(text);
        }

        return !blank || Empty(place.Of("content"));
    }

    private bool Alpaca(in JsonRow row)
    {
        var place = FieldPlace.Row;
        if (!System(row, 0, place) || !History(row))
        {
            return false;
        }

        if (!RequiredText(row, 0, RowName.Instruction, "instruction", place, out var instruction))
        {
            return false;
        }

        _draft.AddText(instruction);
        if (row.TryGet(0, RowName.Input, out var input) && !row.IsNull(input))
        {
            if (!IsText(row, input))
            {
                return NoText(row, input, "input");
            }

            if (!JsonText.IsBlank(row.Raw(input)))
            {
                _draft.AddText(input);
            }
        }

        _draft.EndTurn("user", join: TextJoin.Lines);
        if (!RequiredText(row, 0, RowName.Output, "output", place, out var output) || !Weight(row, 0, place, out var weight))
        {
            return false;
        }

        _draft.AddTurn("assistant", output, weight);
        return true;
    }

    private bool History(in JsonRow row)
    {
        if (!row.TryGet(0, RowName.History, out var history) || row.IsNull(history))
        {
            return true;
        }

        if (!row.IsArray(history))
        {
            return Fail("history", DatasetErrorCodes.WrongType, $"history must be a list of [question, answer] pairs, not {Name(row, history)}.");
        }

        var index = 0;
        for (var pair = JsonRow.First(history); pair < row.Next(history); pair = row.Next(pair), index++)
        {
            var field = new FieldPlace("history", index);
            if (!row.IsArray(pair) || row.Count(pair, 3) != 2)
            {
                return Fail(field.Itself, DatasetErrorCodes.WrongType, $"{field.Itself} must be a list of two texts: question and answer.");
            }

            var question = JsonRow.First(pair);
            var answer = row.Next(question);
            if (!PairText(row, question, field, "[0]") || !PairText(row, answer, field, "[1]"))
            {
                return false;
            }

            _draft.AddTurn("user", question);
            _draft.AddTurn("assistant", answer);
        }

        return true;
    }

    private bool PairText(in JsonRow row, int value, FieldPlace place, string which) =>
        !IsText(row, value) ? NoText(row, value, place.Itself + which) : !JsonText.IsBlank(row.Raw(value)) || Empty(place.Itself + which);

    /// <summary>The optional system text of a row that is one object, or of a first turn.</summary>
    private bool System(in JsonRow row, int item, FieldPlace place)
    {
        if (!row.TryGet(item, RowName.System, out var system) || row.IsNull(system))
        {
            return true;
        }

        if (place.Index > 0)
        {
            return Fail(place.Of("system"), DatasetErrorCodes.SystemPosition, "The system text belongs into the first turn.");
        }

        if (!IsText(row, system))
        {
            return NoText(row, system, place.Of("system"));
        }

        if (!JsonText.IsBlank(row.Raw(system)))
        {
            _draft.AddTurn("system", system);
        }

        return true;
    }

    private bool Weight(in JsonRow row, int item, FieldPlace place, out double weight)
    {
        weight = 1;
        if (!row.TryGet(item, RowName.Weight, out var value) || row.IsNull(value))
        {
            return true;
        }

        return (row.TryNumber(value, out weight) && weight is 0 or 1)
            || Fail(place.Of("weight"), DatasetErrorCodes.WeightValue, $"{place.Of("weight")} must be 0 (do not learn this answer) or 1.");
    }

    /// <summary>A field that must be a text with something in it.</summary>
    private bool RequiredText(in JsonRow row, int item, RowName name, string field, FieldPlace place, out int text)
    {
        if (!row.TryGet(item, name, out text))
        {
            return Fail(place.Of(field), DatasetErrorCodes.MissingField, $"{place.Of(field)} is missing.");
        }

        return !IsText(row, text) ? NoText(row, text, place.Of(field)) : !JsonText.IsBlank(row.Raw(text)) || Empty(place.Of(field));
    }

    private static bool IsText(in JsonRow row, int value) =>
        row.Type(value) == JsonTokenType.String && !(row.IsEscaped(value) && JsonText.HasBrokenEscape(row.Raw(value)));

    private bool NoText(in JsonRow row, int value, string field) => row.Type(value) == JsonTokenType.String
        ? Fail(field, DatasetErrorCodes.InvalidJson, $"{field} holds a broken \\u escape (half of a surrogate pair).")
        : Fail(field, DatasetErrorCodes.WrongType, $"{field} must be a text, not {Name(row, value)}.");

    private bool Empty(string field) => Fail(field, DatasetErrorCodes.EmptyField, $"{field} is empty.");

    private bool Fail(string? field, string code, string message)
    {
        _fault = new RowFault(field, code, message);
        return false;
    }

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "...";

    private static string Name(in JsonRow row, int value) => row.Type(value) switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.String => "a text",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "true or false",
        _ => "null",
    };

    private sealed record RowFault(string? Field, string Code, string Message);

    /// <summary>Where a field stands. Its text is made only when there is an error to tell.</summary>
    private readonly record struct FieldPlace(string? List, int Index)
    {
        /// <summary>The row itself is the object.</summary>
        public static FieldPlace Row => new(null, 0);

        public string Itself => List is null ? "" : $"{List}[{Index}]";

        public string Of(string field) => List is null ? field : $"{List}[{Index}].{field}";
    }
}
