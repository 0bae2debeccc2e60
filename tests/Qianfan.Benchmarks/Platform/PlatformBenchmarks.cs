namespace Qianfan.Benchmarks.Platform;

/// <summary>What the platform promises about speed, against a real server in a process of its own.</summary>
internal static class PlatformBenchmarks
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        // The server's side of the measures: started by them, not by people.
        if (Environment.GetEnvironmentVariable(BenchmarkServer.FolderVariable) is { } folder)
        {
            await BenchmarkServer.RunAsync(folder);
            return 0;
        }

        if (arguments.Wants("upload"))
        {
            await UploadBenchmark.ReportAsync(arguments.Option("rounds", 3), arguments.Option("megabytes", 200));
        }

        return 0;
    }
}
