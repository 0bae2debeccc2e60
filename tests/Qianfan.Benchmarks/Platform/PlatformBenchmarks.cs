namespace Qianfan.Benchmarks.Platform;

/// <summary>What the platform promises about speed.</summary>
internal static class PlatformBenchmarks
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        if (arguments.Names("gateway-server")) return await GatewayServer.RunAsync();
        if (arguments.Names("stub-worker")) return await StubWorker.RunAsync();
        if (arguments.Wants("gateway"))
        {
            await using var gateway = await GatewayBenchmark.StartAsync();
            await gateway.OverheadAsync(arguments.Option("rounds", 5), arguments.Option("seconds", 5));
            await gateway.RateAsync(arguments.Option("seconds", 5));
        }

        if (arguments.Wants("streams"))
        {
            await using var gateway = await GatewayBenchmark.StartAsync();
            await gateway.StreamsAsync(arguments.Option("streams", 250), arguments.Option("tokens", 1000));
        }

        return 0;
    }
}
