namespace Qianfan.Sdk.Training;

/// <summary>What an action needs to know about its present execution.</summary>
public sealed class ActionRun
{
    private readonly TimeProvider _time;

    internal ActionRun(ActionState? resumedFrom, int number, TimeProvider time, CancellationToken stopToken)
    {
        ResumedFrom = resumedFrom;
        Number = number;
        StopToken = stopToken;
        _time = time;
    }

    /// <summary>The state in which the action was when it was resumed; null when it executes from the start.</summary>
    public ActionState? ResumedFrom { get; }

    /// <summary>True when the action goes on with an execution that began before.</summary>
    public bool IsResumed => ResumedFrom is not null;

    /// <summary>How often the action was executed from the start, this one included.</summary>
    public int Number { get; }

    /// <summary>Cancelled when a stop is asked for. Not the token that aborts the execution.</summary>
    public CancellationToken StopToken { get; }

    /// <summary>Ends the action as stopped when a stop was asked for.</summary>
    /// <exception cref="ActionStoppedException">A stop was asked for.</exception>
    public void ThrowIfStopRequested()
    {
        if (StopToken.IsCancellationRequested)
        {
            throw new ActionStoppedException("The action was stopped.");
        }
    }

    /// <summary>Waits; a stop request ends the wait early, without an exception.</summary>
    public async Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, StopToken);
        try
        {
            await Task.Delay(delay, _time, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The stop is acted on by whoever waits.
        }
    }
}
