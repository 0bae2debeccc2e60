namespace Qianfan.Sdk.Training;

/// <summary>Other forms of <see cref="IEventHandler"/>.</summary>
public static class EventHandlers
{
    /// <summary>A handler from a delegate.</summary>
    public static IEventHandler From(Func<Event, CancellationToken, ValueTask> handle) => new DelegateHandler(handle);

    /// <summary>A handler from a delegate that doesn't wait.</summary>
    public static IEventHandler From(Action<Event> handle) => new DelegateHandler((e, _) =>
    {
        handle(e);
        return ValueTask.CompletedTask;
    });

    /// <summary>A handler from an asynchronous delegate.</summary>
    public static IEventHandler From(Func<Event, Task> handle) => new DelegateHandler((e, _) => new ValueTask(handle(e)));

    /// <summary>Hands an event to a handler; does nothing when either is null.</summary>
    /// <remarks>Seed: <c>qianfan.trainer.event.dispatch_event</c>.</remarks>
    public static ValueTask DispatchEventAsync(IEventHandler? handler, Event? e, CancellationToken cancellationToken = default) =>
        handler is null || e is null ? ValueTask.CompletedTask : handler.DispatchAsync(e, cancellationToken);

    private sealed class DelegateHandler(Func<Event, CancellationToken, ValueTask> handle) : IEventHandler
    {
        public ValueTask DispatchAsync(Event e, CancellationToken cancellationToken) => handle(e, cancellationToken);
    }
}
