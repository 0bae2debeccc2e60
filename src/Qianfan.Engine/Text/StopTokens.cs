using System.Text.Json;
using Qianfan.Engine.Checkpoints;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Text;

/// <summary>Tokens that end an answer: those of <c>generation_config.json</c>, else of <c>config.json</c>.</summary>
internal static class StopTokens
{
    public const string FileName = "generation_config.json";

    public static IReadOnlySet<int> Read(string directory)
    {
        foreach (var name in (string[])[FileName, "config.json"])
        {
            if (!File.Exists(Path.Combine(directory, name)))
                continue;
            using var document = CheckpointFolder.ReadJson(directory, name);
            if (!document.RootElement.TryGetProperty("eos_token_id", out var ids))
                continue;
            var found = (ids.ValueKind == JsonValueKind.Array ? ids.EnumerateArray().ToArray() : [ids])
                .Where(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out _)).Select(id => id.GetInt32()).ToHashSet();
            if (found.Count > 0)
                return found;
        }
        return new HashSet<int>();
    }

    /// <summary>The token that ends a text without form: one that ends answers, and not the one after a turn of a conversation where there is another.</summary>
    /// <param name="directory">The model.</param>
    /// <param name="turnEnd">The token after an answer in a conversation, if that is known.</param>
    /// <exception cref="EngineException">Code <c>invalid_model</c>: the model names none.</exception>
    public static int EndOfText(string directory, int? turnEnd)
    {
        var stops = Read(directory);
        if (stops.Count == 0)
            throw new EngineException(WorkerErrors.InvalidModel, $"Neither {FileName} nor config.json names the token that ends a text (eos_token_id).");
        return stops.Order().Select(stop => (int?)stop).FirstOrDefault(stop => stop != turnEnd) ?? turnEnd!.Value;
    }
}
