using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>The trainer over <c>/v2/finetuning</c>, <c>/v2/model</c> and <c>/v2/service</c>.</summary>
internal sealed class TrainingApiV2(QianfanClient client) : TrainingApi
{
    public override Task<ModelInfo> FindModelAsync(string trainType, TrainMode mode, CancellationToken cancellationToken) =>
        ModelInfo.FindAsync(client, trainType, mode, cancellationToken);

    public override async Task<string> CreateJobAsync(JobOrder order, CancellationToken cancellationToken)
    {
        var request = new CreateFineTuningJobRequest { Name = order.Name, Model = order.Model.Model, TrainMode = order.Mode, Description = order.Description };
        return (await client.FineTuning.CreateJobAsync(request, cancellationToken).ConfigureAwait(false)).JobId;
    }

    public override async Task<string?> FindJobAsync(JobOrder order, CancellationToken cancellationToken)
    {
        // The cloud has no filter by name; ours has one.
        var filter = new DescribeFineTuningJobsRequest { Name = client.Options.PlatformExtensions ? order.Name : null };
        await foreach (var job in client.FineTuning.ListJobsAsync(filter, cancellationToken).ConfigureAwait(false))
        {
            if (job.Name == order.Name)
            {
                return job.JobId;
            }
        }

        return null;
    }

    public override async Task<string> CreateTaskAsync(TaskOrder order, CancellationToken cancellationToken)
    {
        var request = new CreateFineTuningTaskRequest
        {
            JobId = order.JobId,
            ParameterScale = order.Config.PeftType!.Value.Value,
            HyperParameterConfig = order.Config.ToHyperParameters(),
            DatasetConfig = order.Datasets,
            IncrementTaskId = order.IncrementTaskId,
            IncrementCheckpointStep = order.IncrementCheckpointStep,
            ResourceConfig = order.Config.ResourceConfig?.ToWire(),
            CorpusConfig = order.Corpus,
            Extras = order.Extras?.ToDictionary(p => p.Key, p => JsonSerializer.SerializeToElement(p.Value, QianfanJson.Wire.JsonNode)),
        };
        return (await client.FineTuning.CreateTaskAsync(request, cancellationToken).ConfigureAwait(false)).TaskId;
    }

    public override async Task<IReadOnlyList<string>> ListTasksAsync(string jobId, CancellationToken cancellationToken)
    {
        var tasks = new List<string>();
        await foreach (var task in client.FineTuning.ListTasksAsync(jobId, cancellationToken).ConfigureAwait(false))
        {
            tasks.Add(task.TaskId);
        }

        return tasks;
    }

    public override async Task<string?> FindTaskAsync(string jobId, IReadOnlyCollection<string> known, CancellationToken cancellationToken)
    {
        var tasks = await ListTasksAsync(jobId, cancellationToken).ConfigureAwait(false);
        return tasks.FirstOrDefault(t => !known.Contains(t));
    }

    public override async Task<(FineTuningTask Task, JsonNode Raw)> DescribeTaskAsync(string? jobId, string taskId, CancellationToken cancellationToken)
    {
        var (task, raw) = await client.FineTuning.DescribeTaskRawAsync(taskId, cancellationToken).ConfigureAwait(false);
        return (task, JsonNode.Parse(raw.GetRawText())!);
    }

    public override Task StopTaskAsync(string? jobId, string taskId, CancellationToken cancellationToken) => client.FineTuning.StopTaskAsync(taskId, cancellationToken);

    public override async Task<string> PublishAsync(string name, string jobId, string taskId, CancellationToken cancellationToken)
    {
        var request = new PublishTrainModelRequest { ModelName = name, VersionMeta = new PublishVersionMeta { TaskId = jobId, IterationId = taskId } };
        var result = await client.Models.PublishTrainModelAsync(request, cancellationToken).ConfigureAwait(false);
        return result.ModelIdStr ?? result.ModelId ?? throw new QianfanRequestException("The answer to publishTrainModel has no model id.", HttpStatusCode.OK);
    }

    public override async Task<string?> FindModelAsync(string name, CancellationToken cancellationToken) =>
        (await client.Models.FindModelSetByNameAsync(name, cancellationToken).ConfigureAwait(false))?.ModelSetId;

    public override async Task<string> NewestVersionAsync(string modelSetId, CancellationToken cancellationToken)
    {
        var set = await client.Models.DescribeModelSetAsync(modelSetId, cancellationToken).ConfigureAwait(false);
        return set.ModelIds.Count > 0 ? set.ModelIds[0] : throw new InternalErrorException($"The model set {modelSetId} has no version.");
    }

    public override async Task<string> CreateServiceAsync(ServiceOrder order, CancellationToken cancellationToken)
    {
        var config = order.Config;
        var request = new CreateServiceRequest
        {
            ModelSetId = order.ModelSetId,
            ModelId = order.ModelId,
            Name = order.Name,
            UrlSuffix = order.Endpoint,
            Description = config.Description.Length > 0 ? config.Description : null,
            ResourceConfig = new ServiceResourceConfig { Type = config.ResourceType, ReplicasCount = config.Replicas, Qps = config.Qps },
            Billing = config.ToBilling(),
            // A chat service is what most models are for: the platform knows better which are not.
            ServiceType = !client.Options.PlatformExtensions ? null : config.ServiceType switch
            {
                ServiceType.Completion => "completions",
                ServiceType.Embedding => "embeddings",
                _ => null,
            },
        };
        return (await client.Services.CreateAsync(request, cancellationToken).ConfigureAwait(false)).ServiceId;
    }

    public override async Task<string?> FindServiceAsync(string name, CancellationToken cancellationToken)
    {
        await foreach (var service in client.Services.ListAsync(new DescribeServicesRequest { Name = name }, cancellationToken).ConfigureAwait(false))
        {
            if (service.Name == name)
            {
                return service.ServiceId;
            }
        }

        return null;
    }

    public override Task<ServiceDescription> DescribeServiceAsync(string serviceId, CancellationToken cancellationToken) => client.Services.DescribeAsync(serviceId, cancellationToken);
}
