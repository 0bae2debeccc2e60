namespace Qianfan.Engine.Pretraining;

/// <summary>A few sentences with facts made up on the spot, and questions that only they answer.</summary>
internal static class Passages
{
    public static CorpusDocument Make(Phrases p)
    {
        var facts = new List<(string Sentence, string Question, string Answer)>();
        foreach (var name in p.Some(Lexicon.Names, p.Between(2, 4)))
        {
            facts.Add(Fact(p, name));
            if (p.Chance(40))
                facts.Add(Fact(p, name));
        }
        facts = [.. facts.DistinctBy(fact => fact.Question)];
        var text = string.Join(" ", facts.Select(fact => fact.Sentence));
        var asked = p.Some(facts, p.Between(1, 3));
        if (p.Chance(20))
            return CorpusDocument.Instructed(p.Say($"[Use this information|Answer from this text]: {text}"), [.. asked.SelectMany(fact => (string[])[fact.Question, fact.Answer])]);
        if (p.Chance(20))
            return CorpusDocument.Plain($"{text}\n\n{string.Join("\n", asked.Select(fact => $"Question: {fact.Question}\nAnswer: {fact.Answer}"))}");
        return CorpusDocument.Chat([.. asked.SelectMany((fact, index) => (string[])[index == 0 ? $"{text}\n{fact.Question}" : fact.Question, fact.Answer])]);
    }

    private static (string Sentence, string Question, string Answer) Fact(Phrases p, string name)
    {
        var (place, thing, color, food, number) = (p.Of(Lexicon.Places), p.Of(Lexicon.Objects), p.Of(Lexicon.Colors), p.Of(Lexicon.Foods), p.Between(2, 60));
        var job = p.Of(Lexicon.Jobs).Job;
        var country = p.Of(Lexicon.Countries).Country;
        var day = p.Of(Lexicon.Days);
        return p.Random.Next(9) switch
        {
            0 => ($"{name} is {Phrases.A(job)}.", $"What is the job of {name}?", $"{name} is {Phrases.A(job)}."),
            1 => ($"{name} has {Phrases.A(color)} {thing}.", $"What does {name} have?", $"{name} has {Phrases.A(color)} {thing}."),
            2 => ($"{name} is at the {place}.", $"Where is {name}?", $"{name} is at the {place}."),
            3 => ($"{name} likes {food}.", $"What does {name} like?", $"{name} likes {food}."),
            4 => ($"{name} is {number} years old.", $"How old is {name}?", $"{name} is {number} years old."),
            5 => ($"{name} comes from {country}.", $"Where does {name} come from?", $"{name} comes from {country}."),
            6 => ($"{name} goes to the {place} on {day}.", $"When does {name} go to the {place}?", $"{name} goes to the {place} on {day}."),
            7 => ($"The favorite color of {name} is {color}.", $"What is the favorite color of {name}?", $"The favorite color of {name} is {color}."),
            _ => ($"{name} put the {thing} in the {place}.", $"Where is the {thing}?", $"The {thing} is in the {place}."),
        };
    }
}
