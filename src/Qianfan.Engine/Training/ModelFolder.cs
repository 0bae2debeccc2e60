using System.Text.Json.Nodes;
using Qianfan.Engine.Checkpoints;
using Qianfan.Engine.Text;

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

    /// <summary>Copies configuration and tokenizer of a model that was trained to chat: its files name the token that ends an answer, which those of a base model often don't, so that other programs stop there too.</summary>
    public static void CopyChatTexts(string from, string to)
    {
        CopyTexts(from, to);
        var stops = StopTokens.Read(from);
        if (ChatTemplate.AnswerEnd(from) is not { } end || stops.Contains(end))
            return;
        var config = File.Exists(Path.Combine(from, StopTokens.FileName)) ? JsonNode.Parse(CheckpointFolder.ReadText(from, StopTokens.FileName))!.AsObject() : [];
        config["eos_token_id"] = new JsonArray([.. stops.Append(end).Select(stop => (JsonNode)stop)]);
        CheckpointFolder.WriteAtomically(Path.Combine(to, StopTokens.FileName), config.ToJsonString(CheckpointFolder.Indented));
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
