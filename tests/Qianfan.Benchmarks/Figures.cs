using System.Text.Json.Nodes;

namespace Qianfan.Benchmarks;

/// <summary>What was measured: one line of JSON for each.</summary>
internal static class Figures
{
    public static void Print(string measure, params IEnumerable<(string Name, JsonNode? Value)> values)
    {
        var line = new JsonObject { ["measure"] = measure };
        foreach (var (name, value) in values)
        {
            line[name] = value;
        }

        Console.WriteLine(line.ToJsonString());
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
