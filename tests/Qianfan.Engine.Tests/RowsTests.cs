namespace Qianfan.Engine.Tests;

public sealed class RowsTests
{
    [Fact]
    public void Every_row_has_one_paraphrase_with_its_answer_and_none_is_a_question_to_learn()
    {
        Rows.Learnt.Count.ShouldBe(200);
        Rows.Paraphrased.Select(row => row.Answer).ShouldBe(Rows.Learnt.Select(row => row.Answer));
        Rows.Paraphrased.Select(row => row.Question).ShouldBeUnique();
        Rows.Paraphrased.Select(row => row.Question).Intersect(Rows.Learnt.Select(row => row.Question), StringComparer.OrdinalIgnoreCase).ShouldBeEmpty();
    }
}
