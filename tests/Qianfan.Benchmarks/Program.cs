using Qianfan.Benchmarks;
using Qianfan.Benchmarks.Engine;
using Qianfan.Benchmarks.Platform;
using Qianfan.Benchmarks.Sdk;

// One file (or folder) for each area; each prints its figures as lines of JSON at the end.
var arguments = new Arguments(args);
switch (arguments.Area)
{
    case "sdk":
        return await SdkBenchmarks.RunAsync(arguments);
    case "engine":
        return EngineBenchmarks.Run(arguments);
    case "platform":
        return await PlatformBenchmarks.RunAsync(arguments);
    default:
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks engine [serve] [--rounds 5] [--threads N]");
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks sdk [sign chat sse validate] [--rounds 5] [--megabytes 1024]");
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks platform [upload] [--rounds 3] [--megabytes 200]");
        return 2;
}
