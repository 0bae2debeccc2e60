using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Tests.Fakes;
using Qianfan.Sdk.Training;

namespace Qianfan.Sdk.Tests;

/// <summary>What the official client sent in a full run (ids replaced, names as *) against what ours sends for the same calls.</summary>
public sealed class RecordedRunTests
{
    [Fact]
    public async Task A_full_run_sends_what_the_official_client_sends()
    {
        var platform = new ScriptedPlatform();
        platform.Polls.Enqueue(new JsonObject { ["runStatus"] = "Running", ["runProgress"] = "0%" });
        var trainer = new LlmFinetune(
            Given.Client(platform, ours: false),
            "ERNIE-Speed",
            Dataset.Load("ds-1"),
            new TrainConfig { Epoch = 1, LearningRate = 2e-5, MaxSeqLen = 4096, PeftType = PeftType.LoRA },
            new DeployConfig());

        await trainer.RunAsync(cancellationToken: Given.Token);

        var sent = Collapse(platform.Requests
            .Where(r => r.Action != "DescribeFineTuningSupportModels")
            .Select(r => Line(r.Method, r.Path, r.Action, r.Body)));
        using var recorded = Given.Resource("recorded-finetune.json");
        var expected = Collapse(recorded.RootElement.EnumerateArray().Select(r => JsonNode.Parse(r.GetRawText())!)
            .Select(r => Line(r["method"]!.ToString(), r["path"]!.ToString(), r["query"]!["Action"]?.ToString(), r["body"])));
        sent.ShouldBe(expected);
    }

    /// <summary>Repeated looks at the same thing count once: how often is a matter of timing, and the official client saves its pipeline over the network again and again.</summary>
    private static List<string> Collapse(IEnumerable<string> lines) => [.. lines.Distinct()];

    private static string Line(string method, string path, string? action, JsonNode? body) => $"{method} {path} {action} {Canonical(body)}";

    private static string Canonical(JsonNode? node) => node switch
    {
        JsonObject value => "{" + string.Join(',', value.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}:{(p.Key is "name" or "modelName" or "urlSuffix" ? "*" : Canonical(p.Value))}")) + "}",
        JsonArray value => "[" + string.Join(',', value.Select(Canonical)) + "]",
        null => "null",
        JsonValue value when value.GetValueKind() == System.Text.Json.JsonValueKind.Number => double.Parse(value.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture).ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => node.ToString(),
    };
}
