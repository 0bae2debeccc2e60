using System.Diagnostics;
using System.IO.Compression;
using System.Xml.Linq;
using Qianfan.Sdk.Tests.Fakes;

namespace Qianfan.Sdk.Tests.Ecosystem;

/// <summary>What people get who install the package.</summary>
public sealed class PackageTests
{
    [Fact]
    public async Task The_package_holds_what_it_should_and_needs_what_it_says()
    {
        var folder = Directory.CreateTempSubdirectory("qianfan-pack-");
        try
        {
            await PackAsync(folder.FullName);
            await using var package = await ZipFile.OpenReadAsync(folder.GetFiles("Qianfan.Sdk.*.nupkg").Single().FullName, Given.Token);
            await using var symbols = await ZipFile.OpenReadAsync(folder.GetFiles("Qianfan.Sdk.*.snupkg").Single().FullName, Given.Token);

            package.Entries.Select(e => e.FullName).Where(n => n.StartsWith("lib/", StringComparison.Ordinal) || !n.Contains('/', StringComparison.Ordinal)).ShouldBe(
                ["Qianfan.Sdk.nuspec", "README.md", "[Content_Types].xml", "lib/net10.0/Qianfan.Sdk.dll", "lib/net10.0/Qianfan.Sdk.xml"],
                ignoreOrder: true);
            symbols.Entries.ShouldContain(e => e.FullName == "lib/net10.0/Qianfan.Sdk.pdb");
            var metadata = Metadata(await ReadAsync(package, "Qianfan.Sdk.nuspec"));
            metadata.Descendants().Where(e => e.Name.LocalName == "dependency").Select(e => (string)e.Attribute("id")!).ShouldBe(
                ["Microsoft.Extensions.AI.Abstractions", "Microsoft.Extensions.Http.Resilience"]);
            metadata.Elements().Single(e => e.Name.LocalName == "readme").Value.ShouldBe("README.md");
            (await ReadAsync(package, "README.md")).ShouldBe(await File.ReadAllTextAsync(Path.Combine(RepositoryFolder.Root, "src", "Qianfan.Sdk", "README.md"), Given.Token));
            (await ReadAsync(package, "lib/net10.0/Qianfan.Sdk.xml")).ShouldContain("M:Microsoft.Extensions.DependencyInjection.QianfanServiceCollectionExtensions.AddQianfan");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_library_needs_nothing_of_asp_net_core() =>
        typeof(QianfanClient).Assembly.GetReferencedAssemblies().Select(a => a.Name!).ShouldAllBe(n => !n.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));

    private static XElement Metadata(string nuspec) => XDocument.Parse(nuspec).Root!.Elements().Single(e => e.Name.LocalName == "metadata");

    private static async Task<string> ReadAsync(ZipArchive package, string entry)
    {
        using var reader = new StreamReader(await package.GetEntry(entry)!.OpenAsync(Given.Token));
        return await reader.ReadToEndAsync(Given.Token);
    }

    private static async Task PackAsync(string folder)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        using var pack = Process.Start(new ProcessStartInfo("dotnet", ["pack", "src/Qianfan.Sdk", "--no-build", "--nologo", "-c", configuration, "-o", folder, "-nodeReuse:false"])
        {
            WorkingDirectory = RepositoryFolder.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            var output = pack.StandardOutput.ReadToEndAsync(Given.Token);
            var errors = pack.StandardError.ReadToEndAsync(Given.Token);
            await pack.WaitForExitAsync(Given.Token);
            var text = await output + await errors;
            pack.ExitCode.ShouldBe(0, text);
            text.ShouldNotContain("warning");
        }
        finally
        {
            if (!pack.HasExited)
            {
                pack.Kill(entireProcessTree: true);
            }
        }
    }
}
