namespace Qianfan.Benchmarks.Platform;

/// <summary>What the platform promises about speed, against a real server in a process of its own.</summary>
internal static class PlatformBenchmarks
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        // The server's side of the measures, and its worker: started by them, not by people.
        if (arguments.Names(BenchmarkServer.Mode))
        {
            await BenchmarkServer.RunAsync();
            return 0;
        }

        if (arguments.Names(StubWorker.Mode)) return await StubWorker.RunAsync();
        if (arguments.Wants("upload"))
        {
            await UploadBenchmark.ReportAsync(arguments.Option("rounds", 3), arguments.Option("megabytes", 200));
        }

        if (arguments.Wants("gateway"))
        {
            await using var gateway = await GatewayBenchmark.StartAsync();
            await gateway.OverheadAsync(arguments.Option("rounds", 5), arguments.Option("seconds", 5));
            await gateway.RateAsync(arguments.Option("seconds", 5));
        }

        // The first half of it alone.
        if (arguments.Names("overhead"))
        {
            await using var gateway = await GatewayBenchmark.StartAsync();
            await gateway.OverheadAsync(arguments.Option("rounds", 5), arguments.Option("seconds", 5));
        }

        if (arguments.Wants("streams"))
        {
            await using var gateway = await GatewayBenchmark.StartAsync();
            await gateway.StreamsAsync(arguments.Option("streams", 250), arguments.Option("tokens", 1000));
        }

        return 0;
    }
}
