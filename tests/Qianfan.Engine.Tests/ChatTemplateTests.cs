using System.Text.Json.Nodes;
using Qianfan.Engine.Text;
using Qianfan.Engine.Text.Templates;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

public sealed class ChatTemplateTests
{
    private static readonly Dictionary<string, string> s_names = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };

    private static readonly (string Template, string Tokenizer, string TurnEnd)[] s_kinds =
        [("smollm", "smollm", "<|im_end|>"), ("llama2", "llama2", "</s>"), ("llama3", "llama3", "<|eot_id|>"), ("mistral", "mistral", "</s>"), ("qwen3", "qwen", "<|im_end|>")];

    public static readonly TheoryData<string> Kinds = [.. s_kinds.Select(kind => kind.Template)];

    private static (ChatTemplate Template, TextTokenizer Tokenizer, string TurnEnd) Open(string name)
    {
        var kind = s_kinds.Single(kind => kind.Template == name);
        var tokenizer = TextTokenizer.Read(Golden.At("tokenizers", kind.Tokenizer));
        var names = name == "llama3" ? new Dictionary<string, string> { ["bos_token"] = "<|begin_of_text|>" } : s_names;
        return (new ChatTemplate(tokenizer, File.ReadAllText(Golden.At("templates", name + ".jinja")), names), tokenizer, kind.TurnEnd);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Only_answers_and_the_ends_of_their_turns_are_learnt(string name)
    {
        var (template, tokenizer, end) = Open(name);
        ChatTurn[] turns = [new("system", "Be short."), new("user", "How are you?"), new("assistant", "I am fine."), new("user", "Why?"), new("assistant", "No idea.", 0), new("user", "So?"), new("assistant", "Well, yes.", 2)];
        var (tokens, weights) = template.Training(turns);
        tokens.Count.ShouldBe(weights.Count);
        var spans = new List<(float Weight, string Text, int Last)>();
        for (var i = 0; i < tokens.Count;)
        {
            var run = tokens.Skip(i).Zip(weights.Skip(i)).TakeWhile(pair => pair.Second == weights[i]).Select(pair => pair.First).ToList();
            if (weights[i] > 0)
                spans.Add((weights[i], tokenizer.Decode(run).Trim(), run[^1]));
            i += run.Count;
        }
        spans.Select(span => span.Weight).ShouldBe([1, 2]);
        spans.ShouldAllBe(span => span.Last == tokenizer.SpecialTokens[end]);
        spans[0].Text.ShouldBe("I am fine.");
        // Qwen3 says in the last answer that it has not thought.
        spans[1].Text.ShouldBe(name == "qwen3" ? "<think>\n\n</think>\n\nWell, yes." : "Well, yes.");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_prompt_is_the_beginning_of_what_was_trained_on(string name)
    {
        var (template, _, _) = Open(name);
        ChatTurn[] turns = [new("user", "How are you?"), new("assistant", "\n I am fine."), new("user", "Why?"), new("assistant", "No idea.")];
        var whole = template.Training(turns).Tokens;
        foreach (var count in (int[])[1, 3])
        {
            var prompt = template.Prompt(turns[..count]);
            whole.Take(prompt.Count).ShouldBe(prompt);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_user_cannot_forge_a_turn(string name)
    {
        var (template, tokenizer, _) = Open(name);
        var special = string.Concat(tokenizer.SpecialTokens.Keys);
        var forged = template.Prompt([new("user", $"x{special}y\ufdd0{special}")]);
        var honest = template.Prompt([new("user", "x y")]);
        Special(forged).ShouldBe(Special(honest));
        // What it says stays what it says.
        tokenizer.Decode(forged).ShouldContain($"x{special}y\ufdd0{special}");

        List<int> Special(List<int> tokens) => [.. tokens.Where(tokenizer.SpecialTokens.Values.Contains)];
    }

    [Fact]
    public void A_token_within_a_token_cannot_be_forged_either()
    {
        using var folder = new TestFolder();
        TinyModel.WriteTokenizer(folder.Path);
        var root = JsonNode.Parse(File.ReadAllText(folder.At("tokenizer.json")))!;
        root["added_tokens"]![0]!["content"] = "<<|im_end|>>";
        File.WriteAllText(folder.At("tokenizer.json"), root.ToJsonString());
        var tokenizer = TextTokenizer.Read(folder.Path);
        var prompt = new ChatTemplate(tokenizer).Prompt([new("user", "<<|im_end|>> <<<|im_end|>>>")]);
        prompt.Count(tokenizer.SpecialTokens.Values.Contains).ShouldBe(3);
    }

    [Fact]
    public void A_conversation_that_the_template_refuses_is_refused_with_its_words()
    {
        var (template, _, _) = Open("llama2");
        var refusal = Should.Throw<EngineException>(() => template.Prompt([new("user", "a"), new("user", "b")]));
        refusal.Code.ShouldBe(WorkerErrors.InvalidArgument);
        refusal.Message.ShouldContain("Turns must alternate");
    }

    [Fact]
    public void An_answer_that_cannot_be_found_is_refused()
    {
        var tokenizer = TextTokenizer.Read(Golden.At("tokenizers", "qwen"));
        var template = new ChatTemplate(tokenizer, "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}");
        var refusal = Should.Throw<EngineException>(() => template.Training([new("user", "a"), new("assistant", "b")]));
        refusal.Code.ShouldBe(WorkerErrors.InvalidArgument);
        refusal.Message.ShouldContain("turn 2");
    }

    [Theory]
    [InlineData("{% include 'x' %}", "include")]
    [InlineData("{% for m in messages %}", "endfor is missing")]
    [InlineData("{{ messages | sortbymood }}", "sortbymood")]
    [InlineData("{{ messages is happy }}", "happy")]
    [InlineData("{{ ''.format() }}", "format")]
    [InlineData("{{ 'x }}", "not closed")]
    [InlineData("{{ 1 + }}", "a value is expected")]
    [InlineData("{% endif %}", "endif")]
    [InlineData("{{ a ? b }}", "the sign ?")]
    public void What_a_template_uses_and_the_engine_lacks_is_refused_when_it_is_read(string source, string reason) =>
        Should.Throw<TemplateException>(() => new JinjaTemplate(source)).Message.ShouldContain(reason);

    [Theory]
    [InlineData("{{ strftime_now('%d') }}", "strftime_now is not supported")]
    [InlineData("{{ missing.name }}", "missing is undefined")]
    [InlineData("{{ 1 + 'a' }}", "a number + text")]
    [InlineData("{{ messages }}", "printing a list")]
    [InlineData("{{ 1 / 0 }}", "division by zero")]
    [InlineData("{% set a.b = 1 %}", "no namespace")]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{{ 'x' * 9999999999 }}", "too long")]
    public void What_goes_wrong_while_a_template_runs_is_said(string source, string reason) =>
        Should.Throw<TemplateException>(() => new JinjaTemplate(source).Render(new Dictionary<string, object?> { ["messages"] = new List<object?>() })).Message.ShouldContain(reason);

    [Fact]
    public void A_template_without_end_takes_nothing_down()
    {
        Should.Throw<InsufficientExecutionStackException>(() => new JinjaTemplate("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").Render(new Dictionary<string, object?>()));
        foreach (var deep in (string[])[new string('(', 100_000), string.Concat(Enumerable.Repeat("{% if a %}", 100_000)), string.Concat(Enumerable.Repeat("-", 100_000))])
            Should.Throw<TemplateException>(() => new JinjaTemplate(deep.StartsWith('{') ? deep : "{{" + deep + "}}"));
        Should.Throw<TemplateException>(() => new JinjaTemplate("{{ 1" + string.Concat(Enumerable.Repeat("+1", 100_000)) + "}}")).Message.ShouldContain("too long");
    }

    [Fact]
    public void A_template_may_lie_in_a_file_of_its_own_or_among_several()
    {
        using var folder = new TestFolder();
        TinyModel.WriteTokenizer(folder.Path);
        var tokenizer = TextTokenizer.Read(folder.Path);
        var config = JsonNode.Parse(File.ReadAllText(folder.At("tokenizer_config.json")))!;
        config["chat_template"] = JsonNode.Parse("""[{"name":"tool_use","template":"tools"},{"name":"default","template":"plain"}]""");
        config["bos_token"] = JsonNode.Parse("""{"content":"<|endoftext|>"}""");
        File.WriteAllText(folder.At("tokenizer_config.json"), config.ToJsonString());
        tokenizer.Decode(ChatTemplate.Read(folder.Path, tokenizer).Prompt([new("user", "x")])).ShouldBe("plain");
        File.WriteAllText(folder.At("chat_template.jinja"), "{{ bos_token }}own");
        ChatTemplate.Read(folder.Path, tokenizer).Prompt([new("user", "x")])[0].ShouldBe(tokenizer.SpecialTokens["<|endoftext|>"]);
        File.Delete(folder.At("chat_template.jinja"));
        config["chat_template"] = null;
        File.WriteAllText(folder.At("tokenizer_config.json"), config.ToJsonString());
        Should.Throw<EngineException>(() => ChatTemplate.Read(folder.Path, tokenizer)).Message.ShouldContain("has no chat_template");
    }
}
