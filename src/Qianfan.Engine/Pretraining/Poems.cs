using System.Text.Json;

namespace Qianfan.Engine.Pretraining;

/// <summary>Classical Chinese poems out of a file of the chinese-poetry collection: <c>content[].content[]</c> with <c>chapter</c>, <c>author</c>, <c>paragraphs</c>.</summary>
internal sealed class Poems
{
    private readonly List<(string Title, string Author, string[] Lines)> _poems = [];

    /// <exception cref="EngineException"><c>poems</c>: the file does not hold poems.</exception>
    public Poems(string file)
    {
        if (!File.Exists(file))
            throw new EngineException("poems", $"'{file}' is not there.");
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        foreach (var poem in document.RootElement.GetProperty("content").EnumerateArray().SelectMany(kind => kind.GetProperty("content").EnumerateArray()))
        {
            var lines = poem.GetProperty("paragraphs").EnumerateArray().Select(line => line.GetString()!.Trim()).Where(line => line.Length > 0).ToArray();
            if (lines.Length is > 1 and <= 12)
                _poems.Add((poem.GetProperty("chapter").GetString()!.Trim(), poem.GetProperty("author").GetString()!.Trim(), lines));
        }
        if (_poems.Count == 0)
            throw new EngineException("poems", $"'{file}' holds no poems.");
    }

    public int Count => _poems.Count;

    public CorpusDocument Make(Phrases p)
    {
        var (title, author, lines) = p.Of(_poems);
        var at = p.Random.Next(lines.Length - 1);
        return p.Random.Next(4) switch
        {
            0 => CorpusDocument.Plain($"《{title}》\n{author}\n{string.Join("\n", lines)}"),
            1 => CorpusDocument.Chat(p.Say($"[《{title}》是谁写的？|谁写了《{title}》？|《{title}》的作者是谁？]"), $"《{title}》是{author}写的。"),
            2 => CorpusDocument.Chat(p.Say($"[“{lines[at]}”的下一句是什么？|请接下一句：{lines[at]}]"), lines[at + 1]),
            _ => CorpusDocument.Chat(p.Say($"[请背诵《{title}》。|背一首{author}的《{title}》。]"), string.Join("\n", lines)),
        };
    }
}
