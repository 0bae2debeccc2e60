namespace Qianfan.Engine.Pretraining;

/// <summary>Instructions about words and lists: what teaches a small model to look back at the text before it.</summary>
internal static class WordTasks
{
    public static CorpusDocument Make(Phrases p)
    {
        var (ask, answer) = Task(p);
        if (!p.Chance(25))
            return CorpusDocument.Chat(ask, answer);
        var (again, second) = Task(p);
        return CorpusDocument.Chat(ask, answer, again, second);
    }

    private static (string Ask, string Answer) Task(Phrases p)
    {
        var words = Enumerable.Range(0, p.Between(3, 6)).Select(_ => p.AnyWord()).Distinct().ToArray();
        var list = string.Join(", ", words);
        var word = p.AnyWord();
        switch (p.Random.Next(14))
        {
            case 0:
                return (p.Say($"[Repeat|Say|Write|Copy] [the word|this word:] {word}."), word);
            case 1:
                return (p.Say($"[Repeat after me|Copy this list|Write these words again]: {list}"), list);
            case 2:
                return (p.Say($"[What is the first word of this list?|Give me the first word.] {list}"), words[0]);
            case 3:
                return (p.Say($"[What is the last word of this list?|Give me the last word.] {list}"), words[^1]);
            case 4:
                return (p.Say($"[How many words are in this list?|Count the words:] {list}"), $"There are {Lexicon.Numbers[words.Length]} words in the list.");
            case 5:
                return (p.Say($"[Sort these words|Put these words in alphabetical order]: {list}"), string.Join(", ", words.Order(StringComparer.Ordinal)));
            case 6:
                return (p.Say($"[Write these words in reverse order|Turn this list around]: {list}"), string.Join(", ", words.Reverse()));
            case 7:
                return (p.Say($"[Spell the word|How do you spell] {word}?"), string.Join("-", word.AsEnumerable()));
            case 8:
                return (p.Say($"Which letter does the word \"{word}\" [start|begin] with?"), $"The word \"{word}\" starts with {word[0]}.");
            case 9:
                return ($"Write \"{word}\" in capital letters.", word.ToUpperInvariant());
            case 10:
                var (source, name) = p.Random.Next(4) switch { 0 => (Lexicon.Foods, "foods"), 1 => (Lexicon.Colors, "colors"), 2 => ([.. Lexicon.Animals.Select(animal => animal.Name)], "animals"), _ => (Lexicon.Objects, "things") };
                var count = p.Between(2, 5);
                return (p.Say($"[Name|List|Give me] {Lexicon.Numbers[count]} {name}."), Phrases.Capital(Phrases.List(p.Some(source, count))) + ".");
            case 11:
                var (adjective, noun) = (p.Of(Lexicon.Adjectives), p.Of(Lexicon.Objects));
                return (p.Say($"[Write|Make] a sentence with the words \"{adjective}\" and \"{noun}\"."), p.Say($"[{p.Of(Lexicon.Names)} has|I saw|There is|We bought|She found] {Phrases.A(adjective)} {noun} [in|at|near] the {p.Of(Lexicon.Places)}."));
            case 12:
                var key = p.AnyWord();
                var pairs = p.Some(Lexicon.More, p.Between(2, 4)).Select(more => (Key: more, Value: p.AnyWord())).Append((Key: key, Value: word)).DistinctBy(pair => pair.Key).ToArray();
                var wanted = p.Of(pairs);
                p.Random.Shuffle(pairs.AsSpan());
                return ($"{string.Join("\n", pairs.Select(pair => $"{pair.Key}: {pair.Value}"))}\n{p.Say($"[What stands after {wanted.Key}?|Which word belongs to {wanted.Key}?]")}", wanted.Value);
            default:
                return (p.Say($"Is the word \"{word}\" in this list? {list}"), words.Contains(word) ? "Yes." : "No.");
        }
    }
}
