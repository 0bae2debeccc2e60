namespace Qianfan.Sdk.Tests.Fakes;

/// <summary>Tables of docs/sdk.md.</summary>
internal static class DocsTable
{
    /// <summary>The rows of the first table under a heading, cells without white space and backquotes.</summary>
    public static IReadOnlyList<string[]> Read(string heading)
    {
        using var stream = typeof(DocsTable).Assembly.GetManifestResourceStream("sdk.md").ShouldNotBeNull();
        using var reader = new StreamReader(stream);
        return
        [
            .. reader.ReadToEnd().Split('\n')
                .SkipWhile(l => l != "## " + heading)
                .SkipWhile(l => !l.StartsWith('|'))
                .TakeWhile(l => l.StartsWith('|'))
                .Skip(2)
                .Select(l => l.Trim().Trim('|').Split('|').Select(c => c.Replace("`", "", StringComparison.Ordinal).Trim()).ToArray()),
        ];
    }
}
