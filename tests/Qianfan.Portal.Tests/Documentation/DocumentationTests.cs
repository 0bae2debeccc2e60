using System.Text.RegularExpressions;

namespace Qianfan.Portal.Tests.Documentation;

/// <summary>What the documentation points to is there.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string s_root = FindRoot();

    public static TheoryData<string> Pages => [.. Directory.EnumerateFiles(Path.Combine(s_root, "docs"), "*.md", SearchOption.AllDirectories).Append(Path.Combine(s_root, "README.md")).Select(p => Path.GetRelativePath(s_root, p))];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_link_leads_somewhere(string page)
    {
        var folder = Path.GetDirectoryName(Path.Combine(s_root, page))!;
        var links = Link().Matches(Text(page)).Select(m => m.Groups[1].Value).Where(l => !l.Contains("://", StringComparison.Ordinal));
        links.Select(l => Path.GetFullPath(Path.Combine(folder, l))).Where(p => !File.Exists(p) && !Directory.Exists(p)).ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_source_file_that_is_named_exists(string page) =>
        SourcePath().Matches(Text(page)).Select(m => m.Groups[1].Value).Where(p => !File.Exists(Path.Combine(s_root, p)) && !Directory.Exists(Path.Combine(s_root, p))).ShouldBeEmpty();

    [Fact]
    public void The_way_of_the_data_names_files_of_every_project() =>
        SourcePath().Matches(Text(Path.Combine("docs", "flow.md"))).Select(m => string.Join('/', m.Groups[1].Value.Split('/').Take(2))).Distinct()
            .ShouldBe(["src/Qianfan.Portal", "src/Qianfan.Platform", "src/Qianfan.Sdk", "src/Qianfan.Engine", "src/Qianfan.WorkerProtocol", "wwwroot-shared/js"], ignoreOrder: true);

    private static string Text(string page) => File.ReadAllText(Path.Combine(s_root, page));

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Qianfan.Portal.sln")))
            directory = directory.Parent;
        return directory.ShouldNotBeNull().FullName;
    }

    [GeneratedRegex(@"\]\(([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();

    // A whole path in backticks, without wildcards.
    [GeneratedRegex("`((?:src|tests|wwwroot-shared|eng|docs)/[A-Za-z0-9_./-]+)`")]
    private static partial Regex SourcePath();
}
