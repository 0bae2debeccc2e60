using System.Globalization;
using Qianfan.Engine;
using Qianfan.Engine.Exports;
using Qianfan.Engine.Pretraining;
using Qianfan.Engine.Workers;

const string Usage = """
    Qianfan.Engine train       trains one task; told what by the platform on standard input
    Qianfan.Engine serve       generates text; told what by the platform on standard input [--threads N] [--cache-megabytes N]
    Qianfan.Engine count       counts the tokens of training rows; told what by the platform on standard input
    Qianfan.Engine export      --model FOLDER [--adapter FOLDER] --format safetensors|adapter|gguf-f32|gguf-f16|gguf-q8_0|gguf-q4_0 --out PATH [--name NAME] [--shard-bytes N]
    Qianfan.Engine corpus      --out FILE [--documents N] [--seed N]
    Qianfan.Engine pretrain    --out FOLDER --work FOLDER [--start FOLDER] [--documents N] [--seed N] [--steps N] [...]
    """;

// Numbers in files and messages look the same everywhere; ICU is there for Unicode's composed forms alone.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
try
{
    switch (args.FirstOrDefault())
    {
        case "train":
            await using (var channel = Open("train"))
                return await TrainWorker.RunAsync(channel, Console.Error, TimeProvider.System, CancellationToken.None);
        case "serve":
            await using (var channel = Open("serve"))
            {
                var options = new CommandLine(args[1..], "threads", "cache-megabytes");
                await new ServeWorker(channel, Console.Error, options.Number("threads", ServeWorker.DefaultThreads), (long)options.Number("cache-megabytes", ServeWorker.DefaultCacheMegabytes) << 20).RunAsync(CancellationToken.None);
                return 0;
            }
        case "count":
            await using (var channel = Open("count"))
                return await CountWorker.RunAsync(channel, CancellationToken.None);
        case "export":
            await using (var channel = Open("export"))
                return ExportCommand.Run(args[1..], message =>
                {
                    channel.Send(message);
                    // An export takes no orders, so this is how it learns that whoever wanted it is gone.
                    if (channel.IsParentGone)
                        throw new IOException("Nobody reads any more what this export says: it ends.");
                });
        case "corpus":
            return CorpusCommand.Run(args[1..], Console.Error);
        case "pretrain":
            using (var stop = new CancellationTokenSource())
            {
                Console.CancelKeyPress += (_, pressed) =>
                {
                    pressed.Cancel = true;
                    stop.Cancel();
                };
                return PretrainCommand.Run(args[1..], Console.Error, TimeProvider.System, stop.Token);
            }
        default:
            Console.Error.WriteLine(Usage);
            return 2;
    }
}
catch (Exception exception) when (exception is FormatException or EngineException or IOException)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}

static WorkerChannel Open(string mode)
{
    var output = ProtocolStream.TakeStandardOutput();
    return new WorkerChannel(mode, Console.OpenStandardInput(), output, Console.Error, TimeProvider.System);
}
