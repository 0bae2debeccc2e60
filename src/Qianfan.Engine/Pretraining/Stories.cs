namespace Qianfan.Engine.Pretraining;

/// <summary>Short stories with a hero, a wish, a trouble, help and an end.</summary>
internal static class Stories
{
    public static CorpusDocument Make(Phrases p)
    {
        var animal = p.Chance(60);
        var kind = p.Of(Lexicon.Animals).Name;
        var name = p.Of(Lexicon.Names);
        var friend = p.Of(Lexicon.Names);
        while (friend == name)
            friend = p.Of(Lexicon.Names);
        var thing = p.Of(Lexicon.Objects);
        var place = p.Of(Lexicon.Places);
        var adjective = p.Of(Lexicon.Adjectives);
        var story = Tell(p, name, animal ? kind : p.Say("[girl|boy|child]"), friend, thing, place, adjective);
        if (p.Chance(35))
            return CorpusDocument.Plain(story);
        var ask = p.Random.Next(5) switch
        {
            0 => p.Say($"[Tell me|Please tell me|Write] a [short |]story about {(animal ? Phrases.A(kind) : name)}."),
            1 => p.Say($"[Tell me|Write] a story about {name} and {Phrases.A(thing)}."),
            2 => p.Say($"[Can you tell|Please write] a story that happens at the {place}?"),
            3 => p.Say($"I want to hear a story about {name} and {friend}."),
            _ => p.Say("[Tell me a story.|Write a short story.|Can you tell me a story?|I am bored. Tell me a story.]"),
        };
        return p.Chance(30)
            ? CorpusDocument.Chat(ask, story, p.Say("[Who is the story about?|What is the name of the hero?]"), p.Say($"[The story is about {name}.|It is about {name}.]"))
            : CorpusDocument.Chat(ask, story);
    }

    private static string Tell(Phrases p, string name, string kind, string friend, string thing, string place, string adjective)
    {
        var color = p.Of(Lexicon.Colors);
        var start = p.Say($"[Once upon a time|One day|Long ago|Last summer|One morning], there [was|lived] {Phrases.A(adjective)} {kind} [named|called] {name}. {name} [loved|liked] to {p.Of(Lexicon.Verbs).Present} [in|near] the {place}.");
        var trouble = p.Random.Next(6) switch
        {
            0 => p.Say($"One day {name} lost {Phrases.A(color)} {thing}. {name} looked [everywhere|under the bed|behind the door], but could not find it. {name} felt [sad|worried]."),
            1 => p.Say($"[It started to rain|A strong wind came|It became dark], and {name} could not find the way home. {name} was [afraid|cold|alone]."),
            2 => p.Say($"{name} wanted {Phrases.A(color)} {thing} [very much|more than anything], but it was too [expensive|high|heavy|far away]."),
            3 => p.Say($"{name} saw {Phrases.A(thing)} at the {place}. It was {p.Of(Lexicon.Adjectives)} and {color}. \"[Whose is it|Who left this here]?\" [asked|wondered] {name}."),
            4 => p.Say($"{name} and {friend} [wanted|decided] to build {Phrases.A(thing)}, but they did not know how to begin."),
            _ => p.Say($"{name} was [hungry|thirsty], but there was no {p.Of(Lexicon.Meals)} left at home."),
        };
        var help = p.Random.Next(5) switch
        {
            0 => p.Say($"Then {friend} came and [said|asked], \"[Can I help you|What is wrong|Why are you sad], {name}?\" {name} told {friend} everything. \"[Do not worry|Let us look together|I have an idea],\" said {friend}."),
            1 => p.Say($"{name} met {Phrases.A(p.Of(Lexicon.Adjectives))} {p.Of(Lexicon.Animals).Name} near the {p.Of(Lexicon.Places)}. \"[Follow me|I can show you|Come with me],\" it said."),
            2 => p.Say($"{name} asked {Phrases.A(p.Of(Lexicon.Jobs).Job)} for help. \"[You must be patient|Try again tomorrow|Look near the {p.Of(Lexicon.Places)}],\" was the answer."),
            3 => p.Say($"{name} sat down and thought [for a long time|about it]. Then {name} had a [good|clever|simple] idea."),
            _ => p.Say($"{name} worked [all day|hard|the whole week] and did not give up. {friend} brought some {p.Of(Lexicon.Meals)} and helped."),
        };
        var end = p.Random.Next(6) switch
        {
            0 => p.Say($"In the end they found the {thing} [behind the tree|under {Phrases.A(p.Of(Lexicon.Objects))}|at the {place}]. {name} [smiled|laughed|was happy again]."),
            1 => p.Say($"{name} thanked {friend}, and they became [good|best] friends."),
            2 => p.Say($"From that day on, {name} was never [alone|afraid|sad] again."),
            3 => p.Say($"{name} learned that [it is good to share|a friend is worth more than gold|one should never give up|being kind makes everyone happy|it is wise to ask for help]."),
            4 => p.Say($"They went home, ate some {p.Of(Lexicon.Meals)} and [slept well|told everyone what had happened]."),
            _ => p.Say($"{friend} gave {name} {Phrases.A(thing)} as a present. \"[Thank you|How kind of you],\" said {name}."),
        };
        return p.Chance(60) ? $"{start} {trouble} {help} {end}" : $"{start} {trouble}\n\n{help} {end}";
    }
}
