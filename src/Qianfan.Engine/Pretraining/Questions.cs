namespace Qianfan.Engine.Pretraining;

/// <summary>Questions about plain facts, in several wordings.</summary>
internal static class Questions
{
    public static CorpusDocument Make(Phrases p)
    {
        var turns = new List<string>();
        for (var count = p.Chance(45) ? p.Between(2, 4) : 1; count > 0; count--)
        {
            var (question, answer) = Pair(p);
            turns.Add(question);
            turns.Add(answer);
        }
        return p.Chance(12)
            ? CorpusDocument.Instructed(p.Say("[You are a helpful assistant.|Answer in one sentence.|You answer questions.|Be short and clear.]"), turns)
            : CorpusDocument.Chat(turns);
    }

    private static (string Question, string Answer) Pair(Phrases p)
    {
        switch (p.Random.Next(14))
        {
            case 0:
                var (country, capital, language, continent) = p.Of(Lexicon.Countries);
                return p.Random.Next(4) switch
                {
                    0 => (p.Say($"[What is the capital of {country}?|Which city is the capital of {country}?|Tell me the capital of {country}.]"), p.Say($"[The capital of {country} is {capital}.|{capital} is the capital of {country}.]")),
                    1 => (p.Say($"[Which language do people speak in {country}?|What is spoken in {country}?]"), $"People in {country} speak {language}."),
                    2 => (p.Say($"[Where is {country}?|On which continent is {country}?]"), $"{country} is in {continent}."),
                    _ => (p.Say($"[Which country has the capital {capital}?|{capital} is the capital of which country?]"), $"{capital} is the capital of {country}."),
                };
            case 1:
                var (one, other) = p.Of(Lexicon.Opposites);
                if (p.Chance(50))
                    (one, other) = (other, one);
                return (p.Say($"[What is the opposite of {one}?|Give me the opposite of \"{one}\".|Opposite of {one}?]"), p.Say($"[The opposite of {one} is {other}.|It is {other}.]"));
            case 2:
                var (single, many) = p.Of(Lexicon.Plurals);
                return (p.Say($"[What is the plural of {single}?|How do you write more than one {single}?]"), $"The plural of {single} is {many}.");
            case 3:
                var (thing, color) = p.Of(Lexicon.ThingColors);
                return (p.Say($"[What color is {thing}?|Which color does {thing} have?]"), $"{Phrases.Capital(thing)} is {color}.");
            case 4:
                var (young, animal, sound, home, food) = p.Of(Lexicon.Animals);
                return p.Random.Next(5) switch
                {
                    0 => (p.Say($"[What does {Phrases.A(animal)} eat?|What do you feed {Phrases.A(animal)}?]"), $"{Phrases.Capital(Phrases.A(animal))} eats {food}."),
                    1 => (p.Say($"[Where does {Phrases.A(animal)} live?|What is the home of {Phrases.A(animal)}?]"), $"{Phrases.Capital(Phrases.A(animal))} lives in the {home}."),
                    2 => (p.Say($"[What sound does {Phrases.A(animal)} make?|What does {Phrases.A(animal)} do when it makes a sound?]"), $"{Phrases.Capital(Phrases.A(animal))} {sound}."),
                    3 => (p.Say($"[What is a young {animal} called?|What do we call the baby of {Phrases.A(animal)}?]"), $"A young {animal} is called {Phrases.A(young)}."),
                    _ => (p.Say($"Is {Phrases.A(animal)} an animal?"), $"Yes, {Phrases.A(animal)} is an animal."),
                };
            case 5:
                var (job, does) = p.Of(Lexicon.Jobs);
                return p.Chance(50)
                    ? (p.Say($"[What does {Phrases.A(job)} do?|What is the work of {Phrases.A(job)}?]"), $"{Phrases.Capital(Phrases.A(job))} {does}.")
                    : (p.Say($"Who {does}?"), $"{Phrases.Capital(Phrases.A(job))} {does}.");
            case 6:
                var (present, past, _) = p.Of(Lexicon.Verbs);
                return (p.Say($"[What is the past tense of {present}?|How do you say \"{present}\" in the past?]"), $"The past tense of {present} is {past}.");
            case 7:
                var days = p.Chance(50) ? Lexicon.Days : Lexicon.Months;
                var at = p.Random.Next(days.Length);
                return p.Chance(50)
                    ? (p.Say($"[What comes after {days[at]}?|Which one follows {days[at]}?]"), $"{days[(at + 1) % days.Length]} comes after {days[at]}.")
                    : (p.Say($"What comes before {days[at]}?"), $"{days[(at + days.Length - 1) % days.Length]} comes before {days[at]}.");
            case 8:
                var number = p.Random.Next(Lexicon.Numbers.Length);
                return p.Chance(50)
                    ? ($"Write the number {number} as a word.", Phrases.Capital(Lexicon.Numbers[number]) + ".")
                    : ($"Write {Lexicon.Numbers[number]} as a number.", $"{number}");
            case 9:
                var kind = p.Random.Next(4);
                var (item, group) = kind switch { 0 => (p.Of(Lexicon.Foods), "food"), 1 => (p.Of(Lexicon.Colors), "color"), 2 => (p.Of(Lexicon.Animals).Name, "animal"), _ => (p.Of(Lexicon.Jobs).Job, "job") };
                return (p.Say($"[Is \"{item}\" a food, a color, an animal or a job?|What kind of word is \"{item}\": food, color, animal or job?]"), $"\"{Phrases.Capital(item)}\" is {Phrases.A(group)}.");
            default:
                return p.Of(Lexicon.Facts);
        }
    }
}
