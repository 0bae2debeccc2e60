using System.Text.Json;
using Qianfan.Engine.Checkpoints;

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
}
