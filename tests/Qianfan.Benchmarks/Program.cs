using Qianfan.Benchmarks;
using Qianfan.Benchmarks.Engine;
using Qianfan.Benchmarks.Platform;
using Qianfan.Benchmarks.Sdk;

// One file (or folder) for each area; each prints its figures as lines of JSON at the end.
switch (args.FirstOrDefault())
{
    case "sdk":
        return await SdkBenchmarks.RunAsync(new Arguments(args));
    case "engine":
        return EngineRuntime.IsHere ? await EngineBenchmarks.RunAsync(new Arguments(args)) : EngineRuntime.Run(args);
    case TrainBenchmark.Child:
        return TrainBenchmark.RunOnce(args);
    case "platform":
        return await PlatformBenchmarks.RunAsync(new Arguments(args));
    default:
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks engine [serve train serve-while-training] [--rounds 5] [--threads N]");
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks engine soak [--minutes 30] [--callers 12] | engine steps [--steps 1000]");
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks platform [upload gateway streams] [--rounds N] [--megabytes 200] [--seconds 5] [--streams 250] [--tokens 1000]");
        Console.Error.WriteLine("Usage: Qianfan.Benchmarks sdk [sign chat sse validate] [--rounds 5] [--megabytes 1024]");
        return 2;
}
