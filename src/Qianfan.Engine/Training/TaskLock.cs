using Qianfan.WorkerProtocol;

namespace Qianfan.Engine.Training;

/// <summary>Keeps a task folder to one worker, so that an orphan can't write beside its successor. The system lets go of it when the process ends, however it ends.</summary>
internal sealed class TaskLock : IDisposable
{
    public const string FileName = "worker.lock";
    private readonly FileStream _file;

    private TaskLock(FileStream file) => _file = file;

    /// <exception cref="EngineException">Code <c>task_locked</c>.</exception>
    public static TaskLock Take(string taskDirectory)
    {
        Directory.CreateDirectory(taskDirectory);
        try
        {
            return new TaskLock(new FileStream(Path.Combine(taskDirectory, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException exception)
        {
            throw new EngineException(WorkerErrors.TaskLocked, "Another worker holds this task's folder.", exception);
        }
    }

    public void Dispose() => _file.Dispose();
}
