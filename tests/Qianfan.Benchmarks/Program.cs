using Qianfan.Benchmarks;
using Qianfan.Benchmarks.Engine;
using Qianfan.Benchmarks.Sdk;

// One file (or folder) for each area; each prints its figures as lines of JSON at the end.
var arguments = new Arguments(args);
switch (arguments.Area)
{
    case "sdk":
        return await SdkBenchmarks.RunAsync(arguments);
    case "engine":
        return await EngineBenchmarks.RunAsync(arguments);
    default:
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks engine [serve serve-while-training] [--rounds 5] [--threads N]");
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks engine soak [--minutes 30] [--callers 12] | engine steps [--steps 1000]");
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks sdk [sign chat sse validate] [--rounds 5] [--megabytes 1024]");
        return 2;
}
