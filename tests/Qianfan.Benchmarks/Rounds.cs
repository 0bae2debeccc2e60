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
}
