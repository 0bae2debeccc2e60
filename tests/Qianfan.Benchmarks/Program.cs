using Qianfan.Benchmarks;
using Qianfan.Benchmarks.Engine;
using Qianfan.Benchmarks.Sdk;

// One file (or folder) for each area; each prints its figures as lines of JSON at the end.
switch (args.FirstOrDefault())
{
    case "sdk":
        return await SdkBenchmarks.RunAsync(new Arguments(args));
    case "engine":
        return EngineBenchmarks.Run(new Arguments(args));
    case TrainBenchmark.Child:
        return TrainBenchmark.RunOnce(args);
    default:
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks engine [serve train] [--rounds 5] [--threads N]");
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks sdk [sign chat sse validate] [--rounds 5] [--megabytes 1024]");
        return 2;
}
