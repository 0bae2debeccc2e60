using System.Globalization;
using System.Text.Json;

namespace Qianfan.EndToEnd.Tests.Infrastructure;

/// <summary>What a run of the tests measured, one line of JSON each, in <c>artifacts/measures.jsonl</c>. Nothing is asserted on it: machines differ.</summary>
internal static class Measures
{
    private static readonly Lock s_lock = new();

    public static void Add(string name, double value, string unit)
    {
        var line = JsonSerializer.Serialize(new { name, value = Math.Round(value, 3), unit });
        lock (s_lock)
            File.AppendAllText(Path.Combine(Repository.Artifacts, "measures.jsonl"), line + "\n");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {value:0.###} {unit}"));
    }

    /// <summary>Resident memory of a process in MB, from the kernel; 0 where there is none to ask.</summary>
    public static double ResidentMegabytes(int processId)
    {
        var status = $"/proc/{processId}/status";
        if (!File.Exists(status))
            return 0;
        var line = File.ReadLines(status).FirstOrDefault(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return line is null ? 0 : double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    public static double Percentile(IEnumerable<double> values, double share)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }
}
