using Qianfan.Engine.Pretraining;

namespace Qianfan.Engine.Tests;

public sealed class CorpusTests
{
    [Fact]
    public void A_seed_gives_the_same_documents_in_any_order()
    {
        var first = Enumerable.Range(0, 300).Select(new CorpusGenerator(5).At).Select(Text).ToList();
        var again = Enumerable.Range(0, 300).Reverse().Select(new CorpusGenerator(5).At).Select(Text).Reverse().ToList();
        again.ShouldBe(first);
        Enumerable.Range(0, 300).Select(new CorpusGenerator(6).At).Select(Text).ShouldNotBe(first);
    }

    [Fact]
    public void No_document_is_empty_or_shows_a_template()
    {
        var generator = new CorpusGenerator(1);
        for (var index = 0; index < 5000; index++)
        {
            var document = generator.At(index);
            (document.Text is null).ShouldBe(document.Messages is not null);
            foreach (var part in document.Messages?.Select(turn => turn.Content) ?? [document.Text!])
            {
                part.ShouldNotBeNullOrWhiteSpace();
                part.IndexOfAny(['[', ']', '|', '{', '}']).ShouldBe(-1, part);
            }
        }
    }

    [Fact]
    public void Sums_are_right()
    {
        var generator = new CorpusGenerator(2);
        var sums = 0;
        for (var index = 0; index < 4000; index++)
        {
            foreach (var turn in generator.At(index).Messages ?? [])
            {
                if (turn.Role != "assistant" || turn.Content.Split(" = ") is not [var left, var right] || left.Split(" + ") is not [var a, var b] || !int.TryParse(a, out var one) || !int.TryParse(b, out var other))
                    continue;
                int.Parse(right, null).ShouldBe(one + other);
                sums++;
            }
        }
        sums.ShouldBeGreaterThan(50);
    }

    private static string Text(CorpusDocument document) => document.Text ?? string.Join("\n", document.Messages!.Select(turn => $"{turn.Role}: {turn.Content}"));
}
