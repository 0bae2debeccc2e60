namespace Qianfan.Engine.Pretraining;

/// <summary>How people write: greetings before the question, small letters, no question mark.</summary>
internal static class Manners
{
    public static string Vary(Phrases p, string question)
    {
        if (p.Chance(25))
            question = p.Say("[Hi! |Hello. |Please tell me: |Quick question: |I would like to know: |Excuse me. |Good morning! |One more thing: |Sorry. ]") + question;
        if (p.Chance(8))
            question = question.ToLowerInvariant();
        if (p.Chance(10))
            question = question.TrimEnd('?', '.', '？', '。');
        if (p.Chance(6))
            question += p.Say("[ Thanks!| Thank you.| Please help.]");
        return question;
    }
}
