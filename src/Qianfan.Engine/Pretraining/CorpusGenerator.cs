namespace Qianfan.Engine.Pretraining;

/// <summary>Writes a corpus out of grammars and word lists of this project, and out of a dictionary and poems if they are given. The same seed gives the same documents.</summary>
internal sealed class CorpusGenerator
{
    private readonly long _seed;

    private readonly List<(int Share, Func<Phrases, CorpusDocument> Make)> _kinds =
    [
        (10, Stories.Make),
        (14, Questions.Make),
        (10, WordTasks.Make),
        (6, Arithmetic.Make),
        (9, Passages.Make),
        (4, HelpDesk.Make),
        (4, SmallTalk.Make),
        (10, Chinese.Make),
        (20, KnownFacts.Make),
        (9, Handbooks.Make),
    ];

    public CorpusGenerator(long seed, WordNet? dictionary = null, Poems? poems = null)
    {
        _seed = seed;
        if (dictionary is not null)
            _kinds.Add((18, dictionary.Make));
        if (poems is not null)
            _kinds.Add((3, poems.Make));
    }

    /// <summary>A generator as the command line asks for it: <c>--seed</c>, <c>--wordnet FOLDER</c>, <c>--poems FILE</c>.</summary>
    public static CorpusGenerator Of(CommandLine options) => new(
        options.Number("seed", CorpusCommand.DefaultSeed),
        options.Text("wordnet") is { } folder ? new WordNet(Path.GetFullPath(folder)) : null,
        options.Text("poems") is { } file ? new Poems(Path.GetFullPath(file)) : null);

    /// <summary>The document of a number; each is made on its own.</summary>
    public CorpusDocument At(int index)
    {
        var phrases = new Phrases(new SeededRandom(_seed, index + 1L));
        var roll = phrases.Random.Next(_kinds.Sum(kind => kind.Share));
        foreach (var (share, make) in _kinds)
        {
            if (roll < share)
                return make(phrases);
            roll -= share;
        }
        throw new InvalidOperationException("The shares do not add up.");
    }
}
