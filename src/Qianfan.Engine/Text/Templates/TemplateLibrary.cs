using System.Globalization;

namespace Qianfan.Engine.Text.Templates;

/// <summary>Filters, tests, methods and functions that templates may use. Whatever is not here is refused when a template is read.</summary>
internal static class TemplateLibrary
{
    public delegate object? Filter(object? value, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named);

    public static readonly IReadOnlyDictionary<string, Filter> Filters = new Dictionary<string, Filter>(StringComparer.Ordinal)
    {
        ["trim"] = (value, arguments, _) => Trim(Text(value), arguments),
        ["length"] = (value, _, _) => (long)(value is string text ? text.Length : TemplateValues.Items(value).Count),
        ["count"] = (value, _, _) => (long)(value is string text ? text.Length : TemplateValues.Items(value).Count),
        ["upper"] = (value, _, _) => Text(value).ToUpperInvariant(),
        ["lower"] = (value, _, _) => Text(value).ToLowerInvariant(),
        ["capitalize"] = (value, _, _) => Capitalize(Text(value)),
        ["title"] = (value, _, _) => Title(Text(value)),
        ["string"] = (value, _, _) => TemplateValues.Text(value),
        ["safe"] = (value, _, _) => value,
        ["join"] = (value, arguments, _) => string.Join(arguments.Count > 0 ? Text(arguments[0]) : "", TemplateValues.Items(value).Select(TemplateValues.Text)),
        ["first"] = (value, _, _) => TemplateValues.Items(value) is { Count: > 0 } items ? items[0] : new Undefined("first"),
        ["last"] = (value, _, _) => TemplateValues.Items(value) is { Count: > 0 } items ? items[^1] : new Undefined("last"),
        ["list"] = (value, _, _) => TemplateValues.Items(value).ToList(),
        ["reverse"] = (value, _, _) => value is string text ? string.Concat(text.Reverse()) : TemplateValues.Items(value).Reverse().ToList(),
        ["items"] = (value, _, _) => Pairs(value),
        ["default"] = Default,
        ["d"] = Default,
        ["replace"] = (value, arguments, _) => Text(value).Replace(Text(arguments[0]), Text(arguments[1]), StringComparison.Ordinal),
        ["int"] = (value, _, _) => value is string text ? (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : 0L) : (long)TemplateValues.Number(value),
        ["abs"] = (value, _, _) => value is long number ? (object)Math.Abs(number) : Math.Abs(TemplateValues.Number(value)),
        ["tojson"] = (value, arguments, named) => TemplateValues.Json(value, arguments.Concat(named.Where(entry => entry.Key == "indent").Select(entry => entry.Value)).FirstOrDefault() is { } indent ? (int)TemplateValues.Whole(indent) : null),
        ["indent"] = Indent,
        ["map"] = Map,
        ["select"] = (value, arguments, _) => Choose(value, arguments, attribute: false, wanted: true),
        ["reject"] = (value, arguments, _) => Choose(value, arguments, attribute: false, wanted: false),
        ["selectattr"] = (value, arguments, _) => Choose(value, arguments, attribute: true, wanted: true),
        ["rejectattr"] = (value, arguments, _) => Choose(value, arguments, attribute: true, wanted: false),
    };

    public delegate bool Test(object? value, object? argument);

    public static readonly IReadOnlyDictionary<string, Test> Tests = new Dictionary<string, Test>(StringComparer.Ordinal)
    {
        ["defined"] = (value, _) => value is not Undefined,
        ["undefined"] = (value, _) => value is Undefined,
        ["none"] = (value, _) => value is null,
        ["string"] = (value, _) => value is string,
        ["number"] = (value, _) => value is long or double or bool,
        ["integer"] = (value, _) => value is long,
        ["float"] = (value, _) => value is double,
        ["boolean"] = (value, _) => value is bool,
        ["true"] = (value, _) => value is true,
        ["false"] = (value, _) => value is false,
        ["mapping"] = (value, _) => value is Dictionary<string, object?>,
        ["sequence"] = (value, _) => value is string or List<object?> or Dictionary<string, object?>,
        ["iterable"] = (value, _) => value is string or List<object?> or Dictionary<string, object?>,
        ["even"] = (value, _) => TemplateValues.Whole(value) % 2 == 0,
        ["odd"] = (value, _) => TemplateValues.Whole(value) % 2 != 0,
        ["divisibleby"] = (value, by) => TemplateValues.Whole(TemplateValues.Calculate("%", value, by)) == 0,
        ["equalto"] = TemplateValues.AreEqual,
        ["eq"] = TemplateValues.AreEqual,
        ["sameas"] = TemplateValues.AreEqual,
        ["ne"] = (value, other) => !TemplateValues.AreEqual(value, other),
        ["in"] = (value, container) => TemplateValues.Contains(container, value),
    };

    /// <summary>Tests that take an argument.</summary>
    public static readonly IReadOnlySet<string> TestsWithArgument = new HashSet<string>(StringComparer.Ordinal) { "divisibleby", "equalto", "eq", "sameas", "ne", "in" };

    public static readonly IReadOnlyDictionary<string, Filter> Methods = new Dictionary<string, Filter>(StringComparer.Ordinal)
    {
        ["strip"] = (value, arguments, _) => Trim(Text(value), arguments),
        ["lstrip"] = (value, arguments, _) => arguments.Count == 0 ? Text(value).TrimStart() : Text(value).TrimStart(Text(arguments[0]).ToCharArray()),
        ["rstrip"] = (value, arguments, _) => arguments.Count == 0 ? Text(value).TrimEnd() : Text(value).TrimEnd(Text(arguments[0]).ToCharArray()),
        ["upper"] = (value, _, _) => Text(value).ToUpperInvariant(),
        ["lower"] = (value, _, _) => Text(value).ToLowerInvariant(),
        ["title"] = (value, _, _) => Title(Text(value)),
        ["capitalize"] = (value, _, _) => Capitalize(Text(value)),
        ["startswith"] = (value, arguments, _) => Text(value).StartsWith(Text(arguments[0]), StringComparison.Ordinal),
        ["endswith"] = (value, arguments, _) => Text(value).EndsWith(Text(arguments[0]), StringComparison.Ordinal),
        ["find"] = (value, arguments, _) => (long)Text(value).IndexOf(Text(arguments[0]), StringComparison.Ordinal),
        ["replace"] = (value, arguments, _) => Text(value).Replace(Text(arguments[0]), Text(arguments[1]), StringComparison.Ordinal),
        ["split"] = Split,
        ["join"] = (value, arguments, _) => string.Join(Text(value), TemplateValues.Items(arguments[0]).Select(Text)),
        ["items"] = (value, _, _) => Pairs(value),
        ["keys"] = (value, _, _) => Mapping(value).Keys.Cast<object?>().ToList(),
        ["values"] = (value, _, _) => Mapping(value).Values.ToList(),
        ["get"] = (value, arguments, _) => Mapping(value).TryGetValue(Text(arguments[0]), out var found) ? found : arguments.Count > 1 ? arguments[1] : null,
    };

    public static readonly IReadOnlyDictionary<string, TemplateFunction> Functions = new Dictionary<string, TemplateFunction>(StringComparer.Ordinal)
    {
        ["range"] = (arguments, _) => Range(arguments),
        ["namespace"] = (_, named) => new TemplateNamespace(new Dictionary<string, object?>(named)),
        ["dict"] = (_, named) => new Dictionary<string, object?>(named, StringComparer.Ordinal),
        ["raise_exception"] = (arguments, _) => throw new TemplateRefusal(arguments.Count > 0 ? TemplateValues.Text(arguments[0]) : "it raises an exception"),
    };

    private static string Text(object? value) => value as string ?? throw new TemplateException($"text is expected, not {(value is Undefined missing ? missing.Name + ", which is undefined" : TemplateValues.Kind(value))}");

    private static Dictionary<string, object?> Mapping(object? value) => value as Dictionary<string, object?> ?? throw new TemplateException($"a mapping is expected, not {TemplateValues.Kind(value)}");

    private static string Trim(string text, IReadOnlyList<object?> arguments) => arguments.Count == 0 ? text.Trim() : text.Trim(Text(arguments[0]).ToCharArray());

    private static string Capitalize(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    private static string Title(string text) => CultureInfo.InvariantCulture.TextInfo.ToTitleCase(text.ToLowerInvariant());

    private static List<object?> Pairs(object? value) => [.. Mapping(value).Select(entry => (object?)new List<object?> { entry.Key, entry.Value })];

    private static object? Default(object? value, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
    {
        var falseToo = TemplateValues.IsTrue(arguments.Count > 1 ? arguments[1] : named.GetValueOrDefault("boolean"));
        return value is Undefined || falseToo && !TemplateValues.IsTrue(value) ? arguments.Count > 0 ? arguments[0] : "" : value;
    }

    private static List<object?> Split(object? value, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
    {
        var text = Text(value);
        if (arguments.Count == 0)
            return text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Cast<object?>().ToList();
        return (arguments.Count > 1 ? text.Split(Text(arguments[0]), (int)TemplateValues.Whole(arguments[1]) + 1) : text.Split(Text(arguments[0]))).Cast<object?>().ToList();
    }

    private static string Indent(object? value, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
    {
        var width = new string(' ', arguments.Count > 0 ? (int)TemplateValues.Whole(arguments[0]) : 4);
        var first = TemplateValues.IsTrue(arguments.Count > 1 ? arguments[1] : named.GetValueOrDefault("first"));
        return string.Join('\n', Text(value).Split('\n').Select((line, i) => (i == 0 ? !first : line.Length == 0) ? line : width + line));
    }

    private static List<object?> Map(object? value, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
    {
        if (named.TryGetValue("attribute", out var attribute))
            return TemplateValues.Items(value).Select(item => TemplateValues.Member(item, attribute)).ToList();
        var name = Text(arguments.Count > 0 ? arguments[0] : null);
        var filter = Filters.TryGetValue(name, out var found) ? found : throw new TemplateException($"the filter {name} is not supported");
        return TemplateValues.Items(value).Select(item => filter(item, [.. arguments.Skip(1)], named)).ToList();
    }

    private static List<object?> Choose(object? value, IReadOnlyList<object?> arguments, bool attribute, bool wanted)
    {
        var rest = arguments.Skip(attribute ? 1 : 0).ToList();
        Test test = (item, _) => TemplateValues.IsTrue(item);
        if (rest.Count > 0)
        {
            var name = Text(rest[0]);
            test = Tests.TryGetValue(name, out var found) ? found : throw new TemplateException($"the test {name} is not supported");
        }
        return TemplateValues.Items(value).Where(item => test(attribute ? TemplateValues.Member(item, arguments[0]) : item, rest.Count > 1 ? rest[1] : null) == wanted).ToList();
    }

    private static List<object?> Range(IReadOnlyList<object?> arguments)
    {
        var (start, stop, step) = arguments.Count switch
        {
            1 => (0, TemplateValues.Whole(arguments[0]), 1),
            2 => (TemplateValues.Whole(arguments[0]), TemplateValues.Whole(arguments[1]), 1),
            3 => (TemplateValues.Whole(arguments[0]), TemplateValues.Whole(arguments[1]), TemplateValues.Whole(arguments[2])),
            _ => throw new TemplateException("range takes one to three numbers"),
        };
        if (step == 0 || Math.Abs((double)stop - start) / Math.Abs((double)step) > 100_000)
            throw new TemplateException("a range is too long");
        var list = new List<object?>();
        for (var at = start; step > 0 ? at < stop : at > stop; at += step)
            list.Add(at);
        return list;
    }
}
