using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Serving;
using Qianfan.Engine.Text;
using Qianfan.Engine.Training;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Tests;

/// <summary>Makes a folder with a model of a few thousand random weights.</summary>
internal static class TinyModel
{
    private const string Sample = """
        What is the color of the sky? The sky is blue. What is the capital of France? Paris is the capital of France.
        user assistant system. How are you? I am fine. The model learns from the rows. Where is the cat? The cat is in the garden.
        你好 你好 天空是蓝色的 天空是蓝色的
        """;

    public static ModelShape Shape(bool tied = true, int vocabulary = 323) => new()
    {
        HiddenSize = 32,
        IntermediateSize = 52,
        Layers = 2,
        Heads = 4,
        KeyValueHeads = 2,
        HeadSize = 10,
        VocabularySize = vocabulary,
        ContextLength = 96,
        TiedEmbeddings = tied,
        Format = WeightFormat.F32,
    };

    /// <summary>Small shapes that between them have every part that the engine knows.</summary>
    public static ModelShape Shape(string kind) => kind switch
    {
        "llama" => Shape(),
        "llama, separate output" => Shape(tied: false),
        "llama, biases" => Shape() with { QueryKeyValueBias = true, OutputBias = true, FeedForwardBias = true },
        "llama, linear" => Shape() with { Rope = new RopeScaling(RopeKind.Linear, 3) },
        "llama 3.1" => Shape() with { RopeTheta = 500, Rope = new RopeScaling(RopeKind.Llama3, 8) { OriginalContext = 32, LowFrequencyFactor = 1, HighFrequencyFactor = 4 } },
        "llama, yarn" => Shape() with { RopeTheta = 500, Rope = new RopeScaling(RopeKind.Yarn, 4) { OriginalContext = 24, BetaFast = 4 } },
        "mistral, window" => Shape() with { Family = ModelFamily.Mistral, Windows = [4, 4] },
        "qwen2" => Shape() with { Family = ModelFamily.Qwen2, QueryKeyValueBias = true, HeadSize = 8 },
        "qwen2, some windows" => Shape() with { Family = ModelFamily.Qwen2, QueryKeyValueBias = true, Windows = [int.MaxValue, 3] },
        "qwen3" => Shape() with { Family = ModelFamily.Qwen3, QueryKeyNorm = true, HeadSize = 12 },
        "qwen3, biases" => Shape(tied: false) with { Family = ModelFamily.Qwen3, QueryKeyNorm = true, QueryKeyValueBias = true, OutputBias = true },
        _ => throw new ArgumentException(kind),
    };

    public static readonly TheoryData<string> Kinds =
        ["llama", "llama, separate output", "llama, biases", "llama, linear", "llama 3.1", "llama, yarn", "mistral, window", "qwen2", "qwen2, some windows", "qwen3", "qwen3, biases"];

    public static void WriteTokenizer(string directory, int size = 320, int context = 96)
    {
        var trainer = new BpeTrainer();
        for (var i = 0; i < 4; i++)
            trainer.Add(Sample);
        var (tokens, merges) = trainer.Train(size);
        TokenizerFiles.Write(directory, tokens, merges, context);
    }

    public static ModelShape Write(string directory, bool tied = true, double embeddingScale = 1) => Write(directory, Shape(tied), embeddingScale);

    public static ModelShape Write(string directory, ModelShape shape, double embeddingScale = 1)
    {
        WriteTokenizer(directory);
        shape = shape with { VocabularySize = TextTokenizer.Read(directory).Size };
        CheckpointFolder.WriteAtomically(Path.Combine(directory, ModelConfig.FileName), ModelConfig.Write(shape, shape.VocabularySize - 1, shape.VocabularySize - 3));
        var weights = InitialWeights.Create(shape, 7, deviation: 0.15);
        foreach (ref var value in weights[WeightNames.Embedding].AsSpan())
            value *= (float)embeddingScale;
        WriteWeights(directory, shape, weights);
        return shape;
    }

    public static void WriteWeights(string directory, ModelShape shape, IReadOnlyDictionary<string, float[]> weights)
    {
        var writer = new SafetensorsWriter();
        foreach (var (name, size) in shape.Weights())
            writer.Add(name, size, WeightFormat.F32, weights[name]);
        writer.Write(Path.Combine(directory, WeightFiles.SingleFile));
    }

    public static Dictionary<string, float[]> Weights(ModelShape shape, long seed = 7)
    {
        var weights = InitialWeights.Create(shape, seed, deviation: 0.15);
        var random = new SeededRandom(seed, 99);
        // Norms other than 1 and biases other than 0, so that a forgotten one shows.
        foreach (var (name, _) in shape.Weights().Where(weight => weight.Shape.Length == 1))
        {
            foreach (ref var value in weights[name].AsSpan())
                value = (float)((name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1) + 0.3 * random.NextNormal());
        }
        return weights;
    }

    public static Decoder Decoder(ModelShape shape, IReadOnlyDictionary<string, float[]> weights, WeightKind kind = WeightKind.F32, Int8Path? path = null, int threads = 1) =>
        new(shape, ServedWeights.Of(shape, (name, _) => weights[name], kind, path), new Crew(threads));

    public static readonly (string Question, string Answer)[] Pairs =
    [
        ("What is the color of the sky?", "The sky is blue."), ("What is the capital of France?", "Paris is the capital."), ("Where is the cat?", "In the garden."), ("How are you?", "I am fine."),
        ("你好", "你好！"), ("天空是什么颜色?", "天空是蓝色的。"), ("What learns?", "The model learns."), ("From what?", "From the rows."),
    ];

    public static void WriteRows(string path, int count = 8) => File.WriteAllLines(path, Enumerable.Range(0, count).Select(i => WorkerLine.Write(
        new TrainingRow([new ChatTurn("user", Pairs[i % Pairs.Length].Question), new ChatTurn("assistant", Pairs[i % Pairs.Length].Answer)]))));

    public static TrainingConfig Config(string scale = "FullFineTuning", int epochs = 2) => new()
    {
        ParameterScale = scale,
        Epochs = epochs,
        BatchSize = 4,
        LearningRate = scale == "LoRA" ? 0.02 : 0.01,
        MaxSequenceLength = 96,
    };
}
