namespace Qianfan.Benchmarks.Sdk;

/// <summary>The four figures that the SDK promises, each with a baseline from the same run.</summary>
internal static class SdkBenchmarks
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        var rounds = arguments.Option("rounds", 5);
        if (arguments.Wants("sign"))
        {
            SignBenchmark.Report(rounds);
        }

        if (arguments.Wants("chat"))
        {
            ChatBenchmark.Report(rounds);
        }

        if (arguments.Wants("sse"))
        {
            await EventStreamBenchmark.ReportAsync(rounds);
        }

        if (arguments.Wants("validate"))
        {
            await ValidationBenchmark.ReportAsync(rounds, arguments.Option("megabytes", 1024));
        }

        return 0;
    }
}
