using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.Channels;
using Qianfan.Platform.Http;
using Qianfan.Platform.Workers;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.Services;

/// <summary>One life of the serving worker: the models it has loaded and the requests it works on. Thread-safe.</summary>
internal sealed class ServingSession
{
    private readonly IWorker _worker;
    private readonly ConcurrentDictionary<string, IPendingRequest> _pending = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastId;
    private long _memoryBytes;

    public ServingSession(IWorker worker, TimeProvider time)
    {
        _worker = worker;
        Models = new LoadedModels(SendLoadAsync, key => worker.SendAsync(new UnloadModel(key), CancellationToken.None).AsTask(), time);
    }

    /// <summary>What it has in memory.</summary>
    public LoadedModels Models { get; }

    /// <summary>Memory of the worker process, as it last said; 0 before that.</summary>
    public long MemoryBytes => Interlocked.Read(ref _memoryBytes);

    /// <summary>Completes when the worker is gone.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Requests that are not answered yet.</summary>
    public int Requests => _pending.Count;

    /// <summary>Generates text. When the caller stops listening, so does the worker.</summary>
    public async IAsyncEnumerable<DecodedSlot> GenerateAsync(
        Func<string, Generate> request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var id = NextId();
        var generate = request(id);
        var pending = new PendingGeneration(generate.Sampling.MaxTokens);
        Register(id, pending);
        var finished = false;
        try
        {
            await _worker.SendAsync(generate, cancellationToken);
            await foreach (var slot in pending.ReadAsync(cancellationToken))
            {
                finished = slot.FinishReason is not null;
                yield return slot;
            }
        }
        finally
        {
            _pending.TryRemove(id, out _);
            if (!finished && !_ended.Task.IsCompleted) await _worker.SendAsync(new CancelRequest(id), CancellationToken.None);
        }
    }

    /// <summary>Embeds texts. When the caller stops waiting, so does the worker.</summary>
    public async Task<Embedded> EmbedAsync(string modelKey, IReadOnlyList<string> inputs, CancellationToken cancellationToken) =>
        (Embedded)await AskAsync(id => new Embed(id, modelKey, inputs), cancellationToken);

    /// <summary>Gives a line of the worker to whom it concerns.</summary>
    public void Take(WorkerMessage message)
    {
        switch (message)
        {
            case DecodeStep step:
                foreach (var slot in step.Slots)
                {
                    if (_pending.TryGetValue(slot.RequestId, out var generation)) generation.Take(slot);
                }

                break;
            case ModelLoaded loaded when _pending.TryGetValue(loaded.RequestId, out var load):
                load.Answer(loaded);
                break;
            case Embedded embedded when _pending.TryGetValue(embedded.RequestId, out var embed):
                embed.Answer(embedded);
                break;
            case Heartbeat heartbeat:
                Interlocked.Exchange(ref _memoryBytes, heartbeat.WorkingSetBytes);
                break;
            case RequestFailed failed when _pending.TryGetValue(failed.RequestId, out var request):
                request.Fail(new WorkerRequestException(failed.Code, failed.Message));
                break;
        }
    }

    /// <summary>The worker is gone: whoever waits is told.</summary>
    public void End(string reason)
    {
        _ended.TrySetResult();
        foreach (var (_, request) in _pending) request.Fail(new WorkerRequestException(WorkerRequestException.WorkerGone, reason));
    }

    private async Task<ModelLoaded> SendLoadAsync(ModelSpec model) =>
        (ModelLoaded)await AskAsync(id => new LoadModel(id, model.Key, model.ModelDirectory, model.AdapterDirectory), CancellationToken.None);

    private async Task<WorkerMessage> AskAsync(Func<string, HostMessage> request, CancellationToken cancellationToken)
    {
        var id = NextId();
        var pending = new PendingAnswer();
        Register(id, pending);
        try
        {
            await _worker.SendAsync(request(id), cancellationToken);
            return await pending.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (!_ended.Task.IsCompleted)
        {
            await _worker.SendAsync(new CancelRequest(id), CancellationToken.None);
            throw;
        }
        finally
        {
            _pending.TryRemove(id, out _);
        }
    }

    private void Register(string id, IPendingRequest request)
    {
        _pending[id] = request;
        // It may have gone between the last look and this one.
        if (_ended.Task.IsCompleted) request.Fail(new WorkerRequestException(WorkerRequestException.WorkerGone, "The serving worker has ended and is being started again"));
    }

    private string NextId() => Interlocked.Increment(ref _lastId).ToString(CultureInfo.InvariantCulture);

    private interface IPendingRequest
    {
        void Take(DecodedSlot slot);

        void Answer(WorkerMessage message);

        void Fail(Exception exception);
    }

    private sealed class PendingAnswer : IPendingRequest
    {
        private readonly TaskCompletionSource<WorkerMessage> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<WorkerMessage> Task => _answer.Task;

        public void Take(DecodedSlot slot) => _answer.TrySetException(new WorkerException("The worker answered with text what was no generation."));

        public void Answer(WorkerMessage message) => _answer.TrySetResult(message);

        public void Fail(Exception exception) => _answer.TrySetException(exception);
    }

    private sealed class PendingGeneration(int maxTokens) : IPendingRequest
    {
        // A worker sends at most one line for a token, and one to end: so no line is ever dropped.
        private readonly Channel<DecodedSlot> _slots = Channel.CreateBounded<DecodedSlot>(new BoundedChannelOptions(maxTokens + 8) { SingleReader = true });

        public IAsyncEnumerable<DecodedSlot> ReadAsync(CancellationToken cancellationToken) => _slots.Reader.ReadAllAsync(cancellationToken);

        public void Take(DecodedSlot slot)
        {
            if (!_slots.Writer.TryWrite(slot)) Fail(new WorkerException("The worker sent more text than was asked for."));
            if (slot.FinishReason is not null) _slots.Writer.TryComplete();
        }

        public void Answer(WorkerMessage message) => Fail(new WorkerException("The worker answered a generation with something else."));

        public void Fail(Exception exception) => _slots.Writer.TryComplete(exception);
    }
}

/// <summary>A worker can't do what was asked. The message is for people.</summary>
internal sealed class WorkerRequestException(string code, string message) : Exception(message)
{
    /// <summary>The code for a worker that ended under the request.</summary>
    public const string WorkerGone = "worker_gone";

    /// <summary>The code for a model that takes too long to load.</summary>
    public const string TooSlow = "too_slow";

    /// <summary>One of <see cref="WorkerErrors"/>, <see cref="WorkerGone"/> or <see cref="TooSlow"/>.</summary>
    public string Code => code;

    /// <summary>The same as an API's error.</summary>
    public PlatformException ToPlatform() => new(Code switch
    {
        WorkerErrors.InvalidArgument => PlatformError.InvalidArgument,
        WorkerErrors.ContextLength => PlatformError.ContextLength,
        WorkerErrors.ModelNotFound or WorkerErrors.ModelUnloaded or WorkerErrors.OutOfMemory or WorkerGone or TooSlow => PlatformError.Unavailable,
        WorkerErrors.Overloaded => PlatformError.Overloaded,
        _ => PlatformError.Internal,
    }, Message);
}
