namespace Qianfan.Engine.Pretraining;

/// <summary>Something that people ask about, in many wordings that all have the same answer. <c>{p}</c> stands for the thing that is asked about.</summary>
/// <param name="Questions">The wordings, with <c>[one|other]</c> groups.</param>
/// <param name="Answer">Makes up an answer.</param>
internal sealed record Topic(string[] Questions, Func<Phrases, string> Answer)
{
    /// <summary>One wording of the question.</summary>
    public string Ask(Phrases p, string thing) => p.Say(p.Of(Questions)).Replace("{p}", thing, StringComparison.Ordinal);

    /// <summary>Two different wordings, as far as there are two.</summary>
    public (string One, string Other) AskTwice(Phrases p, string thing)
    {
        var one = Ask(p, thing);
        for (var tries = 0; tries < 8; tries++)
        {
            var other = Ask(p, thing);
            if (other != one)
                return (one, other);
        }
        return (one, one);
    }
}
