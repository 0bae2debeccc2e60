using System.Globalization;

namespace Qianfan.Engine.Text.Templates;

/// <summary>Reads the expressions of a template, with Jinja's order of operators.</summary>
internal sealed class ExpressionParser(LexemeReader words)
{
    public LexemeReader Words { get; } = words;

    /// <summary>One expression.</summary>
    public Expression Read() => Words.Nest(Condition);

    private Expression Condition()
    {
        var value = Or();
        while (Words.TryName("if"))
        {
            Words.Link();
            var (then, condition) = (value, Or());
            Expression otherwise = Words.TryName("else") ? Read() : _ => new Undefined("else");
            value = scope => TemplateValues.IsTrue(condition(scope)) ? then(scope) : otherwise(scope);
        }
        return value;
    }

    /// <summary>One expression that an <c>if</c> ends.</summary>
    public Expression ReadWithoutCondition() => Or();

    /// <summary>One expression, or several with commas between them: a list.</summary>
    public Expression ReadMany()
    {
        var first = Read();
        if (!Words.IsOperator(","))
            return first;
        var all = new List<Expression> { first };
        while (Words.TryOperator(",") && Words.Next.Kind != LexemeKind.End)
            all.Add(Read());
        return scope => all.ConvertAll(item => item(scope));
    }

    private Expression Or()
    {
        var left = And();
        while (Words.TryName("or"))
        {
            Words.Link();
            var (a, b) = (left, And());
            left = scope => a(scope) is var value && TemplateValues.IsTrue(value) ? value : b(scope);
        }
        return left;
    }

    private Expression And()
    {
        var left = Not();
        while (Words.TryName("and"))
        {
            Words.Link();
            var (a, b) = (left, Not());
            left = scope => a(scope) is var value && !TemplateValues.IsTrue(value) ? value : b(scope);
        }
        return left;
    }

    private Expression Not()
    {
        var times = 0;
        while (Words.TryName("not"))
            times++;
        var value = Comparison();
        return times == 0 ? value : scope => TemplateValues.IsTrue(value(scope)) == (times % 2 == 0);
    }

    private Expression Comparison()
    {
        var first = Sum();
        var rest = new List<(string Sign, Expression Value)>();
        while (true)
        {
            if (Words.TryName("in"))
                rest.Add(("in", Sum()));
            else if (Words.IsName("not"))
            {
                Words.Take();
                Words.ExpectName("in");
                rest.Add(("not in", Sum()));
            }
            else if (Words.Next is { Kind: LexemeKind.Operator, Value: "==" or "!=" or "<" or "<=" or ">" or ">=" })
                rest.Add((Words.Take().Value, Sum()));
            else
                break;
        }
        if (rest.Count == 0)
            return first;
        return scope =>
        {
            var left = first(scope);
            foreach (var (sign, next) in rest)
            {
                var right = next(scope);
                if (!Holds(sign, left, right))
                    return false;
                left = right;
            }
            return true;
        };
    }

    private static bool Holds(string sign, object? a, object? b) => sign switch
    {
        "==" => TemplateValues.AreEqual(a, b),
        "!=" => !TemplateValues.AreEqual(a, b),
        "in" => TemplateValues.Contains(b, a),
        "not in" => !TemplateValues.Contains(b, a),
        "<" => TemplateValues.Compare(a, b) < 0,
        "<=" => TemplateValues.Compare(a, b) <= 0,
        ">" => TemplateValues.Compare(a, b) > 0,
        _ => TemplateValues.Compare(a, b) >= 0,
    };

    private Expression Sum() => Chain(Join, "+", "-");

    private Expression Join() => Chain(Product, "~");

    private Expression Product() => Chain(Signed, "*", "/", "//", "%");

    private Expression Chain(Func<Expression> part, params string[] signs)
    {
        var left = part();
        while (Words.Next.Kind == LexemeKind.Operator && signs.Contains(Words.Next.Value))
        {
            Words.Link();
            var (sign, a, b) = (Words.Take().Value, left, part());
            left = sign == "~"
                ? scope => TemplateValues.Text(a(scope)) + TemplateValues.Text(b(scope))
                : scope => TemplateValues.Calculate(sign, a(scope), b(scope));
        }
        return left;
    }

    private Expression Signed() => FiltersAndTests(WithoutFilter());

    /// <summary>A filter takes the number with its sign.</summary>
    private Expression WithoutFilter()
    {
        if (!Words.IsOperator("-") && !Words.IsOperator("+"))
            return Postfix(Primary());
        var negative = Words.Take().Value == "-";
        var value = Words.Nest(WithoutFilter);
        return negative ? scope => TemplateValues.Calculate("-", 0L, value(scope)) : value;
    }

    private Expression FiltersAndTests(Expression value)
    {
        for (; ; Words.Link())
        {
            if (Words.TryOperator("|"))
            {
                var name = Words.Expect(LexemeKind.Name).Value;
                if (!TemplateLibrary.Filters.TryGetValue(name, out var filter))
                    throw Words.Fault($"the filter {name} is not supported");
                var (inner, arguments) = (value, Words.IsOperator("(") ? Arguments() : Nothing);
                value = scope =>
                {
                    var (list, named) = arguments(scope);
                    return filter(inner(scope), list, named);
                };
            }
            else if (Words.TryName("is"))
            {
                var (inner, wanted) = (value, !Words.TryName("not"));
                var name = Words.Expect(LexemeKind.Name).Value;
                if (!TemplateLibrary.Tests.TryGetValue(name, out var test))
                    throw Words.Fault($"the test {name} is not supported");
                Expression argument = _ => null;
                if (TemplateLibrary.TestsWithArgument.Contains(name))
                    argument = Postfix(Primary());
                value = scope => test(inner(scope), argument(scope)) == wanted;
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Postfix(Expression value)
    {
        for (; ; Words.Link())
        {
            if (Words.TryOperator("."))
            {
                var (inner, name) = (value, Words.Take());
                if (name.Kind is not (LexemeKind.Name or LexemeKind.Number))
                    throw Words.Fault($"a name is expected after the point, not {name.Value}");
                value = name.Kind == LexemeKind.Name && Words.IsOperator("(") ? Method(inner, name.Value)
                    : name.Kind == LexemeKind.Name ? scope => TemplateValues.Member(inner(scope), name.Value)
                    : scope => TemplateValues.Member(inner(scope), long.Parse(name.Value, CultureInfo.InvariantCulture));
            }
            else if (Words.TryOperator("["))
            {
                value = Subscript(value);
            }
            else if (Words.IsOperator("("))
            {
                var (function, arguments) = (value, Arguments());
                value = scope =>
                {
                    var (list, named) = arguments(scope);
                    return function(scope) switch
                    {
                        TemplateFunction call => call(list, named),
                        Undefined missing => throw new TemplateException($"the function {missing.Name} is not supported"),
                        var other => throw new TemplateException($"{TemplateValues.Kind(other)} can't be called"),
                    };
                };
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Method(Expression inner, string name)
    {
        if (!TemplateLibrary.Methods.TryGetValue(name, out var method))
            throw Words.Fault($"the method {name} is not supported");
        var arguments = Arguments();
        return scope =>
        {
            var (list, named) = arguments(scope);
            return method(inner(scope), list, named);
        };
    }

    private Expression Subscript(Expression inner)
    {
        Expression? start = null, stop = null, step = null;
        if (!Words.IsOperator(":"))
        {
            start = Read();
            if (Words.TryOperator("]"))
                return scope => TemplateValues.Member(inner(scope), start(scope));
        }
        Words.ExpectOperator(":");
        if (!Words.IsOperator(":") && !Words.IsOperator("]"))
            stop = Read();
        if (Words.TryOperator(":") && !Words.IsOperator("]"))
            step = Read();
        Words.ExpectOperator("]");
        return scope => TemplateValues.Slice(inner(scope), start?.Invoke(scope), stop?.Invoke(scope), step?.Invoke(scope));
    }

    private static (IReadOnlyList<object?>, IReadOnlyDictionary<string, object?>) Nothing(TemplateScope scope) => ([], new Dictionary<string, object?>());

    private Func<TemplateScope, (IReadOnlyList<object?> List, IReadOnlyDictionary<string, object?> Named)> Arguments()
    {
        var list = new List<Expression>();
        var named = new List<(string Name, Expression Value)>();
        Words.ExpectOperator("(");
        while (!Words.TryOperator(")"))
        {
            var value = Read();
            // A name before an equals sign was read as an expression: it is the name of what follows.
            if (Words.TryOperator("="))
                named.Add((_lastName ?? throw Words.Fault("a name is expected before ="), Read()));
            else
                list.Add(value);
            if (!Words.TryOperator(",") && !Words.IsOperator(")"))
                throw Words.Fault("arguments are not parted by commas");
        }
        return scope => (list.ConvertAll(item => item(scope)), named.ToDictionary(item => item.Name, item => item.Value(scope), StringComparer.Ordinal));
    }

    private string? _lastName;

    private Expression Primary()
    {
        var word = Words.Take();
        _lastName = word.Kind == LexemeKind.Name ? word.Value : null;
        switch (word.Kind)
        {
            case LexemeKind.Literal:
                var text = word.Value;
                while (Words.Next.Kind == LexemeKind.Literal)
                    text += Words.Take().Value;
                return _ => text;
            case LexemeKind.Number when word.Value.Contains('.', StringComparison.Ordinal):
                var real = double.Parse(word.Value, CultureInfo.InvariantCulture);
                return _ => real;
            case LexemeKind.Number:
                var whole = long.TryParse(word.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Words.Fault($"the number {word.Value} is too large");
                return _ => whole;
            case LexemeKind.Name:
                return word.Value switch
                {
                    "true" or "True" => _ => true,
                    "false" or "False" => _ => false,
                    "none" or "None" => _ => null,
                    var name => scope => scope.Get(name),
                };
            case LexemeKind.Operator when word.Value == "(":
                var inner = ReadMany(")");
                return inner;
            case LexemeKind.Operator when word.Value == "[":
                var items = List("]");
                return scope => items.ConvertAll(item => item(scope));
            case LexemeKind.Operator when word.Value == "{":
                return Mapping();
            default:
                throw Words.Fault($"a value is expected, not {(word.Value.Length > 0 ? word.Value : word.Kind)}");
        }
    }

    private Expression ReadMany(string close)
    {
        if (Words.TryOperator(close))
            return _ => new List<object?>();
        var first = Read();
        if (Words.TryOperator(close))
            return first;
        Words.ExpectOperator(",");
        var all = List(close);
        all.Insert(0, first);
        return scope => all.ConvertAll(item => item(scope));
    }

    private List<Expression> List(string close)
    {
        var items = new List<Expression>();
        while (!Words.TryOperator(close))
        {
            items.Add(Read());
            if (!Words.TryOperator(",") && !Words.IsOperator(close))
                throw Words.Fault("values are not parted by commas");
        }
        return items;
    }

    private Expression Mapping()
    {
        var entries = new List<(Expression Key, Expression Value)>();
        while (!Words.TryOperator("}"))
        {
            var key = Read();
            Words.ExpectOperator(":");
            entries.Add((key, Read()));
            if (!Words.TryOperator(",") && !Words.IsOperator("}"))
                throw Words.Fault("entries are not parted by commas");
        }
        return scope =>
        {
            var map = new Dictionary<string, object?>(StringComparer.Ordinal);
            foreach (var (key, value) in entries)
                map[TemplateValues.Text(key(scope))] = value(scope);
            return map;
        };
    }
}
