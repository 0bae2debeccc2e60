using System.Threading.Channels;
using Qianfan.Engine.Serving;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Workers;

/// <summary><c>Qianfan.Engine serve</c>: serves models until it is told to end or the platform is gone. Never loads libtorch.</summary>
internal sealed class ServeWorker
{
    private readonly WorkerChannel _channel;
    private readonly TextWriter _log;
    private readonly ModelStore _models;
    private readonly ServingEngine _engine;

    /// <summary>What the decoding thread is to do between two steps; the platform bounds how much it asks for, and the engine refuses what is too much.</summary>
    private readonly Channel<Action<ServingEngine>> _inbox = Channel.CreateUnbounded<Action<ServingEngine>>(new UnboundedChannelOptions { SingleReader = true });

    /// <param name="channel">The protocol.</param>
    /// <param name="log">For people.</param>
    /// <param name="threads">How many threads one operation may use: a training beside it needs the others.</param>
    /// <param name="cacheBytes">Memory that keys and values of all requests may take.</param>
    public ServeWorker(WorkerChannel channel, TextWriter log, int threads, long cacheBytes)
    {
        _channel = channel;
        _log = log;
        var pool = new PagePool(cacheBytes);
        _models = new ModelStore(threads, pool);
        _engine = new ServingEngine(channel.Send, pool);
        channel.Describe = heartbeat => heartbeat with { Requests = _engine.Requests, CacheUsedBytes = pool.UsedBytes + pool.PromisedBytes };
        log.WriteLine($"8-bit weights are multiplied by {Int8Paths.Best} instructions, on {threads} threads.");
    }

    /// <summary>Half of the processors, at least one.</summary>
    public static int DefaultThreads => Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>An eighth of the memory that is free, 2 GB at the most.</summary>
    public static int DefaultCacheMegabytes => (int)Math.Min(2048, MemoryBudget.Available() / 8 >> 20);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var decoding = Task.Factory.StartNew(DecodeAsync, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
        var loading = new List<Task>();
        while (true)
        {
            var reading = _channel.ReadAsync(cancellationToken);
            // A fault of the decoding thread ends the worker: the platform starts another.
            if (await Task.WhenAny(reading, decoding) == decoding)
                break;
            if (await reading is not { } message || message is Shutdown)
                break;
            loading.RemoveAll(task => task.IsCompleted);
            if (message is LoadModel load)
                loading.Add(Task.Run(() => Load(load), cancellationToken));
            else if (message is UnloadModel)
                _inbox.Writer.TryWrite(engine => Unload(engine, message));
            else if (message is Generate or Embed or CancelRequest)
                _inbox.Writer.TryWrite(engine => engine.Handle(message));
            else
                _log.WriteLine($"A serving worker has no use for {message.GetType().Name}.");
        }
        // Told to end, or nobody hears any more: what is under way is dropped.
        _inbox.Writer.Complete();
        await Task.WhenAll([.. loading, decoding]);
    }

    private async Task DecodeAsync()
    {
        var reader = _inbox.Reader;
        while (_engine.HasWork || await reader.WaitToReadAsync(CancellationToken.None))
        {
            while (reader.TryRead(out var action))
                action(_engine);
            if (reader.Completion.IsCompleted)
                return;
            if (_engine.HasWork)
                _engine.Step();
        }
    }

    private static void Unload(ServingEngine engine, HostMessage message)
    {
        engine.Handle(message);
        // An idle worker allocates nothing and so would never collect: the memory is wanted back now. Nothing is moved, which keeps it short.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);
    }

    private void Load(LoadModel request)
    {
        try
        {
            var model = _models.Load(request);
            _inbox.Writer.TryWrite(engine => engine.Add(request, model));
        }
        catch (EngineException exception)
        {
            _channel.Send(new RequestFailed(request.RequestId, exception.Code, exception.Message));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or OutOfMemoryException)
        {
            _log.WriteLine(exception);
            _channel.Send(new RequestFailed(request.RequestId, WorkerErrors.InvalidModel, $"The model can't be read: {exception.Message}"));
        }
    }
}
