using System.Text;
using Qianfan.Engine.Serving;

namespace Qianfan.Engine.Tests;

public sealed class AnswerTextTests
{
    [Fact]
    public void Characters_are_shown_only_when_complete()
    {
        var text = new AnswerText([]);
        var shown = Encoding.UTF8.GetBytes("a天😀b").Select(value => text.Add([value])).ToList();
        shown.Where(part => part.Length > 0).ShouldBe(["a", "天", "😀", "b"]);
        text.Finish().ShouldBe("");
    }

    [Fact]
    public void An_incomplete_character_at_the_end_becomes_a_replacement()
    {
        var text = new AnswerText([]);
        text.Add([0xe5, 0xa4]).ShouldBe("");
        text.Finish().ShouldBe("\ufffd");
    }

    [Fact]
    public void What_may_become_a_stop_text_is_held_back()
    {
        var text = new AnswerText(["END", "天空"]);
        text.Add("abE"u8).ShouldBe("ab");
        text.Add("N"u8).ShouldBe("");
        text.Add("d天"u8).ShouldBe("ENd");
        text.Add("气"u8).ShouldBe("天气");
        text.Stopped.ShouldBeFalse();
        text.Add(" xEND more"u8).ShouldBe(" x");
        text.Stopped.ShouldBeTrue();
        text.Add("y"u8).ShouldBe("");
        text.Finish().ShouldBe("");
    }

    [Fact]
    public void The_first_of_several_stop_texts_counts_and_what_is_held_is_shown_at_the_end()
    {
        var text = new AnswerText(["zz", "b"]);
        text.Add("abzz"u8).ShouldBe("a");
        text.Stopped.ShouldBeTrue();

        var unfinished = new AnswerText(["zz"]);
        unfinished.Add("az"u8).ShouldBe("a");
        unfinished.Finish().ShouldBe("z");
    }
}
