using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Training;

/// <summary>What executing a pipeline gave: an output or an error.</summary>
/// <param name="Output">The pipeline's output, or null.</param>
/// <param name="Error">Why there is none, or null.</param>
public sealed record TrainerResult(JsonObject? Output, Exception? Error);

/// <summary>A whole training process in one call: run, follow, stop, resume.</summary>
/// <remarks>One execution at a time; <see cref="StopAsync"/>, <see cref="Dumps"/>, <see cref="Status"/> and <see cref="Result"/> may be called from anywhere meanwhile. Seed: <c>qianfan.trainer.base.Trainer</c>.</remarks>
public abstract class Trainer : ISerializable
{
    private IReadOnlyList<TrainerResult> _result = [];
    private Task? _running;

    /// <summary>Creates a trainer of pipelines.</summary>
    protected Trainer(params Pipeline[] ppls) => Ppls = ppls;

    /// <summary>The pipelines, executed one after the other.</summary>
    public IReadOnlyList<Pipeline> Ppls { get; }

    /// <summary>What each pipeline gave in the last execution.</summary>
    public IReadOnlyList<TrainerResult> Result => Volatile.Read(ref _result);

    /// <summary>Output of the last pipeline, or null while there is none.</summary>
    public JsonObject? Output => Ppls.Count > 0 ? Ppls[^1].Output : null;

    /// <summary>Where the process stands: the name of a <see cref="FinetuneStatus"/> or, once it deploys, of a <see cref="ServiceStatus"/>. Moves with the actions.</summary>
    public virtual string Status
    {
        get
        {
            var started = Ppls.LastOrDefault(p => p.CurrentAction is not null);
            return started is null ? FinetuneStatus.Unknown.ToString() : StatusMap.Of(started);
        }
    }

    /// <summary>Runs the whole process and waits for its end.</summary>
    /// <param name="input">Input of the first action; none as a rule.</param>
    /// <param name="cancellationToken">Aborts as if the process died: what runs on the platform goes on, and a resume takes it up.</param>
    /// <returns>This trainer.</returns>
    /// <exception cref="ActionStoppedException">It was stopped.</exception>
    /// <exception cref="QianfanException">It failed.</exception>
    /// <exception cref="InvalidArgumentException">There is no pipeline to run.</exception>
    public virtual async Task<Trainer> RunAsync(JsonObject? input = null, CancellationToken cancellationToken = default)
    {
        await EachAsync(ppl => ppl.ExecAsync(input, cancellationToken)).ConfigureAwait(false);
        return this;
    }

    /// <summary>Goes on with a process that was interrupted, stopped or failed, repeating nothing that was done.</summary>
    /// <inheritdoc cref="RunAsync" path="/param[@name='cancellationToken']"/>
    /// <inheritdoc cref="RunAsync" path="/returns"/>
    /// <inheritdoc cref="RunAsync" path="/exception"/>
    public virtual async Task<Trainer> ResumeAsync(CancellationToken cancellationToken = default)
    {
        await EachAsync(ppl => ppl.ResumeAsync(cancellationToken)).ConfigureAwait(false);
        return this;
    }

    /// <summary>Runs (or resumes) and gives the events as they come, in place of the handlers: see <see cref="Pipeline.ExecWithEventsAsync"/>.</summary>
    /// <param name="input">Input of the first action.</param>
    /// <param name="resume">True: goes on with what was interrupted, stopped or failed.</param>
    /// <param name="cancellationToken">Aborts.</param>
    public async IAsyncEnumerable<Event> RunWithEventsAsync(JsonObject? input = null, bool resume = false, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var ppl in PipelinesToRun())
        {
            await foreach (var e in ppl.ExecWithEventsAsync(input, resume, cancellationToken).ConfigureAwait(false))
            {
                yield return e;
            }
        }
    }

    /// <summary>Begins to run and returns at once; <see cref="WaitAsync"/> waits for the end and tells of errors.</summary>
    /// <inheritdoc cref="RunAsync" path="/param"/>
    /// <returns>This trainer.</returns>
    /// <exception cref="InvalidOperationException">It runs already.</exception>
    public Trainer Start(JsonObject? input = null, CancellationToken cancellationToken = default)
    {
        if (_running is { IsCompleted: false })
        {
            throw new InvalidOperationException("The trainer runs already.");
        }

        _running = Task.Run(() => RunAsync(input, cancellationToken), CancellationToken.None);
        return this;
    }

    /// <summary>Waits for the end of what <see cref="Start"/> began; its errors are raised here.</summary>
    /// <param name="cancellationToken">Ends the waiting only.</param>
    /// <exception cref="InvalidOperationException">Nothing was started.</exception>
    public async Task<Trainer> WaitAsync(CancellationToken cancellationToken = default)
    {
        await (_running ?? throw new InvalidOperationException("The trainer was not started.")).WaitAsync(cancellationToken).ConfigureAwait(false);
        return this;
    }

    /// <summary>Asks for a stop: see <see cref="BaseAction.StopAsync"/>.</summary>
    public async Task<Trainer> StopAsync(CancellationToken cancellationToken = default)
    {
        foreach (var ppl in Ppls)
        {
            await ppl.StopAsync(cancellationToken).ConfigureAwait(false);
        }

        return this;
    }

    /// <summary>From now on a handler hears the events of one action, or of everything: see <see cref="Pipeline.RegisterEventHandler"/>.</summary>
    /// <param name="eventHandler">Hears the events.</param>
    /// <param name="pplId">The pipeline; all when null.</param>
    /// <param name="actionId">The action; all when null.</param>
    /// <exception cref="InvalidArgumentException">There is no such pipeline or action.</exception>
    public void RegisterEventHandler(IEventHandler eventHandler, string? pplId = null, string? actionId = null)
    {
        List<Pipeline> ppls = [.. Ppls.Where(p => (pplId is null || p.Id == pplId) && (actionId is null || p.Find(actionId) is not null))];
        if (ppls.Count == 0)
        {
            throw new InvalidArgumentException($"The trainer has no {(actionId is null ? $"pipeline {pplId}" : $"action {actionId}")}.");
        }

        foreach (var ppl in ppls)
        {
            ppl.RegisterEventHandler(eventHandler, actionId);
        }
    }

    /// <summary>The state of all pipelines as versioned JSON, with the class's name; no network.</summary>
    public virtual string Dumps()
    {
        var state = new JsonObject
        {
            ["version"] = StateFormat.Version,
            ["type"] = GetType().Name,
            ["ppls"] = new JsonArray([.. Ppls.Select(p => (JsonNode)p.DumpState())]),
        };
        return state.ToJsonString(StateFormat.Options);
    }

    /// <summary>The pipelines in what <see cref="Dumps"/> gave.</summary>
    /// <param name="json">What Dumps gave.</param>
    /// <param name="type">The class that it must be of.</param>
    /// <param name="client">The way to the platform.</param>
    /// <param name="eventHandler">Hears the events from now on.</param>
    /// <param name="customActions">See <see cref="Pipeline.Loads"/>.</param>
    /// <exception cref="InvalidArgumentException">The text is no state of such a trainer, or of another version.</exception>
    protected static Pipeline[] LoadPipelines(string json, string type, QianfanClient client, IEventHandler? eventHandler, IReadOnlyDictionary<string, Func<BaseAction>>? customActions = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        return StateFormat.Read(json, state =>
        {
            var written = StateFormat.RequiredText(state, "type");

            // Version 1 wrote a trainer as its pipeline.
            if (written == nameof(Pipeline) && StateFormat.Number(state, "version") == 1)
            {
                return [Pipeline.Load(state, client, eventHandler, customActions)];
            }

            return written == type && state["ppls"] is JsonArray { Count: > 0 } ppls
                ? ppls.Select(p => Pipeline.Load(p as JsonObject ?? throw StateFormat.Broken("ppls"), client, eventHandler, customActions)).ToArray()
                : throw new InvalidArgumentException($"The state is not that of {type}.");
        });
    }

    private IReadOnlyList<Pipeline> PipelinesToRun() => Ppls.Count > 0 ? Ppls : throw new InvalidArgumentException("There is no pipeline to run.");

    private async Task EachAsync(Func<Pipeline, Task<JsonObject>> execute)
    {
        var results = new List<TrainerResult>();
        Volatile.Write(ref _result, []);
        foreach (var ppl in PipelinesToRun())
        {
            try
            {
                results.Add(new TrainerResult(await execute(ppl).ConfigureAwait(false), null));
            }
            catch (Exception e)
            {
                results.Add(new TrainerResult(null, e));
                throw;
            }
            finally
            {
                Volatile.Write(ref _result, [.. results]);
            }
        }
    }
}
