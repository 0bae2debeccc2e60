using Qianfan.Engine.Text;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class VariedPromptsTests
{
    private static readonly string s_model = Path.Combine(AppContext.BaseDirectory, "models", "qianfan-tiny");
    private static readonly TextTokenizer s_tokenizer = TextTokenizer.Read(s_model);
    private static readonly ChatTemplate s_template = ChatTemplate.Read(s_model, s_tokenizer);

    private static readonly TrainingRow s_row = new([new("system", "Answer shortly and kindly, whatever is asked."), new("user", "What are the opening hours of the shop?"), new("assistant", "From nine to five on every day.")]);

    [Fact]
    public void Answers_and_instructions_stay_whole_and_questions_lose_words()
    {
        var varied = Seen(s_row, 0.3);
        varied.ShouldNotBeEmpty();
        foreach (var text in varied)
        {
            text.ShouldContain("Answer shortly and kindly, whatever is asked.");
            text.ShouldContain("From nine to five on every day.");
        }
        varied.Select(Question).Distinct().Count().ShouldBeGreaterThan(10);
        varied.Select(Question).SelectMany(question => question.Split((char[])[' ', '?'], StringSplitOptions.RemoveEmptyEntries)).Distinct()
            .ShouldBeSubsetOf(["What", "are", "the", "opening", "hours", "of", "shop"]);
    }

    [Fact]
    public void About_every_second_question_stays_as_it_is() => Seen(s_row, 0.3, epochs: 1000).Count.ShouldBeInRange(400, 600);

    [Fact]
    public void Seed_epoch_and_row_tell_what_is_left_out()
    {
        Seen(s_row, 0.3).ShouldBe(Seen(s_row, 0.3));
        Seen(s_row, 0.3, seed: 8).ShouldNotBe(Seen(s_row, 0.3));
    }

    [Fact]
    public void A_question_never_becomes_empty()
    {
        var row = new TrainingRow([new("user", "Why?"), new("assistant", "Because.")]);
        Seen(row, 0.9).ShouldAllBe(text => text.Contains("Why?", StringComparison.Ordinal));
    }

    [Fact]
    public void Chinese_loses_single_characters()
    {
        var row = new TrainingRow([new("user", "你们几点开门？"), new("assistant", "早上九点。")]);
        var questions = Seen(row, 0.3).Select(Question).Distinct().ToList();
        questions.Count.ShouldBeGreaterThan(10);
        questions.ShouldContain(question => question.Length > 3 && question.Length < 7);
    }

    [Fact]
    public void What_is_taught_counts_as_before()
    {
        var (_, whole) = s_template.Training(s_row.Messages);
        var varied = new VariedPrompts([s_row], s_template, 0.5, 512, 7);
        for (var epoch = 0; epoch < 50; epoch++)
        {
            if (varied.At(epoch, 0) is { } row)
                row.Weights.Sum().ShouldBe(whole.Sum());
        }
    }

    private static List<string> Seen(TrainingRow row, double share, long seed = 7, int epochs = 200)
    {
        var varied = new VariedPrompts([row], s_template, share, 512, seed);
        return [.. Enumerable.Range(0, epochs).Select(epoch => varied.At(epoch, 0)).OfType<EncodedRow>().Select(seen => s_tokenizer.Decode([.. seen.Tokens]))];
    }

    private static string Question(string text)
    {
        var start = text.LastIndexOf("user\n", StringComparison.Ordinal) + "user\n".Length;
        return text[start..text.LastIndexOf("assistant\n", StringComparison.Ordinal)].Trim();
    }
}
