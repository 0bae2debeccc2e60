using System.Globalization;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Files;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Platform.Inference;
using Qianfan.Platform.Models;
using Qianfan.Platform.Services;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.OpenAI;

/// <summary>Publishes and serves what tasks of the OpenAI API learnt: there, a finished job's model can be called without a further step.</summary>
internal sealed class FineTunedModels(
    IDbContextFactory<PlatformDbContext> contexts, ModelService models, ServiceService services, TaskStore store, FileStore files)
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

    /// <summary>Deletes a model of the owner: its service, and its weights when no other service has them.</summary>
    /// <exception cref="PlatformException">There is no such model, or it is a base model.</exception>
    public async Task DeleteAsync(string ownerId, string name, CancellationToken cancellationToken)
    {
        if (models.BaseModels.Find(name) is not null) throw new PlatformException(PlatformError.Forbidden, $"{name} is a base model, which can't be deleted", "model");
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var service = await context.Services.AsNoTracking().Include(row => row.Model).SingleOrDefaultAsync(row => row.OwnerId == ownerId && row.UrlSuffix == name, cancellationToken)
            ?? throw ModelRouter.Unknown(name);
        await services.DeleteAsync(ownerId, service.PublicId, cancellationToken);
        if (!await context.Services.AnyAsync(row => row.ModelVersionId == service.ModelVersionId, cancellationToken)) await models.DeleteVersionAsync(ownerId, service.Model.PublicId, cancellationToken);
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
            // OpenAI's API has no word for replicas: all answers that one request may ask for decode together.
            var resources = new ServiceResourceConfig { Type = ServiceService.StandardType, ReplicasCount = ChatBody.MostChoices };
            var request = new CreateServiceRequest { ModelSetId = version.Set.PublicId, ModelId = version.PublicId, Name = name, UrlSuffix = name, ResourceConfig = resources };
            await services.CreateAsync(task.OwnerId, request, cancellationToken);
        }

        var result = await WriteLossesAsync(task, cancellationToken);
        await store.ChangeAsync(task.Id, row =>
        {
            row.FineTunedModel = name;
            row.ResultFileId = result;
            return [TaskEvent.Log("info", $"The model is served as {name}", TaskLogCodes.Served, name)];
        }, cancellationToken);
    }

    /// <summary>Writes the losses of all steps into a file of the owner.</summary>
    private async Task<string> WriteLossesAsync(TaskRow task, CancellationToken cancellationToken)
    {
        var training = await store.StandingAsync(task.Id, FineTuningTaskEventKinds.Metric, cancellationToken);
        var validation = (await store.StandingAsync(task.Id, FineTuningTaskEventKinds.Validation, cancellationToken)).ToDictionary(entry => (int)entry.Data["step"]!, entry => entry.Data["loss"]);
        var text = new StringBuilder("step,train_loss,valid_loss\n");
        foreach (var (_, data) in training) text.Append(CultureInfo.InvariantCulture, $"{data["step"]},{data["loss"]},{validation.GetValueOrDefault((int)data["step"]!)}\n");
        using var content = new MemoryStream(Encoding.UTF8.GetBytes(text.ToString()));
        var (id, bytes) = await files.ReceiveAsync(content, cancellationToken);
        await files.KeepAsync(id, bytes, task.OwnerId, "step_metrics.csv", "fine-tune-results", cancellationToken);
        return id;
    }
}
