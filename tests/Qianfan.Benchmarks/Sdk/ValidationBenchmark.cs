using System.Diagnostics;
using System.Text;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Benchmarks.Sdk;

/// <summary>Validation of a large JSONL file, beside reading the same file and nothing else.</summary>
internal static class ValidationBenchmark
{
    public static async Task ReportAsync(int rounds, int megabytes)
    {
        var path = Path.Combine(Path.GetTempPath(), $"qianfan-benchmark-{Guid.NewGuid():N}.jsonl");
        try
        {
            var rows = await WriteAsync(path, megabytes * 1_000_000L);
            var bytes = new FileInfo(path).Length;
            await Dataset.FromFile(path).ValidateAsync();
            var idle = WorkingSet();
            var peak = 0L;
            var (cpu, wall, read) = (new List<double>(), new List<double>(), new List<double>());
            for (var round = 0; round < rounds; round++)
            {
                var (readSeconds, _, _) = await MeasureAsync(() => ReadAsync(path));
                var (seconds, elapsed, highest) = await MeasureAsync(async () =>
                {
                    var summary = await Dataset.FromFile(path).ValidateAsync();
                    if (summary.GoodRows != rows || summary.BadRows != 1)
                    {
                        throw new InvalidOperationException($"{summary.GoodRows} good and {summary.BadRows} bad rows where there are {rows} and 1.");
                    }
                });
                read.Add(bytes / 1e6 / readSeconds);
                cpu.Add(bytes / 1e6 / seconds);
                wall.Add(bytes / 1e6 / elapsed);
                peak = Math.Max(peak, highest);
            }

            Figures.Print(
                "validate",
                ("mb_per_core_second", Math.Round(Figures.Median(cpu))),
                ("mb_per_second", Math.Round(Figures.Median(wall))),
                ("reading_alone_mb_per_core_second", Math.Round(Figures.Median(read))),
                ("file_mb", bytes / 1_000_000),
                ("rows", rows + 1),
                ("peak_working_set_mb", Math.Round(peak / 1e6, 1)),
                ("above_idle_mb", Math.Round((peak - idle) / 1e6, 1)),
                ("target", "200 MB/s or more per core, under 100 MB"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<(double CpuSeconds, double Seconds, long Peak)> MeasureAsync(Func<Task> action)
    {
        using var process = Process.GetCurrentProcess();
        using var done = new CancellationTokenSource();
        var watching = PeakAsync(done.Token);
        var (before, started) = (process.TotalProcessorTime, Stopwatch.GetTimestamp());
        await action();
        var elapsed = Stopwatch.GetElapsedTime(started).TotalSeconds;
        process.Refresh();
        var cpu = (process.TotalProcessorTime - before).TotalSeconds;
        await done.CancelAsync();
        return (cpu, elapsed, await watching);
    }

    private static async Task<long> PeakAsync(CancellationToken cancellationToken)
    {
        var peak = 0L;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        try
        {
            do
            {
                peak = Math.Max(peak, WorkingSet());
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException)
        {
            // What was watched is over.
        }

        return peak;
    }

    private static long WorkingSet()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static async Task ReadAsync(string path)
    {
        await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.Asynchronous | FileOptions.SequentialScan);
        var buffer = new byte[128 * 1024];
        while (await stream.ReadAsync(buffer) > 0)
        {
            // Only read.
        }
    }

    /// <summary>Rows as teams have them: English and Chinese, one turn and several, some with escapes; one of them is bad.</summary>
    public static async Task<long> WriteAsync(string path, long bytes)
    {
        const string English = "The lantern on the front wheel is charged by the hub, and it stays bright for four minutes after the bicycle has stopped at a crossing.";
        const string Chinese = "前轮上的灯由花鼓充电，自行车停在路口以后，它还会亮四分钟，所以夜里等红灯的时候也能看得见。";
        var block = new StringBuilder();
        var rows = 0L;
        await using var target = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20, FileOptions.Asynchronous);
        await target.WriteAsync("{\"prompt\":\"no answer\"}\n"u8.ToArray());
        while (target.Position < bytes)
        {
            block.Clear();
            for (var i = 0; i < 1000; i++, rows++)
            {
                var (question, answer) = rows % 2 == 0 ? ($"How does lantern {rows} work?", English) : ($"第{rows}号灯是怎么工作的？", Chinese);
                block.Append((rows % 5) switch
                {
                    0 => $"[{{\"system\":\"Answer as the workshop does.\",\"prompt\":\"{question}\",\"response\":[[\"{answer}\"]]}},{{\"prompt\":\"{question}\",\"response\":[[\"{answer} {answer}\"]]}}]\n",
                    1 => $"{{\"messages\":[{{\"role\":\"system\",\"content\":\"{answer}\"}},{{\"role\":\"user\",\"content\":\"{question}\"}},{{\"role\":\"assistant\",\"content\":\"{answer}\"}}]}}\n",
                    2 => $"{{\"instruction\":\"{question}\",\"input\":\"\",\"output\":\"1. {answer}\\n2. \\\"{answer}\\\"\\n\"}}\n",
                    _ => $"[{{\"prompt\":\"{question}\",\"response\":[[\"{answer}\"]]}}]\n",
                });
            }

            await target.WriteAsync(Encoding.UTF8.GetBytes(block.ToString()));
        }

        return rows;
    }
}
