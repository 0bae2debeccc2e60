using PublicApiGenerator;

namespace Qianfan.Sdk.Tests.Ecosystem;

/// <summary>What is public is public on purpose: a change of it is a change of a reviewed file.</summary>
public sealed class PublicApiTests
{
    /// <summary>Set to 1, the file is written anew.</summary>
    private const string UpdateVariable = "UPDATE_PUBLIC_API";

    [Fact]
    public async Task The_public_api_is_the_reviewed_one()
    {
        var file = Path.Combine(RepositoryFolder.Root, "src", "Qianfan.Sdk", "PublicAPI.txt");
        var options = new ApiGeneratorOptions { IncludeAssemblyAttributes = false, DenyNamespacePrefixes = [], ExcludeAttributes = ["System.CodeDom.Compiler.GeneratedCodeAttribute", "System.Text.Json.Serialization.JsonSerializableAttribute"] };
        var api = typeof(QianfanClient).Assembly.GeneratePublicApi(options).ReplaceLineEndings("\n") + "\n";
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            await File.WriteAllTextAsync(file, api, TestContext.Current.CancellationToken);
        }

        var reviewed = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
        var difference = api.Split('\n').Zip(reviewed.Split('\n')).FirstOrDefault(lines => lines.First != lines.Second);
        (api == reviewed).ShouldBeTrue($"The public API changed, first at \"{difference.First?.Trim()}\" (reviewed: \"{difference.Second?.Trim()}\"). If that is meant, run this test with {UpdateVariable}=1 and review PublicAPI.txt.");
    }
}
