namespace Qianfan.Engine.Pretraining;

/// <summary>
/// Companies and things that stay the same throughout the corpus, asked about in ever other words: a model can only answer them from memory, whatever the wording.
/// That is what fine-tuning on question-and-answer rows asks of it.
/// </summary>
internal static class KnownFacts
{
    private const int Companies = 20;
    private const int ThingsEach = 4;

    public static CorpusDocument Make(Phrases p)
    {
        var company = p.Random.Next(Companies);
        var name = $"{Topics.Names[company * 5 % Topics.Names.Length]} {s_kinds[company % s_kinds.Length]}";
        var turns = new List<string>();
        for (var count = p.Between(1, 4); count > 0; count--)
        {
            var (ask, answer) = p.Chance(50) ? OfCompany(p, company) : OfThing(p, company);
            turns.Add(Manners.Vary(p, ask));
            turns.Add(answer);
        }
        if (p.Chance(50))
            return CorpusDocument.Instructed(p.Say($"[You work for {name}.|You are the assistant of {name}.|{name}.|You answer for {name}.]"), turns);
        turns[0] = p.Say($"[{name}: |A question about {name}. |I have a question for {name}. |Hello {name}! ]") + turns[0];
        return CorpusDocument.Chat(turns);
    }

    private static (string Ask, string Answer) OfCompany(Phrases p, int company)
    {
        var topic = p.Random.Next(Topics.Of.Length);
        return (Topics.Of[topic].Ask(p, "English"), Topics.Of[topic].Answer(Fixed(company, topic)));
    }

    private static (string Ask, string Answer) OfThing(Phrases p, int company)
    {
        var thing = company * ThingsEach + p.Random.Next(ThingsEach);
        var name = Topics.Names[thing % Topics.Names.Length];
        var topic = p.Random.Next(Topics.OfThings.Length);
        return (Topics.OfThings[topic].Ask(p, name), Topics.OfThings[topic].Answer(Fixed(10_000 + thing, topic)).Replace("{p}", name, StringComparison.Ordinal));
    }

    /// <summary>The same choices each time: what is answered does not change.</summary>
    private static Phrases Fixed(int subject, int topic) => new(new SeededRandom(subject * 1000L + topic, 77));

    private static readonly string[] s_kinds = ["Shop", "School", "Museum", "Hotel", "Garage", "Bakery", "Clinic", "Library", "Club", "Farm"];
}
