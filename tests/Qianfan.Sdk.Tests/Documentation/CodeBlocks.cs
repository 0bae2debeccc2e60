using System.Text.RegularExpressions;
using Qianfan.Sdk.Tests.Ecosystem;

namespace Qianfan.Sdk.Tests.Documentation;

/// <summary>The C# examples of a page of the documentation, and whether a test runs them.</summary>
internal static partial class CodeBlocks
{
    /// <summary>The examples of a page that don't stand in a source file, word by word.</summary>
    public static async Task<(int Count, IReadOnlyList<string> Missing)> CompareAsync(string page, string source, CancellationToken cancellationToken)
    {
        var code = Normalize(await File.ReadAllTextAsync(Path.Combine(RepositoryFolder.Root, source), cancellationToken));
        var text = await File.ReadAllTextAsync(Path.Combine(RepositoryFolder.Root, page), cancellationToken);
        var examples = CodeBlock().Matches(text).Select(m => Normalize(m.Groups[1].Value)).ToList();
        return (examples.Count, [.. examples.Where(e => !code.Contains(e, StringComparison.Ordinal))]);
    }

    private static string Normalize(string code) => string.Join('\n', code.ReplaceLineEndings("\n").Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));

    [GeneratedRegex("```csharp\r?\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
