using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Tests.Recorded;

/// <summary>One request of the official Python client and the answer that it got. The files leave out what says nothing: times, lengths, versions, secrets.</summary>
internal sealed record Exchange(string Scenario, int Seq, string Method, string Path, string Query, string? Auth, string? AppId, string? RequestId, JsonNode? Body, int Status, string Answer, bool IsStream, bool Unanswered)
{
    private static readonly Lazy<ILookup<string, Exchange>> s_all = new(() => Read().ToLookup(e => e.Scenario));

    public static IReadOnlyList<Exchange> Of(string scenario) => [.. s_all.Value[scenario].OrderBy(e => e.Seq)];

    public static IEnumerable<string> Scenarios => s_all.Value.Select(g => g.Key);

    public string Call => $"{Method} {Path}{(Query.Length > 0 ? "?" + Query : "")}";

    public override string ToString() => $"#{Seq} {Call} {Canonical(Body)}";

    /// <summary>The same text for equal JSON: members in order, numbers as numbers.</summary>
    public static string Canonical(JsonNode? node) => node switch
    {
        JsonObject value => "{" + string.Join(',', value.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}:{Canonical(p.Value)}")) + "}",
        JsonArray value => "[" + string.Join(',', value.Select(Canonical)) + "]",
        null => "null",
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => $"\"{value.GetValue<string>()}\"",
        _ => node.ToJsonString(),
    };

    private static IEnumerable<Exchange> Read()
    {
        using var stream = typeof(Exchange).Assembly.GetManifestResourceStream("transcripts.jsonl").ShouldNotBeNull();
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            var e = JsonNode.Parse(line)!.AsObject();
            string? Text(string name) => e[name]?.GetValue<string>();
            var query = e["query"] is JsonObject parts ? string.Join('&', parts.Select(p => $"{p.Key}={p.Value}")) : "";
            yield return new Exchange(
                Text("scenario")!, e["seq"]!.GetValue<int>(), Text("method")!, Text("path")!, query, Text("auth"), Text("appid"), Text("request_id"), e["body"]?.DeepClone(),
                e["status"]!.GetValue<int>(), e["sse"] is JsonArray sse ? Events(sse) : e["answer"]?.ToJsonString() ?? "", e["sse"] is not null, e["unanswered"] is not null);
        }
    }

    private static string Events(JsonArray sse) =>
        string.Concat(sse.Select(item => (item!["line"]?.GetValue<string>() ?? "data: " + item["data"]!.ToJsonString()) + "\n\n"));
}
