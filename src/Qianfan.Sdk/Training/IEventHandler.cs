namespace Qianfan.Sdk.Training;

/// <summary>Hears the events of actions and pipelines.</summary>
/// <remarks>Seed: <c>qianfan.trainer.event.EventHandler</c>, whose bare name collides with <see cref="System.EventHandler"/>.</remarks>
public interface IEventHandler
{
    /// <summary>Called for each event, in order, one at a time for each pipeline; the action goes on when it returns.</summary>
    /// <param name="e">The event.</param>
    /// <param name="cancellationToken">Cancelled when the execution is.</param>
    ValueTask DispatchAsync(Event e, CancellationToken cancellationToken);
}
