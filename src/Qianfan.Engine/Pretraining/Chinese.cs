namespace Qianfan.Engine.Pretraining;

/// <summary>Chinese: facts, tasks, sums, passages, stories and single words to translate.</summary>
internal static class Chinese
{
    public static CorpusDocument Make(Phrases p)
    {
        if (p.Chance(22))
            return Story(p);
        var turns = new List<string>();
        for (var count = p.Between(1, 3); count > 0; count--)
        {
            var (ask, answer) = Pair(p);
            turns.Add(ask);
            turns.Add(answer);
        }
        return p.Chance(10) ? CorpusDocument.Instructed(p.Say("[你是一个有用的助手。|请用一句话回答。]"), turns) : CorpusDocument.Chat(turns);
    }

    private static (string Ask, string Answer) Pair(Phrases p)
    {
        int a = p.Between(0, 10), b = p.Between(0, 10);
        var (one, other) = p.Of(ChineseLexicon.Opposites);
        var (country, capital) = p.Of(ChineseLexicon.Countries);
        var (thing, color) = p.Of(ChineseLexicon.Colors);
        var (english, chinese) = p.Of(ChineseLexicon.Dictionary);
        var (name, place, food) = (p.Of(ChineseLexicon.Names), p.Of(ChineseLexicon.Places), p.Of(ChineseLexicon.Foods));
        var words = p.Some(ChineseLexicon.More, p.Between(2, 5));
        if (p.Chance(35))
        {
            // Facts about companies that stay the same, in many wordings; as in KnownFacts.
            var (company, number) = (p.Random.Next(s_companies.Length), p.Random.Next(Topics.Chinese.Length));
            return ($"{p.Say($"[{s_companies[company]}，|请问{s_companies[company]}：|{s_companies[company]}的问题：]")}{Topics.Chinese[number].Ask(p, "")}", Topics.Chinese[number].Answer(new Phrases(new SeededRandom(20_000 + company * 1000L + number, 77))));
        }
        return p.Random.Next(13) switch
        {
            0 => (p.Say($"[{country}的首都是哪里？|{country}的首都是什么？|请告诉我{country}的首都。]"), $"{country}的首都是{capital}。"),
            1 => (p.Say($"[“{one}”的反义词是什么？|{one}的反义词？]"), $"“{one}”的反义词是“{other}”。"),
            2 => (p.Say($"[{thing}是什么颜色？|{thing}是什么颜色的？]"), $"{thing}是{color}的。"),
            3 => ($"{a}加{b}等于多少？", $"{a}加{b}等于{a + b}。"),
            4 => ($"{a + b}减{b}等于多少？", $"{a + b}减{b}等于{a}。"),
            5 => (p.Say($"[“{english}”用中文怎么说？|How do you say \"{english}\" in Chinese?]"), $"“{chinese}”"),
            6 => (p.Say($"[“{chinese}”用英文怎么说？|What does “{chinese}” mean in English?]"), $"\"{english}\""),
            7 => ($"{name}在{place}，{name}喜欢吃{food}。{name}在哪里？", $"{name}在{place}。"),
            8 => ($"{name}在{place}，{name}喜欢吃{food}。{name}喜欢吃什么？", $"{name}喜欢吃{food}。"),
            9 => (p.Say($"[请重复|请再写一遍]：{string.Join("，", words)}"), string.Join("，", words)),
            10 => ($"{string.Join("，", words)}。第一个词是什么？", words[0]),
            _ => p.Of(ChineseLexicon.Facts),
        };
    }

    private static CorpusDocument Story(Phrases p)
    {
        var (name, animal, place, thing, adjective) = (p.Of(ChineseLexicon.Names), p.Of(ChineseLexicon.Animals), p.Of(ChineseLexicon.Places), p.Of(ChineseLexicon.Objects), p.Of(ChineseLexicon.Adjectives));
        var start = p.Say($"[从前|有一天|很久以前]，有一个{adjective}的孩子，名叫{name}。{name}喜欢去{place}玩。");
        var middle = p.Say($"[一天早上|今天下午|后来]，{name}在{place}看见一只{animal}。[{animal}丢了一{Measure(thing)}{thing}，非常着急。|{animal}饿了，没有东西吃。|{animal}迷路了，找不到回家的路。]{name}[说：“别担心，我来帮你。”|想了想，决定帮助它。]");
        var end = p.Say($"[最后，他们成了好朋友。|{animal}高兴地说：“谢谢你！”|{name}明白了，帮助别人是快乐的。|他们一起回家，吃了{p.Of(ChineseLexicon.Foods)}。]");
        return p.Chance(40) ? CorpusDocument.Plain(start + middle + end) : CorpusDocument.Chat(p.Say($"[请讲一个故事。|给我讲一个{animal}的故事。|请写一个关于{name}的小故事。]"), start + middle + end);
    }

    private static readonly string[] s_companies = ["红枫书店", "蓝天学校", "青山饭店", "白云医院", "金星工厂", "春风花店"];

    private static string Measure(string thing) => thing switch { "书" => "本", "雨伞" or "钥匙" => "把", "花" => "朵", "铅笔" => "支", "地图" => "张", "信" => "封", "帽子" => "顶", "自行车" => "辆", "手表" => "块", _ => "个" };
}
