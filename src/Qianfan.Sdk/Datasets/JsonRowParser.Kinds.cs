using System.Text.Json;

namespace Qianfan.Sdk.Datasets;

/// <summary>Qianfan's own forms: turns of prompt and response, sorted responses, prompts alone, chosen and rejected, generic text.</summary>
internal sealed partial class JsonRowParser
{
    /// <summary>A list of turns, or one turn as an object of its own.</summary>
    private bool Turns(in JsonRow row, DatasetKind form)
    {
        if (!row.IsArray(0))
        {
            return row.IsObject(0)
                ? Turn(row, 0, FieldPlace.Row, form)
                : Fail(null, DatasetErrorCodes.UnknownRow, "The row must be a list of objects with prompt and response, or one such object.");
        }

        if (row.Count(0, 1) == 0)
        {
            return Fail(null, DatasetErrorCodes.EmptyField, "The row is an empty list: it needs at least one object with prompt and response.");
        }

        var index = 0;
        for (var turn = JsonRow.First(0); turn < row.Next(0); turn = row.Next(turn), index++)
        {
            var place = new FieldPlace("", index);
            if (!row.IsObject(turn))
            {
                return Fail(place.Itself, DatasetErrorCodes.WrongType, $"{place.Itself} must be an object with prompt and response, not {Name(row, turn)}.");
            }

            if (!Turn(row, turn, place, form))
            {
                return false;
            }
        }

        return true;
    }

    private bool Turn(in JsonRow row, int turn, FieldPlace place, DatasetKind form)
    {
        if (!System(row, turn, place) || !RequiredText(row, turn, RowName.Prompt, "prompt", place, out var prompt))
        {
            return false;
        }

        _draft.AddTurn("user", prompt);
        switch (form)
        {
            case DatasetKind.PromptSet:
                return true;
            case DatasetKind.SortedResponses:
                return Ranking(row, turn, place);
            default:
                if (!Response(row, turn, place, out var response) || !Weight(row, turn, place, out var weight))
                {
                    return false;
                }

                _draft.AddTurn("assistant", response, weight);
                return true;
        }
    }

    private bool Response(in JsonRow row, int turn, FieldPlace place, out int text)
    {
        if (!row.TryGet(turn, RowName.Response, out text))
        {
            return Fail(place.Of("response"), DatasetErrorCodes.MissingField, $"{place.Of("response")} is missing.");
        }

        if (row.Type(text) == JsonTokenType.String)
        {
            return ResponseText(row, text, place);
        }

        if (row.IsArray(text) && row.Count(text, 1) == 0)
        {
            return Empty(place.Of("response"));
        }

        var inner = JsonRow.First(text);
        if (!row.IsArray(text) || !row.IsArray(inner))
        {
            return Fail(place.Of("response"), DatasetErrorCodes.ResponseShape, $"{place.Of("response")} must be a text, or a list that holds one list with one text: [[\"...\"]].");
        }

        if (row.Count(text, 2) > 1 || row.Count(inner, 2) > 1)
        {
            return Fail(place.Of("response"), DatasetErrorCodes.SeveralResponses, $"{place.Of("response")} holds several responses; fine-tuning takes exactly one.");
        }

        if (row.Count(inner, 1) == 0)
        {
            return Empty(place.Of("response"));
        }

        text = JsonRow.First(inner);
        return ResponseText(row, text, place);
    }

    private bool ResponseText(in JsonRow row, int text, FieldPlace place) =>
        !IsText(row, text) ? NoText(row, text, place.Of("response")) : !JsonText.IsBlank(row.Raw(text)) || Empty(place.Of("response"));

    /// <summary>Responses from the best to the worst, each in a list of its own; scores, when there are any, go with them.</summary>
    private bool Ranking(in JsonRow row, int turn, FieldPlace place)
    {
        if (!row.TryGet(turn, RowName.Response, out var response))
        {
            return Fail(place.Of("response"), DatasetErrorCodes.MissingField, $"{place.Of("response")} is missing.");
        }

        const string shape = "must be a list of lists with one text each, the best first: [[\"...\"], [\"...\"]].";
        if (!row.IsArray(response))
        {
            return Fail(place.Of("response"), DatasetErrorCodes.ResponseShape, $"{place.Of("response")} {shape}");
        }

        var count = 0;
        for (var inner = JsonRow.First(response); inner < row.Next(response); inner = row.Next(inner), count++)
        {
            if (!row.IsArray(inner) || row.Count(inner, 2) != 1)
            {
                return Fail($"{place.Of("response")}[{count}]", DatasetErrorCodes.ResponseShape, $"{place.Of("response")} {shape}");
            }

            if (!ResponseText(row, JsonRow.First(inner), place))
            {
                return false;
            }

            _draft.AddText(JsonRow.First(inner));
        }

        if (count == 0)
        {
            return Empty(place.Of("response"));
        }

        if (!row.TryGet(turn, RowName.Score, out var score) || row.IsNull(score))
        {
            score = -1;
        }
        else if (!IsNumbers(row, score, count))
        {
            return Fail(place.Of("score"), DatasetErrorCodes.WrongType, $"{place.Of("score")} must be a list of {count} numbers, one for each response.");
        }

        _draft.EndTurn("assistant", join: TextJoin.Ranked, score: score);
        return true;
    }

    private static bool IsNumbers(in JsonRow row, int list, int count)
    {
        if (!row.IsArray(list) || row.Count(list, count + 1) != count)
        {
            return false;
        }

        for (var i = JsonRow.First(list); i < row.Next(list); i = row.Next(i))
        {
            if (!row.TryNumber(i, out _))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Earlier turns of user and assistant, and a last one of user and what was chosen, rejected, or both.</summary>
    private bool Preference(in JsonRow row)
    {
        if (row.IsObject(0))
        {
            return PreferenceTurn(row, 0, FieldPlace.Row, isLast: true);
        }

        if (!row.IsArray(0))
        {
            return Fail(null, DatasetErrorCodes.UnknownRow, "The row must be a list of objects with user, chosen and rejected, or one such object.");
        }

        if (row.Count(0, 1) == 0)
        {
            return Fail(null, DatasetErrorCodes.EmptyField, "The row is an empty list: it needs at least one object with user, chosen and rejected.");
        }

        var index = 0;
        for (var turn = JsonRow.First(0); turn < row.Next(0); turn = row.Next(turn), index++)
        {
            var place = new FieldPlace("", index);
            if (!row.IsObject(turn))
            {
                return Fail(place.Itself, DatasetErrorCodes.WrongType, $"{place.Itself} must be an object with user, chosen and rejected, not {Name(row, turn)}.");
            }

            if (!PreferenceTurn(row, turn, place, isLast: row.Next(turn) >= row.Next(0)))
            {
                return false;
            }
        }

        return true;
    }

    private bool PreferenceTurn(in JsonRow row, int turn, FieldPlace place, bool isLast)
    {
        if (!System(row, turn, place) || !RequiredText(row, turn, RowName.User, "user", place, out var user))
        {
            return false;
        }

        _draft.AddTurn("user", user);
        if (!isLast)
        {
            if (!RequiredText(row, turn, RowName.Assistant, "assistant", place, out var assistant))
            {
                return false;
            }

            _draft.AddTurn("assistant", assistant);
            return true;
        }

        var (chosen, rejected) = (-1, -1);
        var hasChosen = row.TryGet(turn, RowName.Chosen, out var value) && !row.IsNull(value);
        var hasRejected = row.TryGet(turn, RowName.Rejected, out value) && !row.IsNull(value);
        if ((hasChosen || !hasRejected) && !RequiredText(row, turn, RowName.Chosen, "chosen", place, out chosen))
        {
            return false;
        }

        if (hasRejected && !RequiredText(row, turn, RowName.Rejected, "rejected", place, out rejected))
        {
            return false;
        }

        _draft.SetPreference(chosen, rejected);
        return true;
    }

    /// <summary>A text alone, or as the field text of an object.</summary>
    private bool GenericText(in JsonRow row)
    {
        if (row.Type(0) == JsonTokenType.String)
        {
            return !IsText(row, 0) ? NoText(row, 0, "text") : SetText(row, 0);
        }

        if (!row.IsObject(0))
        {
            return Fail(null, DatasetErrorCodes.UnknownRow, "The row must be a text, or an object with the field text.");
        }

        return RequiredText(row, 0, RowName.Text, "text", FieldPlace.Row, out var text) && SetText(row, text);
    }

    private bool SetText(in JsonRow row, int text)
    {
        if (JsonText.IsBlank(row.Raw(text)))
        {
            return Empty("text");
        }

        _draft.SetText(text);
        return true;
    }
}
