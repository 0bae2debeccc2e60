namespace Qianfan.Engine.Pretraining;

/// <summary>Writes a corpus out of grammars and word lists of this project. The same seed gives the same documents.</summary>
internal sealed class CorpusGenerator
{
    private readonly long _seed;

    private static readonly (int Share, Func<Phrases, CorpusDocument> Make)[] s_kinds =
    [
        (16, Stories.Make),
        (20, Questions.Make),
        (16, WordTasks.Make),
        (8, Arithmetic.Make),
        (14, Passages.Make),
        (12, HelpDesk.Make),
        (4, SmallTalk.Make),
        (10, Chinese.Make),
    ];

    public CorpusGenerator(long seed) => _seed = seed;

    /// <summary>The document of a number; each is made on its own.</summary>
    public CorpusDocument At(int index)
    {
        var phrases = new Phrases(new SeededRandom(_seed, index + 1L));
        var roll = phrases.Random.Next(s_kinds.Sum(kind => kind.Share));
        foreach (var (share, make) in s_kinds)
        {
            if (roll < share)
                return make(phrases);
            roll -= share;
        }
        throw new InvalidOperationException("The shares do not add up.");
    }
}
