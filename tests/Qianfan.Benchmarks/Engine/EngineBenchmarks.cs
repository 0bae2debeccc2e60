namespace Qianfan.Benchmarks.Engine;

/// <summary>What the engine promises about speed, and that it lasts.</summary>
internal static class EngineBenchmarks
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        if (arguments.Wants("serve"))
        {
            ServeBenchmark.Report(arguments.Option("rounds", 5), arguments.Option("threads", Environment.ProcessorCount));
        }

        if (arguments.Wants("train"))
        {
            TrainBenchmark.Report(arguments.Option("rounds", 5), arguments.Option("threads", Environment.ProcessorCount));
        }

        if (arguments.Wants("serve-while-training"))
        {
            await BesideTrainingBenchmark.ReportAsync(arguments.Option("rounds", 5));
        }

        var lasts = true;
        if (arguments.Names("steps"))
        {
            lasts &= await StepsBenchmark.RunAsync(arguments.Option("steps", 1000));
        }

        if (arguments.Names("soak"))
        {
            lasts &= await new SoakBenchmark(arguments.Option("callers", 12)).RunAsync(TimeSpan.FromMinutes(arguments.Option("minutes", 30)));
        }

        return lasts ? 0 : 1;
    }
}
