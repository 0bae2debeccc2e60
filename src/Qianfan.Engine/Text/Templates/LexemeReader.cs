namespace Qianfan.Engine.Text.Templates;

/// <summary>Goes through the words of a template.</summary>
internal sealed class LexemeReader(IReadOnlyList<Lexeme> lexemes)
{
    private const int MostDepth = 200;
    private const int MostLinks = 2000;
    private int _at;
    private int _depth;
    private int _links;

    public Lexeme Next => lexemes[Math.Min(_at, lexemes.Count - 1)];

    public Lexeme Take() => lexemes[Math.Min(_at++, lexemes.Count - 1)];

    /// <summary>Reads what stands within something else. How deep that goes is bounded, since the stack is.</summary>
    public T Nest<T>(Func<T> read)
    {
        if (++_depth > MostDepth)
            throw Fault("it is nested too deeply");
        var value = read();
        _depth--;
        return value;
    }

    /// <summary>Counts an operator of a tag: each is a step down when the tag runs.</summary>
    public void Link()
    {
        if (++_links > MostLinks)
            throw Fault("an expression is too long");
    }

    public bool IsOperator(string value) => Next.Kind == LexemeKind.Operator && Next.Value == value;

    public bool IsName(string value) => Next.Kind == LexemeKind.Name && Next.Value == value;

    public bool TryOperator(string value) => IsOperator(value) && Take() is not null;

    public bool TryName(string value) => IsName(value) && Take() is not null;

    /// <summary>Takes the end of a tag.</summary>
    public void ExpectEnd()
    {
        Expect(LexemeKind.End);
        _links = 0;
    }

    public Lexeme Expect(LexemeKind kind) => Next.Kind == kind ? Take() : throw Fault(kind == LexemeKind.End ? $"{Shown} is not expected" : $"a {kind} is expected, not {Shown}");

    public void ExpectOperator(string value)
    {
        if (!TryOperator(value))
            throw Fault($"{value} is expected, not {Shown}");
    }

    public void ExpectName(string value)
    {
        if (!TryName(value))
            throw Fault($"{value} is expected, not {Shown}");
    }

    public TemplateException Fault(string reason) => new($"line {Next.Line}: {reason}");

    private string Shown => Next.Value.Length > 0 ? Next.Value : Next.Kind.ToString();
}
