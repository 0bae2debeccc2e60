using System.Text.Json;
using System.Text.Json.Nodes;

namespace Qianfan.Platform.Tests.Support;

/// <summary>One exchange of the official Python client with its mock server.</summary>
internal sealed record Recording(string Scenario, int Seq, string Method, string Path, IReadOnlyDictionary<string, string>? Query, JsonNode? Body, int Status, JsonNode? Answer, JsonArray? Sse)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    /// <summary>What is called: the path, and V2's action.</summary>
    public string Call => Query is not null && Query.TryGetValue("Action", out var action) ? $"{Path}?{action}" : Path;

    public override string ToString() => $"{Scenario} {Seq} {Call}";

    /// <summary>All, by scenario, in order.</summary>
    public static IReadOnlyList<IReadOnlyList<Recording>> Scenarios()
    {
        using var reader = new StreamReader(typeof(Recording).Assembly.GetManifestResourceStream("transcripts.jsonl")!);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonSerializer.Deserialize<Recording>(line, s_json)!)
            .GroupBy(recording => recording.Scenario)
            .Select(scenario => scenario.OrderBy(recording => recording.Seq).ToList())];
    }
}
