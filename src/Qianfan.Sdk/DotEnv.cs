namespace Qianfan.Sdk;

/// <summary>The lines of a dotenv file: <c>NAME=value</c>, <c>export NAME="value" # why</c>; the last line of a name counts.</summary>
internal static class DotEnv
{
    public static IReadOnlyDictionary<string, string> Parse(IEnumerable<string> lines)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            var text = line.AsSpan().Trim();
            if (text.StartsWith("export ", StringComparison.Ordinal))
            {
                text = text["export ".Length..].TrimStart();
            }

            var equals = text.IndexOf('=');
            if (equals > 0 && text[0] != '#')
            {
                values[text[..equals].TrimEnd().ToString()] = Value(text[(equals + 1)..].TrimStart());
            }
        }

        return values;
    }

    private static string Value(ReadOnlySpan<char> text)
    {
        if (text.Length > 0 && text[0] is '"' or '\'')
        {
            var end = text[1..].IndexOf(text[0]);
            if (end >= 0)
            {
                return text.Slice(1, end).ToString();
            }
        }

        // A # begins a comment only after a space: keys may hold it.
        var comment = text.IndexOf(" #", StringComparison.Ordinal);
        return (comment < 0 ? text : text[..comment]).TrimEnd().ToString();
    }
}
