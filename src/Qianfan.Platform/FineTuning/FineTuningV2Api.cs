using System.Text.Json.Nodes;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.FineTuning;

/// <summary><c>/v2/finetuning</c>.</summary>
internal static class FineTuningV2Api
{
    private const int MostExtra = 64;

    public static ActionTable<FineTuningService> Actions { get; } = new ActionTable<FineTuningService>()
        .Write<CreateFineTuningJobRequest>("CreateFineTuningJob", CreateJobAsync)
        .Write<CreateFineTuningTaskRequest>("CreateFineTuningTask", CreateTaskAsync)
        .Read<FineTuningJobsRequest>("DescribeFineTuningJobs", DescribeJobsAsync)
        .Read<DescribeFineTuningTasksRequest>("DescribeFineTuningTasks", DescribeTasksAsync)
        .Read<FineTuningTaskIdRequest>("DescribeFineTuningTask", DescribeTaskAsync)
        .Read<NoParameters>("DescribeFineTuningSupportModels", DescribeModelsAsync)
        .Write<FineTuningTaskIdRequest>("StopFineTuningTask", StopAsync)
        .Write<FineTuningTaskIdRequest>("ResumeFineTuningTask", ResumeAsync)
        .Write<SetFineTuningTaskPriorityRequest>("SetFineTuningTaskPriority", SetPriorityAsync)
        .Write<FineTuningTaskIdRequest>("DeleteFineTuningTask", DeleteTaskAsync)
        .Write<FineTuningJobIdRequest>("DeleteFineTuningJob", DeleteJobAsync);

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.ConsoleV2)
        .Actions("/v2/finetuning", Actions)
        .Read("GET", "/v2/finetuning/tasks/{taskId}/events", TaskEventsApi.StreamAsync);

    private static async Task<object?> CreateJobAsync(FineTuningService service, PlatformCaller caller, CreateFineTuningJobRequest request, CancellationToken cancellationToken)
    {
        var job = await service.CreateJobAsync(caller.OwnerId, request, modelLater: false, cancellationToken);
        return new CreateFineTuningJobResult { JobId = job.PublicId };
    }

    private static async Task<object?> CreateTaskAsync(FineTuningService service, PlatformCaller caller, CreateFineTuningTaskRequest request, CancellationToken cancellationToken)
    {
        if (request.HyperParameterConfig.Count > MostExtra) throw PlatformException.Invalid("hyperParameterConfig", $"param[hyperParameterConfig] invalid: more than {MostExtra} values");
        var task = await service.CreateTaskAsync(caller.Key, request, cancellationToken);
        return new CreateFineTuningTaskResult { JobId = task.Job.PublicId, TaskId = task.PublicId };
    }

    private static async Task<object?> DescribeJobsAsync(FineTuningService service, PlatformCaller caller, FineTuningJobsRequest request, CancellationToken cancellationToken)
    {
        var paging = Paging.Of(request.Marker, request.MaxKeys, request.PageReverse);
        // Official clients send "trainModel" and mean the train mode.
        var page = await service.ListJobsAsync(caller.OwnerId, request.Name, request.Model, request.TrainMode ?? request.TrainModel, paging, cancellationToken);
        return new FineTuningJobList
        {
            PageInfo = page.Info,
            JobList = [.. page.Rows.Select(job => new FineTuningJob
            {
                JobId = job.PublicId,
                Name = job.Name,
                Description = job.Description,
                Model = job.Model,
                TrainMode = new TrainMode(job.TrainMode),
                CreateDate = WireTime.Iso(job.CreatedAt),
            })],
        };
    }

    private static async Task<object?> DescribeTasksAsync(FineTuningService service, PlatformCaller caller, DescribeFineTuningTasksRequest request, CancellationToken cancellationToken)
    {
        var paging = Paging.Of(request.Marker, request.MaxKeys, request.PageReverse);
        var job = await service.GetJobAsync(caller.OwnerId, request.JobId, cancellationToken);
        var page = await service.ListTasksAsync(caller.OwnerId, job, paging, cancellationToken);
        var expected = await service.ForecastAsync(cancellationToken);
        var tasks = new List<FineTuningTask>();
        foreach (var task in page.Rows) tasks.Add(await DescribeAsync(service, task, expected, cancellationToken));
        return new FineTuningTaskList { PageInfo = page.Info, TaskList = tasks };
    }

    private static async Task<object?> DescribeTaskAsync(FineTuningService service, PlatformCaller caller, FineTuningTaskIdRequest request, CancellationToken cancellationToken) =>
        await DescribeAsync(service, await service.GetTaskAsync(caller.OwnerId, request.TaskId, cancellationToken), await service.ForecastAsync(cancellationToken), cancellationToken);

    private static Task<object?> DescribeModelsAsync(FineTuningService service, PlatformCaller caller, NoParameters request, CancellationToken cancellationToken) =>
        Task.FromResult<object?>(service.Models.List().Select(model => new SupportedModel
        {
            Model = model.Name,
            ModelType = "text2text",
            BaseModel = model.DisplayName.Length > 0 ? model.DisplayName : model.Name,
            SupportTrainMode = [.. TrainModes.All.Select(mode => new SupportedTrainMode
            {
                TrainMode = mode,
                SupportParameterScale = [.. model.ParameterScales.Keys.Select(scale => new SupportedParameterScale
                {
                    ParameterScale = scale,
                    SupportHyperParameterConfig = HyperParameters.Describe(model, mode, scale),
                })],
            })],
        }).ToArray());

    private static async Task<object?> StopAsync(FineTuningService service, PlatformCaller caller, FineTuningTaskIdRequest request, CancellationToken cancellationToken) =>
        await service.StopAsync(caller.OwnerId, request.TaskId, pause: false, cancellationToken);

    private static async Task<object?> ResumeAsync(FineTuningService service, PlatformCaller caller, FineTuningTaskIdRequest request, CancellationToken cancellationToken)
    {
        await service.ResumeAsync(caller.OwnerId, request.TaskId, cancellationToken);
        return true;
    }

    private static async Task<object?> SetPriorityAsync(FineTuningService service, PlatformCaller caller, SetFineTuningTaskPriorityRequest request, CancellationToken cancellationToken)
    {
        await service.SetPriorityAsync(caller.OwnerId, request.TaskId, request.Priority, cancellationToken);
        return true;
    }

    private static async Task<object?> DeleteTaskAsync(FineTuningService service, PlatformCaller caller, FineTuningTaskIdRequest request, CancellationToken cancellationToken)
    {
        await service.DeleteTaskAsync(caller.OwnerId, request.TaskId, cancellationToken);
        return true;
    }

    private static async Task<object?> DeleteJobAsync(FineTuningService service, PlatformCaller caller, FineTuningJobIdRequest request, CancellationToken cancellationToken)
    {
        await service.DeleteJobAsync(caller.OwnerId, request.JobId, cancellationToken);
        return true;
    }

    private static async Task<FineTuningTask> DescribeAsync(FineTuningService service, TaskRow task, IReadOnlyDictionary<int, Expected> expected, CancellationToken cancellationToken) => new()
    {
        TaskId = task.PublicId,
        JobId = task.Job.PublicId,
        JobName = task.Job.Name,
        JobDescription = task.Job.Description,
        Model = task.Job.Model,
        TrainMode = new TrainMode(task.Job.TrainMode),
        ParameterScale = task.ParameterScale,
        RunStatus = new FineTuningRunStatus(task.State.ToString()),
        RunProgress = $"{task.Progress}%",
        VdlLink = "",
        CreateDate = WireTime.Iso(task.CreatedAt),
        FinishDate = WireTime.Iso(task.FinishedAt),
        Metrics = task.State == TaskState.Done ? Metrics(task) : null,
        CheckpointList = task.State == TaskState.Done ? await service.CheckpointsAsync(task, cancellationToken) : null,
        QueuePosition = task.QueuePosition,
        Priority = FineTuningService.PriorityName(task.Priority),
        ExpectedStartDate = Iso(expected.GetValueOrDefault(task.Id).Start),
        ExpectedFinishDate = Iso(expected.GetValueOrDefault(task.Id).Finish),
        Message = task.ErrorMessage,
        Code = task.ErrorCode,
    };

    private static string? Iso(DateTimeOffset? time) => time is null ? null : WireTime.Iso(time);

    private static JsonObject Metrics(TaskRow task)
    {
        var metrics = new JsonObject { ["trainingLoss"] = task.TrainingLoss, ["trainedTokens"] = task.TrainedTokens };
        if (task.ValidationLoss is { } loss)
        {
            metrics["validationLoss"] = loss;
            metrics["validationPerplexity"] = Math.Round(Math.Exp(Math.Min(loss, 50)), 4);
        }

        return metrics;
    }
}

/// <summary>DescribeFineTuningJobs with our filter by name besides the official ones.</summary>
internal sealed record FineTuningJobsRequest
{
    public string? Name { get; init; }

    public string? TrainModel { get; init; }

    public string? TrainMode { get; init; }

    public string? Model { get; init; }

    public string? Marker { get; init; }

    public int? MaxKeys { get; init; }

    public bool? PageReverse { get; init; }
}
