using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Platform.Models;
using Qianfan.Platform.Services;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.OpenAI;

/// <summary>Publishes and serves what tasks of the OpenAI API learnt: there, a finished job's model can be called without a further step.</summary>
internal sealed class FineTunedModels(IDbContextFactory<PlatformDbContext> contexts, ModelService models, ServiceService services, TaskStore store)
{
    /// <summary>Does what is still to be done for finished tasks. Doing it again is fine.</summary>
    public async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        foreach (var task in await UnpublishedAsync(cancellationToken))
        {
            var name = $"ft:{task.Job.Model}:platform:{task.Suffix}:{task.PublicId["task-".Length..]}";
            try
            {
                await PublishAsync(task, name, cancellationToken);
            }
            catch (PlatformException exception)
            {
                await store.ChangeAsync(task.Id, row =>
                {
                    row.State = TaskState.Failed;
                    row.ErrorCode = "publish_failed";
                    row.ErrorMessage = exception.Message;
                    return [TaskEvent.Log("error", exception.Message), TaskEvent.Status(row)];
                }, cancellationToken);
            }
        }
    }

    private async Task<IReadOnlyList<TaskRow>> UnpublishedAsync(CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Tasks.AsNoTracking().Include(task => task.Job)
            .Where(task => task.Origin == TaskOrigin.OpenAI && task.State == TaskState.Done && task.FineTunedModel == null)
            .ToListAsync(cancellationToken);
    }

    private async Task PublishAsync(TaskRow task, string name, CancellationToken cancellationToken)
    {
        var meta = new PublishVersionMeta { TaskId = task.Job.PublicId, IterationId = task.PublicId };
        var version = await models.PublishAsync(task.OwnerId, new PublishTrainModelRequest { ModelName = name, VersionMeta = meta }, cancellationToken);
        var served = await services.ListAsync(task.OwnerId, new DescribeServicesRequest { Name = name }, cancellationToken);
        if (served.Rows.Count == 0)
        {
            var request = new CreateServiceRequest { ModelSetId = version.Set.PublicId, ModelId = version.PublicId, Name = name, UrlSuffix = name };
            await services.CreateAsync(task.OwnerId, request, cancellationToken);
        }

        await store.ChangeAsync(task.Id, row =>
        {
            row.FineTunedModel = name;
            return [TaskEvent.Log("info", $"The model is served as {name}")];
        }, cancellationToken);
    }
}
