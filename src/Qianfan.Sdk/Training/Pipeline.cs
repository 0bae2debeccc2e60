using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Qianfan.Sdk.Training;

/// <summary>Actions one after the other; each takes the output of the one before. A pipeline is an action itself, so pipelines nest.</summary>
/// <remarks>
/// Events: Preceding, then for each action Running (<c>{"action": id, "ppl_id": id}</c>) before the action's own events, then Done with the last output. All events go to one handler, in order.
/// Seed: <c>qianfan.trainer.base.Pipeline</c>.
/// </remarks>
public sealed class Pipeline : BaseAction
{
    private readonly List<BaseAction> _actions;
    private readonly List<BaseAction> _postActions;
    private string? _currentId;
    private int _from;
    private int _nextFrom;

    /// <summary>Creates a pipeline.</summary>
    /// <param name="actions">At least one; ids must differ.</param>
    /// <param name="postActions">Executed after all actions went well, each with the pipeline's output; what they give is not part of the output.</param>
    /// <param name="eventHandler">Hears the events of the pipeline and of all actions that have no handler of their own.</param>
    /// <param name="id">Id; random when null.</param>
    /// <param name="name">Name; <c>action_{id}</c> when null.</param>
    /// <exception cref="InvalidArgumentException">No actions, or two with one id.</exception>
    public Pipeline(IEnumerable<BaseAction> actions, IEnumerable<BaseAction>? postActions = null, IEventHandler? eventHandler = null, string? id = null, string? name = null)
        : base(id, name, eventHandler)
    {
        _actions = [.. actions];
        _postActions = [.. postActions ?? []];
        if (_actions.Count == 0)
        {
            throw new InvalidArgumentException("A pipeline needs at least one action.");
        }

        if (_actions.Concat(_postActions).GroupBy(a => a.Id, StringComparer.Ordinal).Any(g => g.Count() > 1))
        {
            throw new InvalidArgumentException("The actions of a pipeline need ids of their own.");
        }

        PassOnHandler();
    }

    /// <summary>The actions in order.</summary>
    public IReadOnlyList<BaseAction> Actions => _actions;

    /// <summary>The actions that follow when all went well.</summary>
    public IReadOnlyList<BaseAction> PostActions => _postActions;

    /// <summary>The action under way, or the last one that was; null before the first.</summary>
    public BaseAction? CurrentAction
    {
        get
        {
            var current = Volatile.Read(ref _currentId);
            return current is null ? null : this[current];
        }
    }

    /// <summary>The action or post action with an id, or null.</summary>
    public BaseAction? this[string id] => _actions.Concat(_postActions).FirstOrDefault(a => a.Id == id);

    /// <summary>From now on a handler hears the events of one action, or of the pipeline and all its actions. It takes the place of the one before. Not while the pipeline executes.</summary>
    /// <param name="eventHandler">Hears the events.</param>
    /// <param name="actionId">The action (also one of a nested pipeline, or the id of a pipeline for its own events); all when null.</param>
    /// <exception cref="InvalidArgumentException">There is no such action.</exception>
    /// <remarks>Current SDK: <c>Pipeline.register_event_handler</c>, which gave every action the handler whatever id was named.</remarks>
    public void RegisterEventHandler(IEventHandler eventHandler, string? actionId = null)
    {
        ArgumentNullException.ThrowIfNull(eventHandler);
        if (actionId is not null)
        {
            var action = Find(actionId) ?? throw new InvalidArgumentException($"The pipeline has no action {actionId}.");
            action.EventHandler = eventHandler;
            return;
        }

        EventHandler = eventHandler;
        foreach (var action in _actions.Concat(_postActions))
        {
            if (action is Pipeline nested)
            {
                nested.RegisterEventHandler(eventHandler);
            }
            else
            {
                action.EventHandler = eventHandler;
            }
        }
    }

    /// <summary>Takes a pipeline back from <see cref="BaseAction.Dumps"/>, on any machine.</summary>
    /// <param name="json">What Dumps gave.</param>
    /// <param name="client">The way to the platform.</param>
    /// <param name="handler">Hears the events from now on.</param>
    /// <param name="customActions">For actions that are not of this library: an empty action for each class name; its remembered state is loaded into it.</param>
    /// <exception cref="InvalidArgumentException">The text is no state of a pipeline, or of another version, or holds an unknown action.</exception>
    public static Pipeline Loads(string json, QianfanClient client, IEventHandler? handler = null, IReadOnlyDictionary<string, Func<BaseAction>>? customActions = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        return StateFormat.Read(json, state => Load(state, client, handler, customActions));
    }

    /// <summary>Executes from one of the actions on; those before are left out.</summary>
    /// <param name="input">Input of that action.</param>
    /// <param name="actionId">Its id.</param>
    /// <param name="cancellationToken">Aborts: see <see cref="BaseAction.ExecAsync"/>.</param>
    /// <exception cref="InvalidArgumentException">There is no such action.</exception>
    public Task<JsonObject> ExecFromAsync(JsonObject? input, string actionId, CancellationToken cancellationToken = default)
    {
        var index = _actions.FindIndex(a => a.Id == actionId);
        if (index < 0)
        {
            throw new InvalidArgumentException($"The pipeline has no action {actionId}.");
        }

        _nextFrom = index;
        return ExecAsync(input, cancellationToken);
    }

    /// <summary>Executes (or resumes) and gives the events as they come, in place of the handler. The pipeline goes on when the next event is asked for; the end of the enumeration aborts it. An error is thrown after its Error events.</summary>
    /// <param name="input">Input.</param>
    /// <param name="resume">True: goes on with what was interrupted, stopped or failed.</param>
    /// <param name="cancellationToken">Aborts.</param>
    public async IAsyncEnumerable<Event> ExecWithEventsAsync(JsonObject? input = null, bool resume = false, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var abort = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var channel = Channel.CreateBounded<Event>(1);
        var before = EventHandler;
        EventHandler = EventHandlers.From((e, token) => channel.Writer.WriteAsync(e, token));
        PassOnHandler(before);
        var execution = ExecuteIntoAsync(channel.Writer, input, resume, abort.Token);
        try
        {
            await foreach (var e in channel.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return e;
            }

            await execution.ConfigureAwait(false);
        }
        finally
        {
            await abort.CancelAsync().ConfigureAwait(false);
            await execution.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var streaming = EventHandler;
            EventHandler = before;
            PassOnHandler(streaming);
        }
    }

    internal static Pipeline Load(JsonObject state, QianfanClient client, IEventHandler? handler, IReadOnlyDictionary<string, Func<BaseAction>>? customActions)
    {
        if (ActionLoader.Load(state, client, customActions) is not Pipeline pipeline)
        {
            throw new InvalidArgumentException("The state is not that of a pipeline.");
        }

        pipeline.EventHandler = handler;
        pipeline.PassOnHandler();
        return pipeline;
    }

    /// <inheritdoc/>
    protected override async Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        if (!run.IsResumed)
        {
            Mutate(() => (_from, _nextFrom) = (_nextFrom, 0));
        }

        var output = input;
        for (var i = _from; i < _actions.Count; i++)
        {
            output = await RunOneAsync(_actions[i], output, run, cancellationToken).ConfigureAwait(false);
        }

        foreach (var action in _postActions)
        {
            await RunOneAsync(action, output, run, cancellationToken).ConfigureAwait(false);
        }

        return output;
    }

    /// <inheritdoc/>
    protected override async Task StopInterruptedAsync(CancellationToken cancellationToken)
    {
        if (CurrentAction is { } current)
        {
            await current.StopAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override void ResetState()
    {
        _currentId = null;
        foreach (var action in _actions.Concat(_postActions))
        {
            action.Reset();
        }
    }

    /// <inheritdoc/>
    protected override void SaveState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state["current_action"] = _currentId;
        state["from"] = _from;
        state["actions"] = new JsonArray([.. _actions.Select(a => a.DumpState())]);
        state["post_actions"] = new JsonArray([.. _postActions.Select(a => a.DumpState())]);
    }

    /// <inheritdoc/>
    protected override void LoadState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _currentId = StateFormat.Text(state, "current_action");
        _from = StateFormat.Number(state, "from");
    }

    /// <summary>The pipeline itself or one of its actions, however deep.</summary>
    internal BaseAction? Find(string id) =>
        Id == id ? this : this[id] ?? _actions.Concat(_postActions).OfType<Pipeline>().Select(p => p.Find(id)).FirstOrDefault(a => a is not null);

    private async Task<JsonObject> RunOneAsync(BaseAction action, JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        if (run.IsResumed && action is { State: ActionState.Done, Output: { } done })
        {
            return done;
        }

        run.ThrowIfStopRequested();
        Mutate(() => _currentId = action.Id);
        await ActionEventAsync(ActionState.Running, "pipeline running", new JsonObject { ["action"] = action.Id, ["ppl_id"] = Id }, cancellationToken).ConfigureAwait(false);
        return run.IsResumed && action.HasStarted
            ? await action.ResumeAsync(run.StopToken, cancellationToken).ConfigureAwait(false)
            : await action.ExecuteAsync(input, run.StopToken, cancellationToken).ConfigureAwait(false);
    }

    private async Task ExecuteIntoAsync(ChannelWriter<Event> writer, JsonObject? input, bool resume, CancellationToken cancellationToken)
    {
        try
        {
            await (resume ? ResumeAsync(cancellationToken) : ExecAsync(input, cancellationToken)).ConfigureAwait(false);
        }
        finally
        {
            writer.Complete();
        }
    }

    /// <summary>Actions without a handler of their own, or with the one given, get the pipeline's.</summary>
    private void PassOnHandler(IEventHandler? replaced = null)
    {
        foreach (var action in _actions.Concat(_postActions))
        {
            if (action.EventHandler is null || ReferenceEquals(action.EventHandler, replaced))
            {
                action.EventHandler = EventHandler;
            }

            if (action is Pipeline nested)
            {
                nested.PassOnHandler(replaced);
            }
        }
    }
}
