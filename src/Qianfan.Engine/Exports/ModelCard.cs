using System.Text;
using System.Text.Json;
using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Exports;

/// <summary>Writes the <c>README.md</c> of a trained model: what it is, and what it came from.</summary>
internal static class ModelCard
{
    private static readonly (string Key, string Name)[] s_rows =
    [
        ("qianfan.base", "base model"),
        ("qianfan.rows", "kind of rows"),
        ("qianfan.rows_sha256", "training rows (SHA-256)"),
        ("qianfan.seed", "seed"),
        ("qianfan.steps", "steps"),
        ("qianfan.training_loss", "training loss, last epoch (nats a token)"),
        ("qianfan.validation_loss", "validation loss (nats a token)"),
    ];

    /// <param name="directory">The model's folder.</param>
    /// <param name="kind"><c>model</c> or <c>adapter</c>.</param>
    /// <param name="provenance">Metadata of its weights.</param>
    public static void Write(string directory, string kind, IReadOnlyDictionary<string, string> provenance)
    {
        var card = new StringBuilder();
        var name = provenance.GetValueOrDefault("qianfan.base");
        card.Append("---\nlibrary_name: ").Append(kind == "adapter" ? "peft" : "transformers").Append("\ntags: [qianfan]\n");
        if (name is not null)
            card.Append("base_model: ").Append(JsonSerializer.Serialize(name)).Append('\n');
        card.Append("---\n\n# ").Append(name is null ? "Model" : kind == "adapter" ? $"Adapter of {name}" : $"{name}, fine-tuned").Append("\n\n");
        card.Append(kind == "adapter" ? "A LoRA adapter in the form of the PEFT library. It is of use on its base model only.\n" : "A language model in the form of Hugging Face's transformers.\n");
        var known = s_rows.Where(row => provenance.ContainsKey(row.Key)).ToList();
        if (known.Count > 0)
        {
            card.Append("\n| | |\n|---|---|\n");
            foreach (var (key, title) in known)
                card.Append("| ").Append(title).Append(" | ").Append(provenance[key].ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal)).Append(" |\n");
        }
        if (provenance.TryGetValue("qianfan.config", out var config))
            card.Append("\nSettings of the training:\n\n```json\n").Append(config.ReplaceLineEndings(" ")).Append("\n```\n");
        card.Append("\nThe same stands in the metadata of the weights. How well the model answers was not measured beyond these losses.\n");
        CheckpointFolder.WriteAtomically(Path.Combine(directory, "README.md"), card.ToString());
    }
}
