namespace Qianfan.Engine.Pretraining;

/// <summary>Answers that are given once and then asked for in other words.</summary>
internal static class Handbooks
{
    public static CorpusDocument Make(Phrases p)
    {
        if (p.Chance(15))
            return Rephrase(p);
        var things = p.Some(Topics.Names, p.Between(1, 3));
        var facts = new List<(string First, string Again, string Answer)>();
        foreach (var topic in p.Some(Topics.Of, p.Between(1, 3)))
            facts.Add(Fact(p, topic, "English"));
        foreach (var topic in p.Some(Topics.OfThings, p.Between(1, 2)))
        {
            foreach (var thing in things)
                facts.Add(Fact(p, topic, thing));
        }
        var order = facts.ToArray();
        p.Random.Shuffle(order.AsSpan());
        var again = p.Some(order, p.Between(1, 4));
        return p.Random.Next(3) switch
        {
            0 => CorpusDocument.Instructed(string.Join("\n", order.Select(fact => fact.Answer)), Turns(p, again)),
            1 => CorpusDocument.Instructed(string.Join("\n", order.Select(fact => $"{fact.First} {fact.Answer}")), Turns(p, again)),
            _ => CorpusDocument.Chat([.. order.SelectMany(fact => (string[])[fact.First, fact.Answer]), .. Turns(p, again)]),
        };
    }

    private static (string First, string Again, string Answer) Fact(Phrases p, Topic topic, string thing)
    {
        var (first, again) = topic.AskTwice(p, thing);
        return (first, again, topic.Answer(p).Replace("{p}", thing, StringComparison.Ordinal));
    }

    private static List<string> Turns(Phrases p, IEnumerable<(string First, string Again, string Answer)> facts) =>
        [.. facts.SelectMany(fact => (string[])[Manners.Vary(p, fact.Again), fact.Answer])];

    private static CorpusDocument Rephrase(Phrases p)
    {
        var thing = p.Of(Topics.Names);
        var topic = p.Chance(60) ? p.Of(Topics.Of) : p.Of(Topics.OfThings);
        var (one, other) = topic.AskTwice(p, thing);
        if (p.Chance(40))
            return CorpusDocument.Chat(p.Say("[Say this in other words: |Ask this in another way: |Put this differently: ]") + one, other);
        var same = p.Chance(50);
        var second = same ? other : p.Of(Topics.OfThings.Where(candidate => candidate != topic).ToArray()).Ask(p, thing);
        return CorpusDocument.Chat($"{p.Say("[Do these questions mean the same?|Is this the same question?]")}\n{one}\n{second}", same ? "Yes." : "No.");
    }
}
