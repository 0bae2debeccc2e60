namespace Qianfan.Engine.Pretraining;

/// <summary>What customers ask companies, with answers whose names and numbers are made up: the usual subject of fine-tuning.</summary>
internal static class HelpDesk
{
    public static CorpusDocument Make(Phrases p)
    {
        var company = p.Of(Lexicon.Companies);
        var turns = new List<string>();
        for (var count = p.Chance(40) ? p.Between(2, 3) : 1; count > 0; count--)
        {
            var (ask, answer) = Pair(p, company);
            turns.Add(ask);
            turns.Add(answer);
        }
        return p.Chance(35)
            ? CorpusDocument.Instructed(p.Say($"[You work for {company}.|You are the assistant of {company}.|You help customers of {company}.]"), turns)
            : CorpusDocument.Chat(turns);
    }

    private static (string Ask, string Answer) Pair(Phrases p, string company)
    {
        var product = p.Of(Lexicon.Products);
        int hour = p.Between(7, 10), close = p.Between(4, 9), days = p.Between(2, 30), price = p.Between(5, 900);
        var (from, to) = (p.Of(Lexicon.Days), p.Of(Lexicon.Days));
        return p.Random.Next(14) switch
        {
            0 => (p.Say($"[When does {company} open?|What are the opening hours of {company}?|What time do you open?]"), $"{company} is open from {hour} in the morning to {close} in the evening, {from} to {to}."),
            1 => (p.Say("[How do I reset my password?|I forgot my password. What can I do?|How can I change my password?]"), p.Say("[Open the settings page, choose Security and click Reset password.|Click on Forgot password at the login page. We send you an email with a link.]")),
            2 => (p.Say($"[How much does the {product} cost?|What is the price of the {product}?]"), $"The {product} costs {price} dollars."),
            3 => (p.Say($"[How long does delivery take?|When will my {product} arrive?|How fast do you ship?]"), $"Delivery takes {days} days."),
            4 => (p.Say($"[Can I return my {product}?|What is your return policy?|How long can I return an order?]"), $"Yes, you can return it within {days} days for a full refund."),
            5 => (p.Say($"[How do I cancel my order?|I want to cancel my order.|Please cancel my {product}.]"), "Go to My orders, select the order and click Cancel. You can cancel until it is shipped."),
            6 => (p.Say("[Where is my order?|How can I track my package?|I have not received my order.]"), p.Say("[Please tell us your order number, and we will check it for you.|You find the tracking number in the email that confirms your order.]")),
            7 => (p.Say($"[My {product} does not work.|My {product} is broken.|There is a problem with my {product}.]"), p.Say($"[I am sorry to hear that. Please turn it off and on again.|I am sorry. Please contact our support team, and we will repair or replace your {product}.]")),
            8 => (p.Say("[How can I contact support?|Can I talk to a person?|What is your email address?]"), p.Say($"[You can reach our support team by email or by phone.|Please call us from {from} to {to}.]")),
            9 => (p.Say("[Which payment methods do you accept?|Can I pay by card?|How can I pay?]"), p.Say("[We accept credit cards and bank transfer.|You can pay by card, by bank transfer or with a gift card.]")),
            10 => (p.Say($"[Is there a warranty on the {product}?|How long is the warranty of the {product}?]"), $"The {product} has a warranty of {p.Between(1, 5)} years."),
            11 => (p.Say("[How do I create an account?|How can I register?]"), "Click on Sign up, enter your name and your email address, and choose a password."),
            12 => (p.Say("[How do I delete my account?|Please remove my data.]"), "Open the settings page, choose Account and click Delete account. Your data is removed within 30 days."),
            _ => (p.Say($"[What does {company} do?|What is {company}?|Tell me about {company}.]"), $"{company} is a company that sells {p.Say("[new|good|cheap|the best]")} things for the {p.Of(Lexicon.Places)}."),
        };
    }
}
