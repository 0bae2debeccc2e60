namespace Qianfan.Platform;

/// <summary>Hears of the fine-tuning tasks that callers put into the queue. A host that wants to know of them registers one. Must be quick and thread-safe.</summary>
public interface ITaskListener
{
    /// <summary>A caller's new task is about to be stored. What this throws reaches the caller, and there is no task: none exists that was not told of.</summary>
    /// <param name="key">Whose it will be, and who makes it.</param>
    /// <param name="taskId">The task (<c>task-...</c>).</param>
    /// <param name="cancellationToken">Cancelled when the request is.</param>
    ValueTask CreatingAsync(PlatformKey key, string taskId, CancellationToken cancellationToken);

    /// <summary>A task that was stopped or failed is about to go back into the queue. What this throws reaches the caller, and the task stays as it is.</summary>
    /// <param name="ownerId">Whose it is.</param>
    /// <param name="taskId">The task (<c>task-...</c>).</param>
    /// <param name="cancellationToken">Cancelled when the request is.</param>
    ValueTask ResumingAsync(string ownerId, string taskId, CancellationToken cancellationToken);

    /// <summary>What was told before has happened: the task is in the queue. Not told if the process dies in between.</summary>
    void Queued();
}
