using System.Text;

namespace Qianfan.Engine.Text.Templates;

/// <summary>Turns the words of a template into statements. Used once.</summary>
internal sealed class TemplateParser(IReadOnlyList<Lexeme> lexemes)
{
    private readonly ExpressionParser _expressions = new(new LexemeReader(lexemes));

    private LexemeReader Words => _expressions.Words;

    public Statement ReadAll()
    {
        var (body, end) = Body();
        return end is null ? body : throw Words.Fault($"{end} closes nothing");
    }

    /// <summary>Statements up to one of the tags that close or part them.</summary>
    private (Statement Body, string? End) Body(params string[] ends) => Words.Nest(() => Statements(ends));

    private (Statement Body, string? End) Statements(string[] ends)
    {
        var statements = new List<Statement>();
        while (true)
        {
            var word = Words.Take();
            switch (word.Kind)
            {
                case LexemeKind.Finish:
                    return ends.Length == 0 ? (Sequence(statements), null) : throw Words.Fault($"{ends[^1]} is missing");
                case LexemeKind.Text:
                    statements.Add((_, output) =>
                    {
                        output.Append(word.Value);
                        return Flow.Next;
                    });
                    break;
                case LexemeKind.PrintStart:
                    var value = _expressions.Read();
                    Words.ExpectEnd();
                    statements.Add((scope, output) =>
                    {
                        output.Append(TemplateValues.Text(value(scope)));
                        TemplateBudget.Check(output);
                        return Flow.Next;
                    });
                    break;
                default:
                    var name = Words.Expect(LexemeKind.Name).Value;
                    if (ends.Contains(name))
                        return (Sequence(statements), name);
                    statements.Add(Tag(name));
                    break;
            }
        }
    }

    private static Statement Sequence(List<Statement> statements) => (scope, output) =>
    {
        foreach (var statement in statements)
        {
            scope.Budget.Step();
            if (statement(scope, output) is not Flow.Next and var flow)
                return flow;
        }
        return Flow.Next;
    };

    private Statement Tag(string name)
    {
        switch (name)
        {
            case "if":
                return If();
            case "for":
                return For();
            case "set":
                return Set();
            case "macro":
                return Macro();
            case "break":
                Words.ExpectEnd();
                return (_, _) => Flow.Break;
            case "continue":
                Words.ExpectEnd();
                return (_, _) => Flow.Continue;
            case "generation":
                // Marks what the assistant says, for those who ask; it changes no text.
                Words.ExpectEnd();
                var (body, _) = Body("endgeneration");
                Words.ExpectEnd();
                return body;
            default:
                throw Words.Fault($"the tag {name} is not supported");
        }
    }

    private Statement If()
    {
        var condition = _expressions.Read();
        Words.ExpectEnd();
        var (then, end) = Body("elif", "else", "endif");
        Statement? otherwise = null;
        if (end == "elif")
        {
            otherwise = Words.Nest(If);
        }
        else
        {
            Words.ExpectEnd();
            if (end == "else")
            {
                (otherwise, _) = Body("endif");
                Words.ExpectEnd();
            }
        }
        return (scope, output) => TemplateValues.IsTrue(condition(scope)) ? then(scope, output) : otherwise?.Invoke(scope, output) ?? Flow.Next;
    }

    private Statement For()
    {
        var names = Names();
        Words.ExpectName("in");
        var items = _expressions.ReadWithoutCondition();
        var filter = Words.TryName("if") ? _expressions.Read() : null;
        Words.ExpectEnd();
        var (body, end) = Body("else", "endfor");
        Words.ExpectEnd();
        Statement? otherwise = null;
        if (end == "else")
        {
            (otherwise, _) = Body("endfor");
            Words.ExpectEnd();
        }
        return (scope, output) =>
        {
            var all = TemplateValues.Items(items(scope));
            if (filter is not null)
            {
                all = [.. all.Where(item =>
                {
                    var inner = scope.Inner();
                    Assign(inner, names, item);
                    return TemplateValues.IsTrue(filter(inner));
                })];
            }
            if (all.Count == 0)
                return otherwise?.Invoke(scope, output) ?? Flow.Next;
            for (var i = 0; i < all.Count; i++)
            {
                scope.Budget.Step();
                var inner = scope.Inner();
                Assign(inner, names, all[i]);
                inner.Set("loop", new Dictionary<string, object?>(StringComparer.Ordinal)
                {
                    ["index"] = i + 1L,
                    ["index0"] = (long)i,
                    ["revindex"] = (long)all.Count - i,
                    ["revindex0"] = all.Count - i - 1L,
                    ["first"] = i == 0,
                    ["last"] = i == all.Count - 1,
                    ["length"] = (long)all.Count,
                    ["previtem"] = i > 0 ? all[i - 1] : new Undefined("previtem"),
                    ["nextitem"] = i + 1 < all.Count ? all[i + 1] : new Undefined("nextitem"),
                });
                if (body(inner, output) == Flow.Break)
                    break;
            }
            return Flow.Next;
        };
    }

    private List<string> Names()
    {
        var names = new List<string>();
        do
            names.Add(Words.Expect(LexemeKind.Name).Value);
        while (Words.TryOperator(","));
        return names;
    }

    private static void Assign(TemplateScope scope, List<string> names, object? value)
    {
        if (names.Count == 1)
        {
            scope.Set(names[0], value);
            return;
        }
        var parts = TemplateValues.Items(value);
        if (parts.Count != names.Count)
            throw new TemplateException($"{parts.Count} values for {names.Count} names");
        for (var i = 0; i < names.Count; i++)
            scope.Set(names[i], parts[i]);
    }

    private Statement Set()
    {
        var names = Names();
        if (Words.TryOperator("."))
        {
            var member = Words.Expect(LexemeKind.Name).Value;
            Words.ExpectOperator("=");
            var content = _expressions.ReadMany();
            Words.ExpectEnd();
            return (scope, _) =>
            {
                if (scope.Get(names[0]) is not TemplateNamespace space)
                    throw new TemplateException($"{names[0]} is no namespace");
                space[member] = content(scope);
                return Flow.Next;
            };
        }
        if (Words.TryOperator("="))
        {
            var value = _expressions.ReadMany();
            Words.ExpectEnd();
            return (scope, _) =>
            {
                Assign(scope, names, value(scope));
                return Flow.Next;
            };
        }
        Words.ExpectEnd();
        var (body, _) = Body("endset");
        Words.ExpectEnd();
        return (scope, _) =>
        {
            scope.Set(names[0], Run(body, scope.Inner()));
            return Flow.Next;
        };
    }

    private Statement Macro()
    {
        var name = Words.Expect(LexemeKind.Name).Value;
        Words.ExpectOperator("(");
        var parameters = new List<(string Name, Expression? Default)>();
        while (!Words.TryOperator(")"))
        {
            var parameter = Words.Expect(LexemeKind.Name).Value;
            parameters.Add((parameter, Words.TryOperator("=") ? _expressions.Read() : null));
            if (!Words.TryOperator(",") && !Words.IsOperator(")"))
                throw Words.Fault("the parameters of a macro are not parted by commas");
        }
        Words.ExpectEnd();
        var (body, _) = Body("endmacro");
        Words.ExpectEnd();
        return (scope, _) =>
        {
            scope.Set(name, (TemplateFunction)((arguments, named) =>
            {
                scope.Budget.Step();
                // A macro that calls itself without end would take the process down with the stack.
                System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
                var inner = scope.Inner();
                for (var i = 0; i < parameters.Count; i++)
                {
                    inner.Set(parameters[i].Name, i < arguments.Count ? arguments[i] : named.TryGetValue(parameters[i].Name, out var given) ? given
                        : parameters[i].Default is { } otherwise ? otherwise(inner) : new Undefined(parameters[i].Name));
                }
                return Run(body, inner);
            }));
            return Flow.Next;
        };
    }

    private static string Run(Statement body, TemplateScope scope)
    {
        var output = new StringBuilder();
        body(scope, output);
        return output.ToString();
    }
}
