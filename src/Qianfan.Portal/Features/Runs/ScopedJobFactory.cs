using Quartz;
using Quartz.Extensibility;

namespace Qianfan.Portal.Features.Runs;

/// <summary>Makes each fire's job in a scope of its own of the portal's container.</summary>
internal sealed class ScopedJobFactory(IServiceScopeFactory scopes) : IJobFactory
{
    public ValueTask<JobScope> CreateJob(TriggerFiredBundle bundle, IScheduler scheduler, CancellationToken cancellationToken = default)
    {
        var scope = scopes.CreateAsyncScope();
        return ValueTask.FromResult(new JobScope((IJob)scope.ServiceProvider.GetRequiredService(bundle.JobDetail.JobType.Type), scope));
    }

    public ValueTask ReturnJob(JobScope scope, CancellationToken cancellationToken = default) =>
        scope.State is AsyncServiceScope services ? services.DisposeAsync() : ValueTask.CompletedTask;
}
