using System.Text.Json.Nodes;

namespace Qianfan.Sdk.Training;

/// <summary>What executing a pipeline gave: an output or an error.</summary>
/// <param name="Output">The pipeline's output, or null.</param>
/// <param name="Error">Why there is none, or null.</param>
public sealed record TrainerResult(JsonObject? Output, Exception? Error);

/// <summary>A whole training process in one call: run, follow, stop, resume.</summary>
/// <remarks>One execution at a time. Seed: <c>qianfan.trainer.base.Trainer</c>.</remarks>
public abstract class Trainer : ISerializable
{
    private readonly List<TrainerResult> _result = [];
    private Task? _running;

    /// <summary>Creates a trainer of pipelines.</summary>
    protected Trainer(params Pipeline[] ppls) => Ppls = ppls;

    /// <summary>The pipelines, executed one after the other.</summary>
    public IReadOnlyList<Pipeline> Ppls { get; }

    /// <summary>What each pipeline gave in the last execution.</summary>
    public IReadOnlyList<TrainerResult> Result => _result;

    /// <summary>Output of the last pipeline, or null while there is none.</summary>
    public JsonObject? Output => Ppls[^1].Output;

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
    public async Task<Trainer> RunAsync(JsonObject? input = null, CancellationToken cancellationToken = default)
    {
        await EachAsync(ppl => ppl.ExecAsync(input, cancellationToken)).ConfigureAwait(false);
        return this;
    }

    /// <summary>Goes on with a process that was interrupted, stopped or failed, repeating nothing that was done.</summary>
    /// <inheritdoc cref="RunAsync" path="/param[@name='cancellationToken']"/>
    /// <inheritdoc cref="RunAsync" path="/returns"/>
    /// <inheritdoc cref="RunAsync" path="/exception"/>
    public async Task<Trainer> ResumeAsync(CancellationToken cancellationToken = default)
    {
        await EachAsync(ppl => ppl.ResumeAsync(cancellationToken)).ConfigureAwait(false);
        return this;
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

    /// <inheritdoc/>
    public virtual string Dumps() => Ppls[0].Dumps();

    private async Task EachAsync(Func<Pipeline, Task<JsonObject>> execute)
    {
        _result.Clear();
        foreach (var ppl in Ppls)
        {
            try
            {
                var output = await execute(ppl).ConfigureAwait(false);
                _result.Add(new TrainerResult(output, null));
            }
            catch (Exception e)
            {
                _result.Add(new TrainerResult(null, e));
                throw;
            }
        }
    }
}
