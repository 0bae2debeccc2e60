using Quartz;

namespace Qianfan.Portal.Features.Runs;

/// <summary>The Quartz job behind a run: its key is the run's id, and it carries nothing else. All state is in the run, so that a fire after a crash goes on where the last one was.</summary>
[DisallowConcurrentExecution]
public sealed class RunPipelineJob(RunExecutor executor) : IJob
{
    private const string Group = "runs";

    /// <summary>The key of a run's job.</summary>
    public static JobKey KeyOf(Guid runId) => new(runId.ToString("N"), Group);

    /// <summary>A run's job: recovered after a crash, gone when it has ended.</summary>
    public static IJobDetail DetailOf(Guid runId) => JobBuilder.Create<RunPipelineJob>().WithIdentity(KeyOf(runId)).RequestRecovery().Build();

    /// <inheritdoc/>
    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        await executor.ExecuteAsync(Guid.ParseExact(context.JobDetail.Key.Name, "N"), cancellationToken);
    }
}
