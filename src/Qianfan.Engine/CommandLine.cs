using System.Globalization;

namespace Qianfan.Engine;

/// <summary>The words after the mode: <c>--name value</c>.</summary>
internal sealed class CommandLine
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <exception cref="FormatException">A word is not of that form, or a name is not among <paramref name="known"/>.</exception>
    public CommandLine(IReadOnlyList<string> words, params string[] known)
    {
        for (var i = 0; i < words.Count; i += 2)
        {
            if (!words[i].StartsWith("--", StringComparison.Ordinal) || i + 1 == words.Count || !known.Contains(words[i][2..]))
                throw new FormatException($"Unexpected {words[i]}. Known: {string.Join(", ", known.Select(name => $"--{name} VALUE"))}.");
            _values[words[i][2..]] = words[i + 1];
        }
    }

    public string? Text(string name) => _values.GetValueOrDefault(name);

    public string Required(string name) => Text(name) ?? throw new FormatException($"--{name} is missing.");

    public int Number(string name, int otherwise, int least = 1)
    {
        if (Text(name) is not { } text)
            return otherwise;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw new FormatException($"--{name} must be a whole number, at least {least}.");
    }

    public long Whole(string name, long otherwise)
    {
        if (Text(name) is not { } text)
            return otherwise;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1
            ? number
            : throw new FormatException($"--{name} must be a whole number, at least 1.");
    }

    public double Fraction(string name, double otherwise)
    {
        if (Text(name) is not { } text)
            return otherwise;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new FormatException($"--{name} must be a number above 0.");
    }
}
