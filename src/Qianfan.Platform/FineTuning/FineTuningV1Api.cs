using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.FineTuning;

/// <summary>Console V1, area finetune. Its words are swapped: a V1 task is our job, a V1 job is our task.</summary>
internal static class FineTuningV1Api
{
    private const string Root = "/wenxinworkshop/finetune/";
    private const int StandardSplit = 20;
    private const string Unfinished = "0000-00-00 00:00:00";

    // V1's words for the parameter scales.
    private static readonly (string V1, string Scale)[] s_scales = [("ALL", "FullFineTuning"), ("LoRA", "LoRA"), ("P-tuning", "PromptTuning")];

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.ConsoleV1)
        .Write("POST", Root + "createTask", CreateTaskAsync)
        .Write("POST", Root + "createJob", CreateJobAsync)
        .Read("POST", Root + "jobDetail", DetailAsync)
        .Write("POST", Root + "stopJob", StopAsync);

    private static async Task<IResult> CreateTaskAsync(Body<V1CreateTaskRequest> body, PlatformCaller caller, FineTuningService service, CancellationToken cancellationToken)
    {
        // The oldest clients name the model only with the first job, and all of them the kind of training.
        var request = new CreateFineTuningJobRequest { Name = body.Value.Name, Description = body.Value.Description, Model = body.Value.TrainType ?? "", TrainMode = TrainMode.Sft };
        var job = await service.CreateJobAsync(caller.OwnerId, request, modelLater: true, cancellationToken);
        return Answers.V1(new { id = job.Id, uuid = job.PublicId, name = job.Name, description = job.Description, createTime = WireTime.Plain(job.CreatedAt) });
    }

    private static async Task<IResult> CreateJobAsync(Body<V1CreateJobRequest> body, PlatformCaller caller, FineTuningService service, CancellationToken cancellationToken)
    {
        var request = body.Value;
        var job = await service.GetJobAsync(caller.OwnerId, request.TaskId, cancellationToken).OrAsync(ConsoleCodes.TaskNotExist, PlatformError.NotFound);
        job = await service.SettleAsync(job, request.TrainType, request.TrainMode, cancellationToken).OrAsync(ConsoleCodes.TrainConfig, PlatformError.InvalidArgument, PlatformError.NotSupported);
        var model = service.Models.Get(job.Model, "trainType");
        var scale = Scale(request.PeftType, model);
        var config = Config(request.TrainConfig, model, scale);
        var datasets = Datasets(request);
        await service.ResolveAsync(job, datasets, cancellationToken).OrAsync(ConsoleCodes.DatasetConfig, PlatformError.InvalidArgument, PlatformError.NotFound);
        var task = await service.CreateTaskAsync(caller.Key, new CreateFineTuningTaskRequest
        {
            JobId = job.PublicId,
            ParameterScale = scale,
            HyperParameterConfig = config,
            DatasetConfig = datasets,
        }, cancellationToken).OrAsync(ConsoleCodes.TrainConfig, PlatformError.InvalidArgument);
        return Answers.V1(new { id = task.Id, uuid = task.PublicId });
    }

    private static async Task<IResult> DetailAsync(Body<V1JobRequest> body, PlatformCaller caller, FineTuningService service, TimeProvider time, CancellationToken cancellationToken)
    {
        var task = await FindAsync(service, caller, body.Value, cancellationToken);
        var end = task.FinishedAt ?? time.GetUtcNow();
        return Answers.V1(new
        {
            id = task.Id,
            uuid = task.PublicId,
            description = task.Job.Description,
            taskId = task.JobId,
            taskName = task.Job.Name,
            version = await service.NumberOfAsync(task, cancellationToken),
            jobRunType = 0,
            trainType = task.Job.Model,
            trainMode = task.Job.TrainMode,
            peftType = s_scales.FirstOrDefault(entry => entry.Scale == task.ParameterScale).V1 ?? task.ParameterScale,
            trainStatus = Status(task.State).Value,
            progress = task.Progress,
            runTime = Seconds(task.CreatedAt, end),
            trainTime = task.StartedAt is { } started ? Seconds(started, end) : 0,
            startTime = WireTime.Plain(task.StartedAt ?? task.CreatedAt),
            finishTime = task.FinishedAt is { } finished ? WireTime.Plain(finished) : Unfinished,
            vdlLink = "",
            message = task.ErrorMessage,
        });
    }

    private static async Task<IResult> StopAsync(Body<V1JobRequest> body, PlatformCaller caller, FineTuningService service, CancellationToken cancellationToken)
    {
        var task = await FindAsync(service, caller, body.Value, cancellationToken);
        return await service.StopAsync(caller.OwnerId, task.PublicId, pause: false, cancellationToken)
            ? Answers.V1(true)
            : throw PlatformException.Conflict($"Job {task.Id} has ended already").As(ConsoleCodes.JobStatusInvalid);
    }

    private static async Task<TaskRow> FindAsync(FineTuningService service, PlatformCaller caller, V1JobRequest request, CancellationToken cancellationToken)
    {
        var job = await service.GetJobAsync(caller.OwnerId, request.TaskId, cancellationToken).OrAsync(ConsoleCodes.TaskNotExist, PlatformError.NotFound);
        var task = await service.GetTaskAsync(caller.OwnerId, request.JobId, cancellationToken).OrAsync(ConsoleCodes.JobNotExist, PlatformError.NotFound);
        return task.JobId == job.Id ? task : throw PlatformException.NotFound("Job", request.JobId).As(ConsoleCodes.JobNotExist);
    }

    private static V1TrainStatus Status(TaskState state) => state switch
    {
        TaskState.Done => V1TrainStatus.Finish,
        TaskState.Failed => V1TrainStatus.Fail,
        TaskState.Stopped => V1TrainStatus.Stop,
        // V1 has no word for waiting, and its clients take every other word for an end.
        _ => V1TrainStatus.Running,
    };

    private static string Scale(string? peftType, BaseModel model) =>
        string.IsNullOrEmpty(peftType) ? model.DefaultParameterScale : s_scales.FirstOrDefault(entry => entry.V1 == peftType).Scale ?? peftType;

    private static JsonObject Config(V1TrainConfig given, BaseModel model, string scale)
    {
        var config = new JsonObject();
        foreach (var (name, value) in given.Extra ?? new Dictionary<string, JsonElement>()) config[name] = JsonNode.Parse(value.GetRawText());
        if (given.Epoch is { } epoch) config["epoch"] = epoch;
        if (given.LearningRate is { } rate) config["learningRate"] = rate;
        if (given.BatchSize is { } batch) config["batchSize"] = batch;
        if (given.MaxSeqLen is { } length) config["maxSeqLen"] = Longest(length, model, scale);
        return config;
    }

    // The oldest clients always send what the cloud's models could hold. No row is longer than it may be when the limit is lower.
    private static int Longest(int length, BaseModel model, string scale)
    {
        if (!model.ParameterScales.TryGetValue(scale, out var limits) || !limits.TryGetValue("maxSeqLen", out var limit)) return Math.Min(length, model.ContextLength);
        if (limit.Choices is { } choices) return choices.Select(choice => choice.GetInt32()).Where(choice => choice <= length).DefaultIfEmpty(length).Max();
        return limit.Max is { } most && length > most ? (int)most : length;
    }

    private static FineTuningDatasetConfig Datasets(V1CreateJobRequest request)
    {
        if (request.Trainset.Any(dataset => dataset.Type != 1))
            throw new PlatformException(PlatformError.NotSupported, "param[trainset.type] invalid: this platform trains on its own datasets (1)", "trainset").As(ConsoleCodes.DatasetConfig);
        return new FineTuningDatasetConfig
        {
            SourceType = "Platform",
            Versions = [.. request.Trainset.Select(dataset => new FineTuningDatasetVersion { VersionId = dataset.Id })],
            SplitRatio = request.TrainsetRate ?? StandardSplit,
        };
    }

    private static long Seconds(DateTimeOffset from, DateTimeOffset to) => Math.Max(0, (long)(to - from).TotalSeconds);
}
