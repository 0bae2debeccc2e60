using System.Reflection;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Qianfan.Platform.Workers;

namespace Qianfan.Platform.Tests.Support;

/// <summary>The engine that was built along with the tests; its training workers can be got hold of, to be killed.</summary>
internal sealed class RealEngine
{
    private readonly Channel<IWorker> _trainers = Channel.CreateUnbounded<IWorker>();
    private readonly Channel<IWorker> _exporters = Channel.CreateUnbounded<IWorker>();

    private int _serversStarted;

    /// <summary>Serving workers that were started.</summary>
    public int ServersStarted => Volatile.Read(ref _serversStarted);

    public string Directory { get; } = Path.GetFullPath(
        typeof(RealEngine).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "EngineDirectory").Value!);

    /// <summary>The next training worker that is started.</summary>
    public ValueTask<IWorker> NextTrainerAsync() => _trainers.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>The next export worker that is started.</summary>
    public ValueTask<IWorker> NextExporterAsync() => _exporters.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public IWorkerLauncher Create(IServiceProvider services) => new Launcher(ActivatorUtilities.CreateInstance<EngineLauncher>(services), _trainers.Writer, _exporters.Writer, () => Interlocked.Increment(ref _serversStarted));

    private sealed class Launcher(EngineLauncher engine, ChannelWriter<IWorker> trainers, ChannelWriter<IWorker> exporters, Action serverStarted) : IWorkerLauncher
    {
        public IWorker Launch(WorkerMode mode, IReadOnlyList<string>? arguments = null)
        {
            var worker = engine.Launch(mode, arguments);
            if (mode == WorkerMode.Train) trainers.TryWrite(worker);
            if (mode == WorkerMode.Export) exporters.TryWrite(worker);
            if (mode == WorkerMode.Serve) serverStarted();
            return worker;
        }
    }
}
