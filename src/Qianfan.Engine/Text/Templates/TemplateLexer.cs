using System.Globalization;
using System.Text;

namespace Qianfan.Engine.Text.Templates;

internal enum LexemeKind
{
    /// <summary>Text outside of tags.</summary>
    Text,

    /// <summary><c>{{</c>.</summary>
    PrintStart,

    /// <summary><c>{%</c>.</summary>
    TagStart,

    /// <summary><c>}}</c> or <c>%}</c>.</summary>
    End,

    Name,
    Literal,
    Number,
    Operator,
    Finish,
}

/// <summary>A word of a template.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Value">Text as it counts: escapes of a literal are resolved.</param>
/// <param name="Line">Where it stands.</param>
internal sealed record Lexeme(LexemeKind Kind, string Value, int Line);

/// <summary>Cuts a Jinja template into words, as Hugging Face's tools set Jinja up: <c>trim_blocks</c> and <c>lstrip_blocks</c>.</summary>
internal sealed class TemplateLexer
{
    private const int MostCharacters = 1 << 20;
    private static readonly string[] s_operators = ["==", "!=", "<=", ">=", "//", "**", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|"];
    private readonly string _source;
    private readonly List<Lexeme> _lexemes = [];
    private int _at;
    private int _line = 1;
    private int _counted;

    private TemplateLexer(string source) => _source = source;

    /// <exception cref="TemplateException">A tag or a text isn't closed, or a sign has no meaning.</exception>
    public static IReadOnlyList<Lexeme> Read(string source)
    {
        if (source.Length > MostCharacters)
            throw new TemplateException($"it is longer than {MostCharacters} characters");
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal);
        var lexer = new TemplateLexer(source.EndsWith('\n') ? source[..^1] : source);
        lexer.Read();
        return lexer._lexemes;
    }

    private int Line
    {
        get
        {
            var end = Math.Clamp(_at, _counted, _source.Length);
            _line += _source.AsSpan(_counted..end).Count('\n');
            _counted = end;
            return _line;
        }
    }

    private void Read()
    {
        var trimStart = false;
        while (_at < _source.Length)
        {
            // A tag takes the end of its line along.
            var lineStart = _at == 0 || _source[_at - 1] == '\n';
            var open = NextTag(_at);
            var text = _source[_at..open];
            if (trimStart)
                text = text.TrimStart();
            if (open == _source.Length)
            {
                Add(LexemeKind.Text, text);
                break;
            }
            var kind = _source[open + 1];
            var sign = open + 2 < _source.Length ? _source[open + 2] : ' ';
            if (sign == '-')
                text = text.TrimEnd();
            else if (kind != '{' && sign != '+')
                text = WithoutIndent(text, lineStart);
            Add(LexemeKind.Text, text);
            _at = open + 2 + (sign is '-' or '+' ? 1 : 0);
            trimStart = kind switch
            {
                '#' => Comment(),
                '{' => Tag(LexemeKind.PrintStart, "}}"),
                _ => Tag(LexemeKind.TagStart, "%}"),
            };
        }
        Add(LexemeKind.Finish, "");
    }

    /// <summary>White space between the beginning of the line and a tag goes.</summary>
    private static string WithoutIndent(string text, bool lineStart)
    {
        var line = text.LastIndexOf('\n') + 1;
        return (line > 0 || lineStart) && string.IsNullOrWhiteSpace(text[line..]) ? text[..line] : text;
    }

    private int NextTag(int from)
    {
        for (var at = _source.IndexOf('{', from); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
        {
            if (_source[at + 1] is '{' or '%' or '#')
                return at;
        }
        return _source.Length;
    }

    private bool Comment()
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
            throw new TemplateException($"line {Line}: a comment is not closed");
        _at = end + 2;
        return AfterTag(_source[end - 1], newline: true);
    }

    /// <returns>Whether white space after the tag goes.</returns>
    private bool Tag(LexemeKind kind, string close)
    {
        _lexemes.Add(new Lexeme(kind, "", Line));
        var depth = 0;
        while (true)
        {
            while (_at < _source.Length && char.IsWhiteSpace(_source[_at]))
                _at++;
            if (_at >= _source.Length)
                throw new TemplateException($"line {Line}: a tag is not closed");
            var sign = _source[_at] is '-' or '+' && Follows(_at + 1, close) ? _source[_at] : ' ';
            // A closing brace of an object comes before the tag's own.
            if (sign != ' ' || depth == 0 && Follows(_at, close))
            {
                _at += close.Length + (sign == ' ' ? 0 : 1);
                _lexemes.Add(new Lexeme(LexemeKind.End, "", Line));
                return AfterTag(sign, newline: kind == LexemeKind.TagStart);
            }
            depth += _source[_at] switch { '{' => 1, '}' => -1, _ => 0 };
            Word();
        }
    }

    private bool AfterTag(char sign, bool newline)
    {
        if (newline && sign != '+' && sign != '-' && Follows(_at, "\n"))
            _at++;
        return sign == '-';
    }

    private bool Follows(int at, string text) => string.CompareOrdinal(_source, at, text, 0, text.Length) == 0;

    private void Word()
    {
        var start = _at;
        var first = _source[_at];
        if (char.IsLetter(first) || first == '_')
        {
            while (_at < _source.Length && (char.IsLetterOrDigit(_source[_at]) || _source[_at] == '_'))
                _at++;
            Add(LexemeKind.Name, _source[start.._at]);
        }
        else if (char.IsAsciiDigit(first))
        {
            while (_at < _source.Length && (char.IsAsciiDigit(_source[_at]) || _source[_at] == '.' && _at + 1 < _source.Length && char.IsAsciiDigit(_source[_at + 1])))
                _at++;
            Add(LexemeKind.Number, _source[start.._at]);
        }
        else if (first is '"' or '\'')
        {
            Literal(first);
        }
        else
        {
            var found = Array.Find(s_operators, text => Follows(_at, text)) ?? throw new TemplateException($"line {Line}: the sign {first} has no meaning");
            _at += found.Length;
            Add(LexemeKind.Operator, found);
        }
    }

    private void Literal(char quote)
    {
        var text = new StringBuilder();
        for (_at++; _at < _source.Length && _source[_at] != quote; _at++)
        {
            if (_source[_at] != '\\' || _at + 1 >= _source.Length)
            {
                text.Append(_source[_at]);
                continue;
            }
            var escape = _source[++_at];
            text.Append(escape switch
            {
                'n' => "\n",
                't' => "\t",
                'r' => "\r",
                'b' => "\b",
                'f' => "\f",
                'v' => "\v",
                '0' => "\0",
                'x' => Code(2),
                'u' => Code(4),
                '\n' => "",
                '\\' or '\'' or '"' => escape.ToString(),
                _ => "\\" + escape,
            });
        }
        if (_at >= _source.Length)
            throw new TemplateException($"line {Line}: a text is not closed");
        _at++;
        Add(LexemeKind.Literal, text.ToString());
    }

    private string Code(int digits)
    {
        if (_at + digits >= _source.Length || !ushort.TryParse(_source.AsSpan(_at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            throw new TemplateException($"line {Line}: an escape has not {digits} hexadecimal digits");
        _at += digits;
        return ((char)code).ToString();
    }

    private void Add(LexemeKind kind, string value)
    {
        if (kind != LexemeKind.Text || value.Length > 0)
            _lexemes.Add(new Lexeme(kind, value, Line));
    }
}
