using Qianfan.Sdk.Training;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Hears a pipeline's events and has each written, together with the pipeline's state, before the pipeline goes on. One for each execution of a run.</summary>
public sealed class RunEventHandler(Run run, RunConfig config, RunEventStore store, RunOutcomes outcomes, TimeProvider time) : IEventHandler
{
    private readonly RunEventExpander _expander = new(run.Kind, config.Deploy);

    /// <summary>The pipeline whose state is written; set before it executes.</summary>
    public Pipeline? Pipeline { get; set; }

    /// <summary>Somebody asked the run to stop: seen in its row, whichever process that was.</summary>
    public Func<Task>? StopRequested { get; set; }

    /// <inheritdoc/>
    public async ValueTask DispatchAsync(Event e, CancellationToken cancellationToken)
    {
        var drafts = _expander.Expand(e, out var progress);
        var state = Pipeline!.Dumps();
        var stopping = false;
        await store.AppendAsync(
            new RunAppend
            {
                RunId = run.Id,
                Attempt = run.Attempt,
                Events = drafts,
                Durable = RunOutcomes.Has(e),
                Change = async (db, row, token) =>
                {
                    row.PipelineState = state;
                    row.Progress = progress ?? row.Progress;
                    stopping = row.Status is RunStatus.Stopping;
                    await outcomes.ApplyAsync(db, row, config, e, token);
                    if (e.ActionClass == RunActions.Pipeline && EndOf(e) is { } end)
                        (row.Status, row.Error, row.FinishedAt) = (end, end is RunStatus.Failed ? ErrorOf(e) : null, time.GetUtcNow());
                },
            },
            cancellationToken);
        if (stopping && StopRequested is { } stop)
            await stop();
    }

    private static RunStatus? EndOf(Event e) => e.ActionState switch
    {
        ActionState.Done => RunStatus.Done,
        ActionState.Stopped => RunStatus.Stopped,
        ActionState.Error => RunStatus.Failed,
        _ => null,
    };

    private static string ErrorOf(Event e) => e.Data?["error"]?.ToString() ?? e.Description;
}
