using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Quartz;
using Qianfan.Platform.Data;

namespace Qianfan.Platform.FineTuning;

/// <summary>Wakes the training slots: at once when a task is queued, and every now and then in case a wake-up was lost. It has nothing in its job data: the queue is the task rows.</summary>
[DisallowConcurrentExecution]
internal sealed class DispatchTrainingJob(TrainingSupervisor supervisor, TrainingQueue queue) : IJob
{
    public static readonly JobKey Key = new("dispatch", "training");

    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        supervisor.Wake();
        // What runs has come further: those that wait are told when their turn is expected now.
        await queue.RefreshPositionsAsync(cancellationToken);
    }
}

/// <summary>The Quartz scheduler named <c>training</c>, with a store of its own.</summary>
internal sealed class TrainingScheduler([FromKeyedServices(TrainingScheduler.Name)] IScheduler scheduler)
{
    public const string Name = "training";

    /// <summary>How often the queue is looked at although nobody asked for it.</summary>
    public static readonly TimeSpan Sweep = TimeSpan.FromSeconds(30);

    /// <summary>Has the queue looked at.</summary>
    public ValueTask WakeAsync(CancellationToken cancellationToken) => scheduler.TriggerJob(DispatchTrainingJob.Key, null, cancellationToken);

    /// <summary>The scheduler's store: a file of its own in the data folder, so that its lock never blocks the platform's.</summary>
    public static DbDataSource OpenStore(DataFolders folders)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folders.SchedulerDatabase)!);
        return SqliteFactory.Instance.CreateDataSource(new SqliteConnectionStringBuilder { DataSource = folders.SchedulerDatabase }.ConnectionString);
    }
}
