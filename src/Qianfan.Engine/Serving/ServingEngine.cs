using System.Numerics.Tensors;
using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Serving;

/// <summary>
/// Serves all requests together: each step takes every request of a model one token further, or a piece of its prompt.
/// Used by one thread, which alternates between <see cref="Handle"/> and <see cref="Step"/>.
/// </summary>
internal sealed class ServingEngine
{
    /// <summary>Requests that are decoded together; more wait.</summary>
    internal const int MostActive = 32;

    /// <summary>Requests that wait; more are refused.</summary>
    internal const int MostWaiting = 1024;

    /// <summary>Prompt tokens of one step: a long prompt must not keep the others waiting for long.</summary>
    private const int PromptTokensPerStep = 128;

    private readonly Action<WorkerMessage> _send;
    private readonly Dictionary<string, ServedModel> _models = new(StringComparer.Ordinal);
    private readonly List<Slot> _active = [];
    private readonly Queue<Slot> _waiting = new();
    private readonly Queue<EmbedJob> _embeds = new();
    private readonly PagePool _pool;
    private readonly KeptConversations _kept = new();

    private sealed class EmbedJob(Embed request, ServedModel model, IReadOnlyList<IReadOnlyList<int>> inputs)
    {
        public Embed Request { get; } = request;

        public ServedModel Model { get; } = model;

        public IReadOnlyList<IReadOnlyList<int>> Inputs { get; } = inputs;

        public List<IReadOnlyList<float>> Vectors { get; } = [];

        /// <summary>What the text at hand has been through so far, and the sum of its hidden states.</summary>
        public KeyValueCache? Cache { get; set; }

        /// <summary>Whether there was no room for the text at hand.</summary>
        public bool Waits { get; set; }

        public float[] Sum { get; } = new float[model.Shape.HiddenSize];
    }

    /// <param name="send">Takes the answers.</param>
    /// <param name="pool">Memory for the keys and values of all requests, finished ones included.</param>
    public ServingEngine(Action<WorkerMessage> send, PagePool pool)
    {
        _send = send;
        _pool = pool;
    }

    /// <summary>Prompt tokens that went through a model, embeddings not counted.</summary>
    public long PromptTokensRead { get; private set; }

    /// <summary>Requests under way and waiting. Any thread may ask; what it hears may be over already.</summary>
    public int Requests => _active.Count + _waiting.Count + _embeds.Count;

    /// <summary>Whether a step would do anything.</summary>
    public bool HasWork => Requests > 0;

    /// <summary>Takes a model that has been read.</summary>
    public void Add(LoadModel request, ServedModel model)
    {
        Unload(request.ModelKey);
        if (Context(model) == 0)
        {
            _send(new RequestFailed(request.RequestId, WorkerErrors.OutOfMemory, $"The memory for keys and values ({_pool.MostBytes >> 20} MB) doesn't hold {Page.Tokens} tokens of this model."));
            return;
        }
        _models[request.ModelKey] = model;
        _send(new ModelLoaded(request.RequestId, request.ModelKey, Context(model), model.MemoryBytes) { CacheBytes = _pool.MostBytes });
    }

    /// <summary>Most tokens of one sequence: the model's own limit, or what there is memory for.</summary>
    private int Context(ServedModel model) => (int)Math.Min(model.Shape.ContextLength, _pool.MostBytes / ((long)Page.Size(model.Shape) * sizeof(float)) * Page.Tokens);

    /// <summary>Takes a request; what is wrong with it is answered at once.</summary>
    public void Handle(HostMessage message)
    {
        switch (message)
        {
            case Generate request:
                Try(request.RequestId, () => Enqueue(request));
                break;
            case Embed request:
                Try(request.RequestId, () => Enqueue(request));
                break;
            case CancelRequest cancel:
                foreach (var slot in _active.Concat(_waiting).Where(slot => slot.RequestId == cancel.RequestId))
                    slot.Cancelled = true;
                if (_embeds.FirstOrDefault(job => job.Request.RequestId == cancel.RequestId) is { } embed)
                    Cancel(embed);
                break;
            case UnloadModel unload:
                Unload(unload.ModelKey);
                break;
        }
    }

    /// <summary>One decoding step of every model that has requests (adapters of one model go together), and a piece of one text to embed.</summary>
    public void Step()
    {
        DropCancelled();
        Admit();
        foreach (var group in _active.GroupBy(slot => slot.Model.Base).ToList())
            Decode(group.Key, [.. group]);
        if (_embeds.TryPeek(out var job))
            EmbedNext(job);
    }

    /// <summary>Takes up requests in order of arrival, each with room for its whole prompt and answer: none runs out of memory on the way.</summary>
    private void Admit()
    {
        // A text to embed that waits for room has it before others come.
        while (_active.Count < MostActive && _embeds.All(job => !job.Waits) && _waiting.TryPeek(out var next))
        {
            next.Share(_pool, _kept, _active);
            if (!TryMakeRoom(next.Cache!, next.MostCachedTokens))
                return;
            _active.Add(_waiting.Dequeue());
        }
    }

    private bool TryMakeRoom(KeyValueCache cache, int tokens)
    {
        while (!cache.TryPromise(tokens))
        {
            if (_kept.DropOldest())
                continue;
            // The page that would have to be copied is one more than the sequence needs alone.
            cache.KeepWholePages();
            return cache.TryPromise(tokens);
        }
        return true;
    }

    private void DropCancelled()
    {
        List<Slot> cancelled = [.. _active.Concat(_waiting).Where(slot => slot.Cancelled)];
        if (cancelled.Count == 0)
            return;
        foreach (var slot in cancelled)
        {
            if (_active.Remove(slot))
                Keep(slot);
            else
                slot.Cache?.Release();
        }
        Keep(_waiting, slot => !slot.Cancelled);
        _send(new DecodeStep([.. cancelled.Select(slot => slot.Cancel())]));
    }

    private void Decode(BaseModel model, Slot[] slots)
    {
        var budget = PromptTokensPerStep;
        var taking = new List<Slot>();
        var readers = new List<Slot>();
        var segments = new List<Decoder.Segment>();
        foreach (var slot in slots)
        {
            // Whoever is past the prompt takes part always; prompts share the budget in order of arrival.
            if (!slot.PromptDone && budget == 0)
                continue;
            var reading = !slot.PromptDone;
            if (!slot.Began)
            {
                slot.Share(_pool, _kept, _active);
                // It needs less than it was promised, if anything.
                slot.Cache!.TryPromise(slot.MostCachedTokens);
                if (readers.Exists(slot.Follows))
                    continue;
            }
            if (reading)
                readers.Add(slot);
            var tokens = slot.NextTokens(budget);
            if (reading)
            {
                budget -= tokens.Count;
                PromptTokensRead += tokens.Count;
            }
            taking.Add(slot);
            segments.Add(new Decoder.Segment(slot.Cache!, tokens, slot.Model.Adapter));
        }
        var hidden = model.Decoder.Forward(segments);
        var size = model.Shape.HiddenSize;
        var answering = taking.FindAll(slot => slot.PromptDone);
        var last = new float[answering.Count * size];
        for (int i = 0, row = 0, answer = 0; i < taking.Count; i++)
        {
            row += segments[i].Tokens.Count;
            if (taking[i].PromptDone)
                hidden.Slice((row - 1) * size, size).CopyTo(last.AsSpan(size * answer++));
        }
        if (answering.Count == 0)
            return;
        var logits = new float[answering.Count * model.Shape.VocabularySize];
        model.Decoder.Logits(last, answering.Count, logits);
        var lines = new List<DecodedSlot>(answering.Count);
        for (var i = 0; i < answering.Count; i++)
        {
            // Rows of the output layer past the tokenizer's last token are padding.
            var scores = logits.AsSpan(i * model.Shape.VocabularySize, model.Tokenizer.Size);
            try
            {
                var line = answering[i].Take(scores);
                lines.Add(line);
                if (line.FinishReason is null)
                    continue;
                _active.Remove(answering[i]);
                Keep(answering[i]);
            }
            catch (EngineException exception)
            {
                _active.Remove(answering[i]);
                answering[i].Cache!.Release();
                _send(new RequestFailed(answering[i].RequestId, exception.Code, exception.Message));
            }
        }
        if (lines.Count > 0)
            _send(new DecodeStep(lines));
    }

    private void Enqueue(Generate request)
    {
        var model = Find(request.ModelKey);
        if (request.Sampling is null)
            throw Invalid("sampling is missing");
        if (Sampler.Check(request.Sampling) is { } fault)
            throw Invalid(fault);
        if (request.Sampling.LogitBias?.Keys.Any(token => token < 0 || token >= model.Shape.VocabularySize) == true)
            throw Invalid($"logitBias has a token that this model doesn't know: its tokens are 0 to {model.Shape.VocabularySize - 1}");
        RefuseIfFarTooLong([request.Prompt, .. request.Messages?.Select(turn => turn?.Content) ?? []], model);
        var prompt = Prompt(request, model);
        var context = Context(model);
        if (prompt.Count >= context)
            throw new EngineException(WorkerErrors.ContextLength, $"The prompt has {prompt.Count} tokens; {Limit(model)} leaves no room for an answer.");
        if (_waiting.Count >= MostWaiting)
            throw new EngineException(WorkerErrors.Overloaded, $"{MostWaiting} requests are waiting already.");
        if (_active.Concat(_waiting).Any(slot => slot.RequestId == request.RequestId))
            throw Invalid($"the request {request.RequestId} is under way already");
        _waiting.Enqueue(new Slot(request, model, prompt, context));
    }

    private string Limit(ServedModel model) => Context(model) is var context && context == model.Shape.ContextLength
        ? $"the model's context of {context}"
        : $"the {context} tokens that the memory for keys and values ({_pool.MostBytes >> 20} MB) holds";

    /// <summary>Megabytes of text are not even cut into tokens: everybody else would wait for it.</summary>
    private static void RefuseIfFarTooLong(IEnumerable<string?> texts, ServedModel model)
    {
        var characters = texts.Sum(text => (long)(text?.Length ?? 0));
        if (characters > (long)model.Shape.ContextLength * Math.Max(1, model.Tokenizer.LongestToken))
            throw new EngineException(WorkerErrors.ContextLength, $"The text has {characters} characters, far more than the model's context of {model.Shape.ContextLength} tokens can hold.");
    }

    private static IReadOnlyList<int> Prompt(Generate request, ServedModel model)
    {
        if (request.Messages is null)
            return string.IsNullOrEmpty(request.Prompt) ? throw Invalid("the prompt is empty") : model.Tokenizer.EncodeWhole(request.Prompt);
        if (request.Messages.Any(turn => turn?.Content is null || turn.Role is not ("system" or "user" or "assistant")))
            throw Invalid("a turn has no content, or a role other than system, user and assistant");
        if (!request.Messages.Any(turn => turn.Role == "user" && !string.IsNullOrWhiteSpace(turn.Content)))
            throw Invalid("the conversation has no user turn with text");
        return model.Base.Template?.Prompt(request.Messages)
            ?? throw new EngineException(WorkerErrors.InvalidModel, $"This model can't chat: {model.Base.TemplateFault}");
    }

    private void Enqueue(Embed request)
    {
        var model = Find(request.ModelKey);
        if (request.Inputs is null || request.Inputs.Count == 0 || request.Inputs.Any(string.IsNullOrEmpty))
            throw Invalid("there is no text to embed, or one is empty");
        if (_embeds.Count >= MostWaiting)
            throw new EngineException(WorkerErrors.Overloaded, $"{MostWaiting} requests are waiting already.");
        foreach (var input in request.Inputs)
            RefuseIfFarTooLong([input], model);
        var inputs = request.Inputs.Select(model.Tokenizer.EncodeWhole).ToList();
        if (inputs.FindIndex(tokens => tokens.Count > Context(model)) is >= 0 and var index)
            throw new EngineException(WorkerErrors.ContextLength, $"Text {index + 1} has {inputs[index].Count} tokens, more than {Limit(model)}.");
        _embeds.Enqueue(new EmbedJob(request, model, inputs));
    }

    private void EmbedNext(EmbedJob job)
    {
        var shape = job.Model.Shape;
        var tokens = job.Inputs[job.Vectors.Count];
        if (job.Cache is null && !TryBegin(job, tokens.Count))
            return;
        var cache = job.Cache!;
        var piece = tokens.Skip(cache.Length).Take(PromptTokensPerStep).ToArray();
        var hidden = job.Model.Decoder.Forward([new Decoder.Segment(cache, piece, job.Model.Adapter)]);
        for (var row = 0; row < piece.Length; row++)
            TensorPrimitives.Add(job.Sum, hidden.Slice(row * shape.HiddenSize, shape.HiddenSize), job.Sum);
        if (cache.Length < tokens.Count)
            return;
        cache.Release();
        job.Cache = null;
        var vector = job.Sum.ToArray();
        Array.Clear(job.Sum);
        var norm = TensorPrimitives.Norm(vector);
        if (!(norm > 0) || !float.IsFinite(norm))
        {
            _embeds.Dequeue();
            _send(new RequestFailed(job.Request.RequestId, WorkerErrors.InvalidModel, "The model's hidden states are not numbers: its weights are damaged."));
            return;
        }
        TensorPrimitives.Divide(vector, norm, vector);
        job.Vectors.Add(vector);
        if (job.Vectors.Count < job.Inputs.Count)
            return;
        _embeds.Dequeue();
        _send(new Embedded(job.Request.RequestId, job.Vectors, job.Inputs.Sum(input => input.Count)));
    }

    private void Cancel(EmbedJob job)
    {
        job.Cache?.Release();
        Keep(_embeds, other => other != job);
        _send(new RequestFailed(job.Request.RequestId, WorkerErrors.Cancelled, "The request was called off."));
    }

    private bool TryBegin(EmbedJob job, int tokens)
    {
        var cache = new KeyValueCache(job.Model.Shape, _pool);
        if (!TryMakeRoom(cache, tokens))
        {
            // Who comes next waits for this one, so it must not wait for them.
            if (_waiting.TryPeek(out var next))
                next.Unshare();
            job.Waits = !cache.TryPromise(tokens);
            if (job.Waits)
                return false;
        }
        (job.Cache, job.Waits) = (cache, false);
        return true;
    }

    private void Unload(string key)
    {
        if (!_models.Remove(key, out var model))
            return;
        var gone = _active.Concat(_waiting).Where(slot => slot.Model == model).Select(slot => slot.RequestId)
            .Concat(_embeds.Where(job => job.Model == model).Select(job => job.Request.RequestId)).ToList();
        foreach (var cache in _active.Concat(_waiting).Where(slot => slot.Model == model).Select(slot => slot.Cache).Concat(_embeds.Where(job => job.Model == model).Select(job => job.Cache)))
            cache?.Release();
        _kept.Forget(model);
        _pool.DropIdle();
        _active.RemoveAll(slot => slot.Model == model);
        Keep(_waiting, slot => slot.Model != model);
        Keep(_embeds, job => job.Model != model);
        foreach (var request in gone)
            _send(new RequestFailed(request, WorkerErrors.ModelUnloaded, $"The model {key} was unloaded."));
    }

    private void Keep(Slot slot) => _kept.Keep(slot.Model, slot.CachedTokens, slot.Cache!);

    private static void Keep<T>(Queue<T> queue, Func<T, bool> keep)
    {
        for (var count = queue.Count; count > 0; count--)
        {
            var item = queue.Dequeue();
            if (keep(item))
                queue.Enqueue(item);
        }
    }

    private ServedModel Find(string key) =>
        _models.TryGetValue(key ?? "", out var model) ? model : throw new EngineException(WorkerErrors.ModelNotFound, $"No model {key} is loaded.");

    private void Try(string requestId, Action handle)
    {
        try
        {
            handle();
        }
        catch (EngineException exception)
        {
            _send(new RequestFailed(requestId, exception.Code, exception.Message));
        }
    }

    private static EngineException Invalid(string reason) => new(WorkerErrors.InvalidArgument, $"The request is wrong: {reason}.");
}
