using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Training;

/// <summary>Writes a trained model as a Hugging Face folder.</summary>
internal static class ModelFolder
{
    private static readonly string[] s_texts = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"];

    /// <summary>Copies configuration and tokenizer, as far as they are there.</summary>
    public static void CopyTexts(string from, string to)
    {
        foreach (var name in s_texts)
        {
            var source = Path.Combine(from, name);
            if (File.Exists(source))
                CheckpointFolder.WriteAtomically(Path.Combine(to, name), stream => stream.Write(File.ReadAllBytes(source)));
        }
    }

    /// <summary>Writes the network's weights in the shape's number format.</summary>
    public static void WriteWeights(string directory, LlamaNetwork network, ModelShape shape, IReadOnlyDictionary<string, string> metadata)
    {
        var writer = new SafetensorsWriter();
        foreach (var (key, value) in metadata)
            writer.Describe(key, value);
        foreach (var (name, size) in shape.Weights())
            writer.Add(name, size, shape.Format, consume => consume(network.Values(name)));
        writer.Write(Path.Combine(directory, WeightFiles.SingleFile));
    }
}
