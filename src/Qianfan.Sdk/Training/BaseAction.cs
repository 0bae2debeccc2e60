using System.Text.Json.Nodes;
using Qianfan.Sdk.Telemetry;

namespace Qianfan.Sdk.Training;

/// <summary>A step of a pipeline that can be used again, tells of its progress in events, and can be stopped, written down and resumed.</summary>
/// <remarks>
/// One execution at a time; <see cref="StopAsync"/> and <see cref="Dumps"/> may be called from anywhere meanwhile, from inside the event handler too.
/// The state is set before the handler hears of it, so that a handler which stores the event together with <see cref="Dumps"/> always has a pair that fits.
/// Seed: <c>qianfan.trainer.base.BaseAction</c>.
/// </remarks>
public abstract class BaseAction : IExecuteSerializable<JsonObject, JsonObject>
{
    private readonly Lock _sync = new();
    private CancellationTokenSource? _stop;
    private JsonObject? _input;
    private JsonObject? _output;
    private string? _error;
    private ActionState _state = ActionState.Preceding;
    private bool _started;
    private int _number;

    /// <summary>Creates an action.</summary>
    /// <param name="id">Id; names of what it creates on the platform are derived from it, so it must be unique. 32 random hexadecimal digits when null.</param>
    /// <param name="name">Name; <c>action_{id}</c> when null.</param>
    /// <param name="eventHandler">Hears the action's events.</param>
    /// <param name="timeProvider">Clock of all waits; the system's when null.</param>
    protected BaseAction(string? id = null, string? name = null, IEventHandler? eventHandler = null, TimeProvider? timeProvider = null)
    {
        Id = id ?? Guid.NewGuid().ToString("N");
        Name = name ?? $"action_{Id}";
        EventHandler = eventHandler;
        Time = timeProvider ?? TimeProvider.System;
    }

    /// <summary>The action's id.</summary>
    public string Id { get; private set; }

    /// <summary>The action's name.</summary>
    public string Name { get; private set; }

    /// <summary>Hears the action's events.</summary>
    public IEventHandler? EventHandler { get; internal set; }

    /// <summary>The state that the newest event told of; <see cref="ActionState.Preceding"/> before the first.</summary>
    public ActionState State
    {
        get
        {
            lock (_sync)
            {
                return _state;
            }
        }
    }

    /// <summary>True once an execution has begun, also after it ended.</summary>
    public bool HasStarted
    {
        get
        {
            lock (_sync)
            {
                return _started;
            }
        }
    }

    /// <summary>True while an execution is under way in this process.</summary>
    public bool IsExecuting
    {
        get
        {
            lock (_sync)
            {
                return _stop is not null;
            }
        }
    }

    /// <summary>A copy of the output of the last execution that ended well, or null.</summary>
    public JsonObject? Output
    {
        get
        {
            lock (_sync)
            {
                return Clone(_output);
            }
        }
    }

    /// <summary>A copy of the input of the last execution, or null.</summary>
    public JsonObject? Input
    {
        get
        {
            lock (_sync)
            {
                return Clone(_input);
            }
        }
    }

    /// <summary>Why the last execution failed, or null.</summary>
    public string? ErrorMessage
    {
        get
        {
            lock (_sync)
            {
                return _error;
            }
        }
    }

    /// <summary>Clock of all waits.</summary>
    protected TimeProvider Time { get; }

    /// <summary>Executes from the start: events Preceding, Running (any number), then Done, Error or Stopped.</summary>
    /// <param name="input">Input; empty when null.</param>
    /// <param name="cancellationToken">Aborts the execution as if the process died: nothing is told, nothing on the platform is stopped, and it can be resumed. To stop it, call <see cref="StopAsync"/>.</param>
    /// <returns>The output.</returns>
    /// <exception cref="ActionStoppedException">It was stopped.</exception>
    /// <exception cref="QianfanException">It failed; the event Error was given before.</exception>
    /// <exception cref="EventHandlerException">The handler failed.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="InvalidOperationException">It is executing already.</exception>
    public Task<JsonObject> ExecAsync(JsonObject? input = null, CancellationToken cancellationToken = default) =>
        ExecuteAsync(input, CancellationToken.None, cancellationToken);

    /// <summary>Goes on with an execution that was interrupted, stopped or failed, repeating nothing that was done. One that is done gives its output again; one that never began executes with its input.</summary>
    /// <inheritdoc cref="ExecAsync" path="/param[@name='cancellationToken']"/>
    /// <inheritdoc cref="ExecAsync" path="/returns"/>
    /// <inheritdoc cref="ExecAsync" path="/exception"/>
    public Task<JsonObject> ResumeAsync(CancellationToken cancellationToken = default) => ResumeAsync(CancellationToken.None, cancellationToken);

    /// <summary>Asks for a stop. An execution under way stops what it runs on the platform, gives the event Stopped and ends with <see cref="ActionStoppedException"/>; this method doesn't wait for it. One that is not under way in this process (interrupted) is stopped here and now.</summary>
    /// <param name="cancellationToken">Breaks off.</param>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        CancellationTokenSource? executing;
        lock (_sync)
        {
            executing = _stop;
            if (executing is null && (!_started || _state is ActionState.Done or ActionState.Error or ActionState.Stopped))
            {
                return;
            }
        }

        if (executing is null)
        {
            await StopInterruptedAsync(cancellationToken).ConfigureAwait(false);
            await ActionEventAsync(ActionState.Stopped, "", null, cancellationToken).ConfigureAwait(false);
            return;
        }

        try
        {
            await executing.CancelAsync().ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // The execution ended at this very moment: there is nothing left to stop.
        }
    }

    /// <summary>The state as versioned JSON.</summary>
    public string Dumps()
    {
        var state = DumpState();
        state["version"] = StateFormat.Version;
        return state.ToJsonString(StateFormat.Options);
    }

    /// <summary>Does the work of one execution.</summary>
    /// <param name="input">The input; a copy, so it may become part of the output.</param>
    /// <param name="run">What to know about the execution; look at its stop token between steps.</param>
    /// <param name="cancellationToken">Aborts.</param>
    /// <returns>The output.</returns>
    protected abstract Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken);

    /// <summary>Stops what an interrupted execution left running on the platform.</summary>
    protected virtual Task StopInterruptedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Adds what the subclass must remember to the written state. Called under a lock: no waiting.</summary>
    protected virtual void SaveState(JsonObject state)
    {
    }

    /// <summary>Takes back what <see cref="SaveState"/> wrote.</summary>
    protected virtual void LoadState(JsonObject state)
    {
    }

    /// <summary>Forgets the results of an earlier execution, before a new one from the start.</summary>
    protected virtual void ResetState()
    {
    }

    /// <summary>Changes remembered state so that <see cref="Dumps"/> sees all of the change or nothing.</summary>
    protected void Mutate(Action change)
    {
        ArgumentNullException.ThrowIfNull(change);
        lock (_sync)
        {
            change();
        }
    }

    /// <summary>Sets the state and tells the handler.</summary>
    /// <param name="state">The new state.</param>
    /// <param name="msg">For people.</param>
    /// <param name="data">The event's data; owned by the event from now on.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="EventHandlerException">The handler failed.</exception>
    protected ValueTask ActionEventAsync(ActionState state, string msg, JsonNode? data, CancellationToken cancellationToken) =>
        TellAsync(state, $"action_event: action_type[{GetType().Name}] action_id[{Id}], msg:{msg}", data, cancellationToken);

    /// <summary>Sets the state to Error and tells the handler.</summary>
    /// <param name="error">What went wrong.</param>
    /// <param name="cancellationToken">Breaks off.</param>
    /// <exception cref="EventHandlerException">The handler failed.</exception>
    protected ValueTask ActionErrorEventAsync(Exception error, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(error);
        lock (_sync)
        {
            _error = error.Message;
        }

        return TellAsync(
            ActionState.Error,
            $"action_error: action_type[{GetType().Name}] action_id[{Id}], msg:{error.Message}",
            new JsonObject { ["error"] = error.Message },
            cancellationToken);
    }

    internal JsonObject DumpState()
    {
        lock (_sync)
        {
            var state = new JsonObject
            {
                ["type"] = GetType().Name,
                ["id"] = Id,
                ["name"] = Name,
                ["state"] = _state.ToString(),
                ["started"] = _started,
                ["run"] = _number,
                ["input"] = Clone(_input),
                ["output"] = Clone(_output),
                ["error"] = _error,
            };
            SaveState(state);
            return state;
        }
    }

    internal void RestoreState(JsonObject state)
    {
        lock (_sync)
        {
            Id = StateFormat.RequiredText(state, "id");
            Name = StateFormat.RequiredText(state, "name");
            _state = Enum.TryParse<ActionState>(StateFormat.RequiredText(state, "state"), out var known) ? known : throw StateFormat.Broken("state");
            _started = StateFormat.Flag(state, "started");
            _number = StateFormat.Number(state, "run");
            _input = Clone(state["input"] as JsonObject);
            _output = Clone(state["output"] as JsonObject);
            _error = StateFormat.Text(state, "error");
            LoadState(state);
        }
    }

    internal void Reset()
    {
        lock (_sync)
        {
            _started = false;
            _state = ActionState.Preceding;
            _output = null;
            _error = null;
            ResetState();
        }
    }

    internal async Task<JsonObject> ExecuteAsync(JsonObject? input, CancellationToken parentStop, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(parentStop);
        JsonObject copy;
        int number;
        lock (_sync)
        {
            Begin(stop);
            Reset();
            _input = Clone(input) ?? [];
            _started = true;
            number = ++_number;
            copy = Clone(_input)!;
        }

        var run = new ActionRun(null, number, Time, stop.Token);
        return await GuardAsync(ActionState.Preceding, "", copy, run, cancellationToken).ConfigureAwait(false);
    }

    internal async Task<JsonObject> ResumeAsync(CancellationToken parentStop, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(parentStop);
        JsonObject? input;
        ActionState from;
        int number;
        bool started;
        lock (_sync)
        {
            if (_state == ActionState.Done && _output is not null)
            {
                return Clone(_output)!;
            }

            input = Clone(_input);
            from = _state;
            number = _number;
            started = _started;
            if (started)
            {
                Begin(stop);
                _error = null;
            }
        }

        if (!started)
        {
            return await ExecuteAsync(input, parentStop, cancellationToken).ConfigureAwait(false);
        }

        return await GuardAsync(ActionState.Running, "resume", input ?? [], new ActionRun(from, number, Time, stop.Token), cancellationToken).ConfigureAwait(false);
    }

    private static JsonObject? Clone(JsonObject? value) => (JsonObject?)value?.DeepClone();

    private void Begin(CancellationTokenSource stop)
    {
        if (_stop is not null)
        {
            throw new InvalidOperationException($"The action {Id} is executing already.");
        }

        _stop = stop;
    }

    private async Task<JsonObject> GuardAsync(ActionState first, string msg, JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        try
        {
            await ActionEventAsync(first, msg, new JsonObject(), cancellationToken).ConfigureAwait(false);
            var output = await ActionTelemetry.RunAsync(this, run, () => RunAsync(input, run, cancellationToken)).ConfigureAwait(false);
            lock (_sync)
            {
                _output = Clone(output);
            }

            await ActionEventAsync(ActionState.Done, "", Clone(output), cancellationToken).ConfigureAwait(false);
            return output;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (EventHandlerException)
        {
            throw;
        }
        catch (Exception e) when (cancellationToken.IsCancellationRequested)
        {
            // What fails while the host shuts down says nothing about the work: it is interrupted, not failed.
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
        catch (ActionStoppedException)
        {
            await ActionEventAsync(ActionState.Stopped, "", null, cancellationToken).ConfigureAwait(false);
            throw;
        }
        catch (Exception e)
        {
            await ActionErrorEventAsync(e, cancellationToken).ConfigureAwait(false);
            throw;
        }
        finally
        {
            lock (_sync)
            {
                _stop = null;
            }
        }
    }

    private async ValueTask TellAsync(ActionState state, string description, JsonNode? data, CancellationToken cancellationToken)
    {
        IEventHandler? handler;
        lock (_sync)
        {
            _state = state;
            handler = EventHandler;
        }

        try
        {
            await EventHandlers.DispatchEventAsync(handler, new Event(GetType().Name, Id, state, description, data), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            throw new EventHandlerException(e);
        }
    }
}
