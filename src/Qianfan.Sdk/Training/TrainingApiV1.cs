using System.Text.Json;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>The trainer over <c>/wenxinworkshop</c>, the seed's generation. What V1 calls a task is a job here, and its job is a task.</summary>
/// <remarks>V1 lists models, but no jobs, tasks and services. Our platform answers V2 as well, so there they are looked up by it; on a platform of Baidu's an unclear creation is refused to be repeated.</remarks>
internal sealed class TrainingApiV1(QianfanClient client, string? baseModel = null) : TrainingApi
{
    /// <summary>The seed trains a base model that it doesn't know with the defaults of this one.</summary>
    private const string DefaultTrainType = "ERNIE-Bot-turbo-0725";

    private TrainingApiV2? Lookups => client.Options.PlatformExtensions ? new TrainingApiV2(client) : null;

    public override Task<ModelInfo> FindModelAsync(string trainType, TrainMode mode, CancellationToken cancellationToken)
    {
        if (client.Options.PlatformExtensions)
        {
            return ModelInfo.FindAsync(client, trainType, mode, cancellationToken);
        }

        var known = ModelInfo.Find(trainType, mode, SdkVersion.Seed) ?? ModelInfo.Find(trainType, mode, SdkVersion.V023) ?? ModelInfo.Find(trainType, mode, SdkVersion.V029);
        if (known is null && string.IsNullOrEmpty(baseModel))
        {
            throw new InvalidArgumentException($"The family of the base model of {trainType} isn't known: give the base model too.");
        }

        return Task.FromResult(known ?? ModelInfo.Find(DefaultTrainType, TrainMode.Sft, SdkVersion.Seed)!.As(trainType, baseModel!));
    }

    public override async Task<string> CreateJobAsync(JobOrder order, CancellationToken cancellationToken)
    {
        var request = new V1CreateTaskRequest { Name = order.Name, BaseTrainType = BaseModel(order.Model), TrainType = order.Model.TrainType, Description = order.Description };
        return (await client.V1.FineTuning.CreateTaskAsync(request, cancellationToken).ConfigureAwait(false)).Id;
    }

    public override Task<string?> FindJobAsync(JobOrder order, CancellationToken cancellationToken) =>
        (Lookups ?? throw Unclear("finetune/createTask", order.Name)).FindJobAsync(order, cancellationToken);

    public override async Task<string> CreateTaskAsync(TaskOrder order, CancellationToken cancellationToken)
    {
        var parameters = order.Config.ToHyperParameters();
        var request = new V1CreateJobRequest
        {
            TaskId = order.JobId,
            Description = order.Description,
            BaseTrainType = BaseModel(order.Model),
            TrainType = order.Model.TrainType,
            TrainMode = order.Mode,
            PeftType = order.Config.PeftType?.SeedName,
            TrainConfig = parameters.Deserialize(QianfanJson.Wire.V1TrainConfig)!,
            Trainset = [.. order.Datasets.Versions.Select(Trainset)],
            TrainsetRate = (int)Math.Round(order.Datasets.SplitRatio ?? order.Config.TrainsetRate),
        };
        return (await client.V1.FineTuning.CreateJobAsync(request, cancellationToken).ConfigureAwait(false)).Id;
    }

    public override Task<IReadOnlyList<string>> ListTasksAsync(string jobId, CancellationToken cancellationToken) =>
        Lookups is { } lookups ? lookups.ListTasksAsync(jobId, cancellationToken) : Task.FromResult<IReadOnlyList<string>>([]);

    public override Task<string?> FindTaskAsync(string jobId, IReadOnlyCollection<string> known, CancellationToken cancellationToken) =>
        (Lookups ?? throw Unclear("finetune/createJob", $"the task {jobId}")).FindTaskAsync(jobId, known, cancellationToken);

    public override async Task<(FineTuningTask Task, JsonNode Raw)> DescribeTaskAsync(string? jobId, string taskId, CancellationToken cancellationToken)
    {
        var detail = await client.V1.FineTuning.GetJobAsync(JobOf(jobId), taskId, cancellationToken).ConfigureAwait(false);
        var task = new FineTuningTask
        {
            TaskId = taskId,
            JobId = jobId!,
            JobName = detail.TaskName,
            JobDescription = detail.Description,
            Model = detail.TrainType,
            TrainMode = detail.TrainMode,
            ParameterScale = detail.PeftType is null ? null : PeftType.From(detail.PeftType).Normalized.Value,
            RunStatus = Status(detail.TrainStatus),
            RunProgress = detail.Progress is { } percent ? FormattableString.Invariant($"{percent:0}%") : null,
            VdlLink = detail.VdlLink,
        };
        return (task, new JsonObject { ["result"] = JsonSerializer.SerializeToNode(detail, QianfanJson.Wire.V1JobDetail) });
    }

    public override Task StopTaskAsync(string? jobId, string taskId, CancellationToken cancellationToken) => client.V1.FineTuning.StopJobAsync(JobOf(jobId), taskId, cancellationToken);

    public override async Task<string> PublishAsync(string name, string jobId, string taskId, CancellationToken cancellationToken)
    {
        var request = new PublishTrainModelRequest { ModelName = name, VersionMeta = new PublishVersionMeta { TaskId = jobId, IterationId = taskId } };
        var result = await client.Models.PublishTrainModelAsync(request, cancellationToken).ConfigureAwait(false);
        return result.ModelId ?? result.ModelIdStr ?? throw new QianfanRequestException("The answer to publishTrainModel has no model id.", System.Net.HttpStatusCode.OK);
    }

    public override async Task<string?> FindModelAsync(string name, CancellationToken cancellationToken)
    {
        if (Lookups is { } lookups)
        {
            return await lookups.FindModelAsync(name, cancellationToken).ConfigureAwait(false);
        }

        var found = await client.Models.ListUserModelsAsync(new UserModelListRequest { NameFilter = name, PageSize = 100 }, cancellationToken).ConfigureAwait(false);
        var model = found.ModelList.FirstOrDefault(m => m.ModelName == name);
        return model?.ModelId ?? model?.ModelIdStr;
    }

    public override async Task<string> NewestVersionAsync(string modelSetId, CancellationToken cancellationToken)
    {
        var model = await client.Models.GetModelDetailAsync(modelSetId, cancellationToken).ConfigureAwait(false);
        return model.ModelVersionList is [{ } newest, ..] && (newest.ModelVersionId ?? newest.ModelVersionIdStr) is { } id
            ? id
            : throw new InternalErrorException($"The model {modelSetId} has no version.");
    }

    public override async Task<string> CreateServiceAsync(ServiceOrder order, CancellationToken cancellationToken)
    {
        var config = order.Config;
        var request = new V1ApplyServiceRequest
        {
            ModelId = order.ModelSetId,
            ModelVersionId = order.ModelId,
            Name = order.Name,
            Uri = order.Endpoint,
            Replicas = config.Replicas,
            PoolType = (int)config.PoolType,
            Description = config.Description.Length > 0 ? config.Description : null,
        };
        return (await client.V1.Services.ApplyAsync(request, cancellationToken).ConfigureAwait(false)).ServiceId;
    }

    public override Task<string?> FindServiceAsync(string name, CancellationToken cancellationToken) =>
        (Lookups ?? throw Unclear("service/apply", name)).FindServiceAsync(name, cancellationToken);

    public override async Task<ServiceDescription> DescribeServiceAsync(string serviceId, CancellationToken cancellationToken)
    {
        var detail = await client.V1.Services.GetDetailAsync(serviceId, cancellationToken).ConfigureAwait(false);
        return new ServiceDescription
        {
            ServiceId = serviceId,
            ModelId = detail.ModelId,
            Name = detail.Name,
            Description = detail.Description,
            Url = detail.Uri,
            RunStatus = detail.ServiceStatus == ServiceRunStatus.Done ? ServiceRunStatus.Serving : detail.ServiceStatus,
        };
    }

    private static string BaseModel(ModelInfo model) => model.BaseModel ?? model.TrainType;

    private static V1TrainDataset Trainset(FineTuningDatasetVersion version) =>
        version.VersionId is { } id ? new V1TrainDataset { Id = id } : throw new InvalidArgumentException("V1 trains on datasets of the platform, not on paths in object storage.");

    private static FineTuningRunStatus Status(V1TrainStatus status) => status.Value switch
    {
        "RUNNING" => FineTuningRunStatus.Running,
        "FINISH" => FineTuningRunStatus.Done,
        "FAIL" => FineTuningRunStatus.Failed,
        "STOP" => FineTuningRunStatus.Stopped,
        _ => FineTuningRunStatus.From(status.Value),
    };

    private static string JobOf(string? jobId) => jobId ?? throw new InvalidArgumentException("V1 needs the id of the job (its task) beside that of the task (its job).");

    private static InternalErrorException Unclear(string call, string name) =>
        new($"It isn't known whether {call} took effect for {name}, and V1 has no way to look it up. It is not repeated, so that nothing is made twice: look on the platform, and start a new run.");
}
