namespace Qianfan.Benchmarks.Engine;

/// <summary>What the engine promises about speed.</summary>
internal static class EngineBenchmarks
{
    public static int Run(Arguments arguments)
    {
        if (arguments.Wants("serve"))
        {
            ServeBenchmark.Report(arguments.Option("rounds", 5), arguments.Option("threads", Environment.ProcessorCount));
        }

        if (arguments.Wants("train"))
        {
            TrainBenchmark.Report(arguments.Option("rounds", 5), arguments.Option("threads", Environment.ProcessorCount));
        }

        return 0;
    }
}
