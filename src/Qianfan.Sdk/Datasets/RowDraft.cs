namespace Qianfan.Sdk.Datasets;

/// <summary>How the texts of a turn belong together.</summary>
internal enum TextJoin
{
    /// <summary>One after the other.</summary>
    Parts,

    /// <summary>On lines of their own.</summary>
    Lines,

    /// <summary>The first is the answer, the others come after it in rank.</summary>
    Ranked,
}

/// <summary>A row whose texts still stand in the file's bytes. Kept from row to row.</summary>
internal sealed class RowDraft
{
    private readonly List<Turn> _turns = [];
    private readonly List<int> _texts = [];
    private bool _preference;
    private int _chosen;
    private int _rejected;
    private int _text;

    public int Turns => _turns.Count;

    public string LastRole => _turns[^1].Role;

    public bool TeachesSomething => _turns.Exists(t => t.Role == "assistant" && t.Weight > 0);

    public void Clear()
    {
        _turns.Clear();
        _texts.Clear();
        _preference = false;
        _chosen = _rejected = _text = -1;
    }

    /// <summary>Adds a text to the turn that the next <see cref="EndTurn"/> makes.</summary>
    public void AddText(int value) => _texts.Add(value);

    public void EndTurn(string role, double weight = 1, TextJoin join = TextJoin.Parts, int score = -1)
    {
        var first = _turns.Count == 0 ? 0 : _turns[^1].EndText;
        _turns.Add(new Turn(role, weight, join, score, first, _texts.Count));
    }

    public void AddTurn(string role, int value, double weight = 1)
    {
        AddText(value);
        EndTurn(role, weight);
    }

    /// <summary>Chosen and rejected; -1 where there is none.</summary>
    public void SetPreference(int chosen, int rejected) => (_preference, _chosen, _rejected) = (true, chosen, rejected);

    public void SetText(int value) => _text = value;

    /// <summary>Characters (UTF-16 units) of all texts.</summary>
    public long Characters(in JsonRow json)
    {
        long characters = 0;
        foreach (var text in _texts)
        {
            characters += JsonText.Utf16Length(json.Raw(text), json.IsEscaped(text));
        }

        foreach (var turn in _turns)
        {
            characters += turn.Join == TextJoin.Lines ? turn.EndText - turn.FirstText - 1 : 0;
        }

        foreach (var text in (ReadOnlySpan<int>)[_chosen, _rejected, _text])
        {
            characters += text < 0 ? 0 : JsonText.Utf16Length(json.Raw(text), json.IsEscaped(text));
        }

        return characters;
    }

    /// <summary>Writes the row in the internal form. Its texts are valid JSON as they stand: no text is made of them.</summary>
    public void Write(in JsonRow json, RowLines lines)
    {
        if (_text >= 0)
        {
            lines.BeginText();
            lines.Append(json.Raw(_text));
            lines.EndText();
            return;
        }

        var first = true;
        foreach (var turn in _turns)
        {
            lines.Begin(turn.Role, ref first);
            for (var i = turn.FirstText; i < turn.EndText; i++)
            {
                if (i > turn.FirstText && turn.Join == TextJoin.Lines)
                {
                    lines.Append("\\n"u8);
                }

                lines.Append(json.Raw(_texts[i]));
            }

            lines.End(turn.Weight);
        }

        lines.EndRow();
    }

    public DatasetRow ToRow(in JsonRow json, long line)
    {
        var messages = new List<DatasetMessage>(_turns.Count);
        foreach (var turn in _turns)
        {
            messages.Add(Message(json, turn));
        }

        return new DatasetRow(line, messages)
        {
            Chosen = _preference && _chosen >= 0 ? json.Text(_chosen) : null,
            Rejected = _preference && _rejected >= 0 ? json.Text(_rejected) : null,
            Text = _text >= 0 ? json.Text(_text) : null,
        };
    }

    private DatasetMessage Message(in JsonRow json, Turn turn)
    {
        var first = json.Text(_texts[turn.FirstText]);
        if (turn.EndText == turn.FirstText + 1)
        {
            return new DatasetMessage(turn.Role, first, turn.Weight) { Scores = Scores(json, turn) };
        }

        var others = new string[turn.EndText - turn.FirstText - 1];
        for (var i = 0; i < others.Length; i++)
        {
            others[i] = json.Text(_texts[turn.FirstText + 1 + i]);
        }

        return turn.Join == TextJoin.Ranked
            ? new DatasetMessage(turn.Role, first, turn.Weight) { Alternatives = others, Scores = Scores(json, turn) }
            : new DatasetMessage(turn.Role, string.Join(turn.Join == TextJoin.Lines ? "\n" : "", [first, .. others]), turn.Weight);
    }

    private static List<double>? Scores(in JsonRow json, Turn turn)
    {
        if (turn.Score < 0)
        {
            return null;
        }

        var scores = new List<double>();
        for (var i = JsonRow.First(turn.Score); i < json.Next(turn.Score); i = json.Next(i))
        {
            json.TryNumber(i, out var score);
            scores.Add(score);
        }

        return scores;
    }

    private readonly record struct Turn(string Role, double Weight, TextJoin Join, int Score, int FirstText, int EndText);
}
