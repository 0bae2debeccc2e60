using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Text;
using Qianfan.Engine.Training;

namespace Qianfan.Benchmarks.Engine;

/// <summary>Models of random weights in the shapes that figures are given for.</summary>
internal static class BenchmarkModels
{
    /// <summary>5.5 million parameters, about the built-in model.</summary>
    public static readonly ModelShape A = new()
    {
        HiddenSize = 256, IntermediateSize = 704, Layers = 6, Heads = 8, KeyValueHeads = 4, HeadSize = 32, VocabularySize = 4096, ContextLength = 2048, TiedEmbeddings = true, Format = WeightFormat.BF16,
    };

    /// <summary>The shape of SmolLM2-135M.</summary>
    public static readonly ModelShape B = new()
    {
        HiddenSize = 576, IntermediateSize = 1536, Layers = 30, Heads = 9, KeyValueHeads = 3, HeadSize = 64, VocabularySize = 49152, ContextLength = 2048, TiedEmbeddings = true, Format = WeightFormat.BF16,
    };

    /// <summary>Writes a folder as Hugging Face has it. The tokenizer is a small one: nothing here depends on what tokens mean.</summary>
    public static void Write(string directory, ModelShape shape)
    {
        Directory.CreateDirectory(directory);
        var trainer = new BpeTrainer();
        trainer.Add("What is the color of the sky? The sky is blue.");
        var (tokens, merges) = trainer.Train(260);
        TokenizerFiles.Write(directory, tokens, merges, shape.ContextLength);
        CheckpointFolder.WriteAtomically(Path.Combine(directory, ModelConfig.FileName), ModelConfig.Write(shape, 0, 0));
        var weights = InitialWeights.Create(shape, 1);
        var writer = new SafetensorsWriter();
        foreach (var (name, size) in shape.Weights())
        {
            writer.Add(name, size, shape.Format, weights[name]);
        }

        writer.Write(Path.Combine(directory, WeightFiles.SingleFile));
    }
}
