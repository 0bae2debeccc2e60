namespace Qianfan.Engine.Pretraining;

/// <summary>Sums, differences and small products, bare and in words.</summary>
internal static class Arithmetic
{
    public static CorpusDocument Make(Phrases p)
    {
        var turns = new List<string>();
        for (var count = p.Between(1, 4); count > 0; count--)
        {
            var (ask, answer) = Pair(p);
            turns.Add(ask);
            turns.Add(answer);
        }
        return CorpusDocument.Chat(turns);
    }

    private static (string Ask, string Answer) Pair(Phrases p)
    {
        var most = p.Chance(60) ? 10 : 50;
        int a = p.Between(0, most), b = p.Between(0, most);
        var (name, thing) = (p.Of(Lexicon.Names), p.Say("[bread|cake|cheese|fruit|chocolate|paper|pie]"));
        return p.Random.Next(6) switch
        {
            0 => (p.Say($"[What is {a} plus {b}?|{a} + {b} = ?|How much is {a} + {b}?]"), $"{a} + {b} = {a + b}"),
            1 => (p.Say($"[What is {a + b} minus {b}?|{a + b} - {b} = ?]"), $"{a + b} - {b} = {a}"),
            2 => (p.Say($"[What is {a % 11} times {b % 11}?|{a % 11} x {b % 11} = ?]"), $"{a % 11} x {b % 11} = {a % 11 * (b % 11)}"),
            3 => ($"{name} has {a} pieces of {thing} and gets {b} more. How many does {name} have?", $"{name} has {a} + {b} = {a + b} pieces of {thing}."),
            4 => ($"{name} has {a + b} pieces of {thing} and gives away {b}. How many are left?", $"There are {a + b} - {b} = {a} pieces of {thing} left."),
            _ => (p.Say($"[Which is larger, {a} or {b}?|Which number is greater: {a} or {b}?]"), a == b ? "They are equal." : $"{Math.Max(a, b)} is larger."),
        };
    }
}
