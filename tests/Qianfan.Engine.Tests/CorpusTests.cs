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

    [Fact]
    public void Answers_about_a_company_stay_the_same_whatever_the_wording()
    {
        var generator = new CorpusGenerator(3);
        var answers = new Dictionary<string, (string Question, string Answer)>();
        var reworded = 0;
        for (var index = 0; index < 60_000; index++)
        {
            if (generator.At(index).Messages is not { } turns || turns[0] is not { Role: "system" } system || !system.Content.StartsWith("You answer for ", StringComparison.Ordinal))
                continue;
            for (var turn = 1; turn < turns.Count; turn += 2)
            {
                // What a thing costs, by company and thing.
                if (turns[turn + 1].Content.Split(' ') is not ["The", var thing, "costs", ..])
                    continue;
                var known = answers.GetValueOrDefault($"{system.Content} {thing}", (turns[turn].Content, turns[turn + 1].Content));
                turns[turn + 1].Content.ShouldBe(known.Item2);
                reworded += known.Item1 == turns[turn].Content ? 0 : 1;
                answers[$"{system.Content} {thing}"] = known;
            }
        }
        reworded.ShouldBeGreaterThan(10);
    }

    [Fact]
    public void A_topic_is_asked_in_several_wordings_that_name_the_thing()
    {
        foreach (var topic in Topics.Of.Concat(Topics.OfThings).Concat(Topics.Chinese))
        {
            topic.Questions.Length.ShouldBeGreaterThanOrEqualTo(3);
            topic.Questions.Distinct().Count().ShouldBe(topic.Questions.Length);
        }
        foreach (var question in Topics.OfThings.SelectMany(topic => topic.Questions))
            question.ShouldContain("{p}");
    }

    [Fact]
    public void A_dictionary_and_poems_take_part_when_they_are_given()
    {
        using var folder = new TestFolder();
        const string Big = "00000010 00 a 02 big 0 large 0 001 ! 00000099 a 0101 | above average in size or number; \"a big house\"; \"large numbers\"  ";
        File.WriteAllText(folder.At("data.adj"), $"  1 This is a licence.\n{Big}\n");
        foreach (var empty in (string[])["data.noun", "data.verb", "data.adv"])
            File.WriteAllText(folder.At(empty), "");
        File.WriteAllText(folder.At("index.sense"), "big%3:00:01:: 00000010 1 107\nlarge%3:00:01:: 00000010 1 0\n");
        File.WriteAllText(folder.At("poems.json"), """{"title":"t","content":[{"type":"x","content":[{"chapter":"登鸛雀樓","author":"王之渙","paragraphs":["白日依山盡，黃河入海流。","欲窮千里目，更上一層樓。"]}]}]}""");
        var dictionary = new WordNet(folder.Path);
        var poems = new Poems(folder.At("poems.json"));
        (dictionary.Count, poems.Count).ShouldBe((1, 1));

        var texts = Enumerable.Range(0, 2000).Select(new CorpusGenerator(4, dictionary, poems).At).Select(Text).ToList();

        texts.ShouldContain(text => text.Contains("Above average in size or number.", StringComparison.Ordinal));
        texts.ShouldContain(text => text.Contains("A big house.", StringComparison.Ordinal));
        texts.ShouldNotContain(text => text.Contains("Large numbers.", StringComparison.Ordinal));
        texts.ShouldContain(text => text.Contains("欲窮千里目", StringComparison.Ordinal));
    }

    [Fact]
    public void Sources_that_are_not_there_are_named()
    {
        using var folder = new TestFolder();
        Should.Throw<EngineException>(() => new WordNet(folder.Path)).Message.ShouldContain("data.noun");
        Should.Throw<EngineException>(() => new Poems(folder.At("poems.json"))).Message.ShouldContain("poems.json");
    }

    private static string Text(CorpusDocument document) => document.Text ?? string.Join("\n", document.Messages!.Select(turn => $"{turn.Role}: {turn.Content}"));
}
