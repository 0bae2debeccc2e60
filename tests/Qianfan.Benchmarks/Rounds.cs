using System.Diagnostics;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using Perfolizer.Horology;

namespace Qianfan.Benchmarks;

/// <summary>Runs the benchmarks of a class several times over, so that each one's rounds alternate with those of the others: a noisy moment meets all of them.</summary>
internal static class Rounds
{
    /// <returns>By method: the median over the rounds of each round's median in microseconds, and the bytes allocated by one call.</returns>
    public static IReadOnlyDictionary<string, (double Microseconds, long Allocated)> Run<T>(int rounds)
    {
        var job = Job.Default
            .WithToolchain(InProcessNoEmitToolchain.Instance)
            .WithLaunchCount(1)
            .WithWarmupCount(3)
            .WithIterationCount(9)
            .WithIterationTime(TimeInterval.FromMilliseconds(150));
        var config = ManualConfig.CreateEmpty().AddJob(job).AddDiagnoser(MemoryDiagnoser.Default).AddLogger(NullLogger.Instance).WithOptions(ConfigOptions.DisableOptimizationsValidator);
        var medians = new Dictionary<string, List<double>>();
        var allocated = new Dictionary<string, long>();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var report in BenchmarkRunner.Run<T>(config).Reports)
            {
                var name = report.BenchmarkCase.Descriptor.WorkloadMethod.Name;
                var statistics = report.ResultStatistics ?? throw new InvalidOperationException($"{name} was not measured.");
                (medians.TryGetValue(name, out var list) ? list : medians[name] = []).Add(statistics.Median / 1000);
                allocated[name] = report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0;
            }
        }

        return medians.ToDictionary(m => m.Key, m => (Figures.Median(m.Value), allocated[m.Key]));
    }

    /// <summary>Processor time of one call, which a busy machine changes far less than the time on the clock. The calls take turns.</summary>
    /// <returns>By name: the median over the rounds in microseconds.</returns>
    public static IReadOnlyDictionary<string, double> Cpu(int rounds, params (string Name, Func<Task> Call)[] calls)
    {
        var found = calls.ToDictionary(c => c.Name, _ => new List<double>());
        // The first round only warms up.
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var (name, call) in calls)
            {
                var microseconds = Cpu(call);
                if (round > 0)
                {
                    found[name].Add(microseconds);
                }
            }
        }

        return found.ToDictionary(f => f.Key, f => Figures.Median(f.Value));
    }

    /// <summary>The kernel counts processor time in steps of 10 ms, so that the calls go on for half a second of it.</summary>
    private static double Cpu(Func<Task> call)
    {
        const int Batch = 1000;
        using var process = Process.GetCurrentProcess();
        var (before, count) = (process.TotalProcessorTime, 0);
        TimeSpan spent;
        do
        {
            for (var i = 0; i < Batch; i++)
            {
                call().GetAwaiter().GetResult();
            }

            count += Batch;
            process.Refresh();
            spent = process.TotalProcessorTime - before;
        }
        while (spent < TimeSpan.FromMilliseconds(500));
        return spent.TotalMicroseconds / count;
    }
}
