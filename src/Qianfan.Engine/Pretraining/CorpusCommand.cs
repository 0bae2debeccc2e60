using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Qianfan.Engine.Checkpoints;

namespace Qianfan.Engine.Pretraining;

/// <summary><c>Qianfan.Engine corpus</c>: writes the generated corpus as JSON lines, <c>{"text"}</c> or <c>{"messages"}</c>.</summary>
internal static class CorpusCommand
{
    public const int DefaultDocuments = 60_000;
    public const int DefaultSeed = 1;

    private static readonly JsonSerializerOptions s_lines = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    public static int Run(IReadOnlyList<string> words, TextWriter log)
    {
        var options = new CommandLine(words, "out", "documents", "seed", "wordnet", "poems");
        var documents = options.Number("documents", DefaultDocuments);
        var generator = CorpusGenerator.Of(options);
        CheckpointFolder.WriteAtomically(Path.GetFullPath(options.Required("out")), stream =>
        {
            using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true);
            for (var index = 0; index < documents; index++)
                writer.Write(JsonSerializer.Serialize(generator.At(index), s_lines) + "\n");
        });
        log.WriteLine($"{documents} documents written.");
        return 0;
    }
}
