using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Qianfan.Engine.Text.Templates;

/// <summary>Values as Python has them: none, truth, numbers, text, lists, mappings.</summary>
internal static class TemplateValues
{
    private static readonly JavaScriptEncoder s_encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool truth => truth,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        ICollection items => items.Count > 0,
        _ => true,
    };

    public static string Text(object? value) => value switch
    {
        Undefined => "",
        null => "None",
        bool truth => truth ? "True" : "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number => number.ToString(number == Math.Floor(number) ? "0.0" : "R", CultureInfo.InvariantCulture),
        string text => text,
        _ => throw new TemplateException($"printing {Kind(value)} is not supported"),
    };

    public static string Kind(object? value) => value switch
    {
        null => "none",
        Undefined => "an undefined value",
        bool => "a truth value",
        long or double => "a number",
        string => "text",
        IDictionary => "a mapping",
        IList => "a list",
        _ => "a function",
    };

    public static bool AreEqual(object? a, object? b)
    {
        if (a is bool truthA)
            a = truthA ? 1L : 0L;
        if (b is bool truthB)
            b = truthB ? 1L : 0L;
        return (a, b) switch
        {
            (long x, double y) => x == y,
            (double x, long y) => x == y,
            (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(pair => AreEqual(pair.First, pair.Second)),
            _ => Equals(a, b),
        };
    }

    public static int Compare(object? a, object? b) => (a, b) switch
    {
        (long x, long y) => x.CompareTo(y),
        (long or double, long or double) => Number(a).CompareTo(Number(b)),
        (string x, string y) => string.CompareOrdinal(x, y),
        _ => throw new TemplateException($"{Kind(a)} can't be compared with {Kind(b)}"),
    };

    public static bool Contains(object? container, object? item) => container switch
    {
        string text => text.Contains(item as string ?? throw new TemplateException($"{Kind(item)} can't be looked for in text"), StringComparison.Ordinal),
        Dictionary<string, object?> map => item is string key && map.ContainsKey(key),
        List<object?> list => list.Exists(entry => AreEqual(entry, item)),
        _ => throw new TemplateException($"{Kind(container)} contains nothing"),
    };

    /// <summary>A mapping gives its keys, a text its characters.</summary>
    public static IReadOnlyList<object?> Items(object? value) => value switch
    {
        List<object?> list => list,
        Dictionary<string, object?> map => [.. map.Keys],
        string text => [.. text.EnumerateRunes().Select(rune => rune.ToString())],
        Undefined => [],
        _ => throw new TemplateException($"{Kind(value)} can't be gone through"),
    };

    public static long Whole(object? value) => value switch
    {
        long number => number,
        bool truth => truth ? 1 : 0,
        _ => throw new TemplateException($"{Kind(value)} is no whole number"),
    };

    public static double Number(object? value) => value is double number ? number : Whole(value);

    public static object? Calculate(string sign, object? a, object? b)
    {
        switch (sign, a, b)
        {
            case ("+", string x, string y):
                return x + y;
            case ("+", List<object?> x, List<object?> y):
                return new List<object?>([.. x, .. y]);
            case ("*", string text, long times):
                return times * text.Length <= 1 << 20 ? string.Concat(Enumerable.Repeat(text, (int)Math.Max(0, times))) : throw new TemplateException("a repeated text is too long");
        }
        if (a is not (long or double or bool) || b is not (long or double or bool))
            throw new TemplateException($"{Kind(a)} {sign} {Kind(b)} is not supported");
        if (sign is "/" or "//" or "%" && Number(b) == 0)
            throw new TemplateException("a division by zero");
        if (sign == "/" || a is double || b is double)
        {
            var (x, y) = (Number(a), Number(b));
            return sign switch { "+" => x + y, "-" => x - y, "*" => x * y, "/" => x / y, "//" => Math.Floor(x / y), _ => x - y * Math.Floor(x / y) };
        }
        var (p, q) = (Whole(a), Whole(b));
        try
        {
            return checked(sign switch { "+" => p + q, "-" => p - q, "*" => p * q, "//" => (long)Math.Floor((double)p / q), _ => (p % q + q) % q });
        }
        catch (OverflowException)
        {
            throw new TemplateException("a number is too large");
        }
    }

    /// <summary>A member by name or place; undefined if there is none.</summary>
    public static object? Member(object? value, object? key)
    {
        switch (value, key)
        {
            case (Dictionary<string, object?> map, string name):
                return map.TryGetValue(name, out var found) ? found : new Undefined(name);
            case (List<object?> list, long index):
                return Place(list.Count, index) is >= 0 and var at ? list[at] : new Undefined($"[{index}]");
            case (string text, long index):
                return Place(text.Length, index) is >= 0 and var place ? text[place].ToString() : new Undefined($"[{index}]");
            case (Undefined missing, _):
                throw new TemplateException($"{missing.Name} is undefined");
            default:
                return new Undefined(Text(key));
        }

        static int Place(int count, long index) => (index < 0 ? index + count : index) is var at && at >= 0 && at < count ? (int)at : -1;
    }

    public static object? Slice(object? value, object? start, object? stop, object? step)
    {
        var by = step is null ? 1 : Whole(step);
        if (by == 0)
            throw new TemplateException("a slice has step 0");
        var count = value switch { string text => text.Length, List<object?> list => list.Count, _ => throw new TemplateException($"{Kind(value)} can't be sliced") };
        var first = Bound(start, by > 0 ? 0 : count - 1);
        var end = Bound(stop, by > 0 ? count : -1);
        var places = new List<int>();
        for (var at = first; by > 0 ? at < end : at > end; at += by)
            places.Add((int)at);
        return value is string source ? string.Concat(places.Select(at => source[at])) : new List<object?>(places.Select(at => ((List<object?>)value!)[at]));

        long Bound(object? bound, long otherwise)
        {
            if (bound is null)
                return otherwise;
            var at = Whole(bound);
            if (at < 0)
                at += count;
            return by > 0 ? Math.Clamp(at, 0, count) : Math.Clamp(at, -1, count - 1);
        }
    }

    /// <summary>As Python's <c>json.dumps</c> writes it.</summary>
    public static string Json(object? value, int? indent)
    {
        var text = new StringBuilder();
        Write(value, 0);
        return text.ToString();

        void Write(object? item, int depth)
        {
            switch (item)
            {
                case null or Undefined:
                    text.Append("null");
                    break;
                case bool truth:
                    text.Append(truth ? "true" : "false");
                    break;
                case string words:
                    text.Append('"').Append(s_encoder.Encode(words)).Append('"');
                    break;
                case Dictionary<string, object?> map:
                    Many('{', '}', map, entry =>
                    {
                        text.Append('"').Append(s_encoder.Encode(entry.Key)).Append("\": ");
                        Write(entry.Value, depth + 1);
                    });
                    break;
                case List<object?> list:
                    Many('[', ']', list, entry => Write(entry, depth + 1));
                    break;
                default:
                    text.Append(Text(item));
                    break;
            }

            void Many<T>(char open, char close, ICollection<T> items, Action<T> write)
            {
                text.Append(open);
                var first = true;
                foreach (var entry in items)
                {
                    text.Append(first ? "" : indent is null ? ", " : ",");
                    NewLine(depth + 1);
                    write(entry);
                    first = false;
                }
                if (items.Count > 0)
                    NewLine(depth);
                text.Append(close);
            }

            void NewLine(int level)
            {
                if (indent is { } width)
                    text.Append('\n').Append(' ', width * level);
            }
        }
    }
}
