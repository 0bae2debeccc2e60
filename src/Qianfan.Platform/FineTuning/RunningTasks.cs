using System.Collections.Concurrent;

namespace Qianfan.Platform.FineTuning;

/// <summary>The tasks that run in this process, so that they can be stopped.</summary>
internal sealed class RunningTasks
{
    private readonly ConcurrentDictionary<int, CancellationTokenSource> _running = new();

    /// <summary>Notes that a task runs, until disposed.</summary>
    public Running Add(int taskId) => new(this, taskId);

    public bool Contains(int taskId) => _running.ContainsKey(taskId);

    /// <summary>Stops a task that runs here; one that doesn't is left alone.</summary>
    public void Stop(int taskId)
    {
        if (!_running.TryGetValue(taskId, out var stop)) return;
        lock (stop)
        {
            if (_running.ContainsKey(taskId)) stop.Cancel();
        }
    }

    /// <summary>A task that runs.</summary>
    internal sealed class Running : IDisposable
    {
        private readonly RunningTasks _tasks;
        private readonly int _taskId;
        private readonly CancellationTokenSource _stop = new();

        public Running(RunningTasks tasks, int taskId)
        {
            (_tasks, _taskId) = (tasks, taskId);
            _tasks._running[taskId] = _stop;
        }

        /// <summary>Cancelled when the task is to stop.</summary>
        public CancellationToken Stop => _stop.Token;

        public void Dispose()
        {
            lock (_stop)
            {
                _tasks._running.TryRemove(_taskId, out _);
                _stop.Dispose();
            }
        }
    }
}
