using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Qianfan.Platform.Access;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Sdk.Protocol;
using Qianfan.WorkerProtocol;

namespace Qianfan.Platform.OpenAI;

/// <summary>OpenAI's fine-tuning API over our tasks: one queue, one table.</summary>
internal static class FineTuningJobsApi
{
    private const string Root = "/v1/fine_tuning/jobs";
    private const int MostListed = 100;

    public static void Map(RouteTable routes) => routes.Family(ApiFamilies.OpenAI)
        .Write("POST", Root, CreateAsync)
        .Read("GET", Root, ListAsync)
        .Read("GET", Root + "/{jobId}", GetAsync)
        .Write("POST", Root + "/{jobId}/cancel", CancelAsync)
        .Write("POST", Root + "/{jobId}/pause", PauseAsync)
        .Write("POST", Root + "/{jobId}/resume", ResumeAsync)
        .Read("GET", Root + "/{jobId}/events", EventsAsync)
        .Read("GET", Root + "/{jobId}/checkpoints", CheckpointsAsync);

    private static async Task<IResult> CreateAsync(Body<FineTuningJobBody> body, PlatformCaller caller, FineTuningJobs jobs, CancellationToken cancellationToken) =>
        Answers.Plain(Describe(await jobs.CreateAsync(caller.Key, body.Value, cancellationToken)));

    private static async Task<IResult> ListAsync(HttpContext context, string? after, int? limit, PlatformCaller caller, FineTuningJobs jobs, CancellationToken cancellationToken)
    {
        var most = Math.Clamp(limit ?? 20, 1, MostListed);
        var rows = await jobs.ListAsync(caller.OwnerId, after, most + 1, Metadata(context.Request.Query), cancellationToken);
        return Answers.Plain(new { @object = "list", data = rows.Take(most).Select(Describe), has_more = rows.Count > most });
    }

    /// <summary>What a list asks of the jobs' metadata: <c>metadata[team]=support</c>, or <c>metadata=null</c> for none.</summary>
    private static Dictionary<string, string>? Metadata(IQueryCollection query) => query["metadata"] == "null" ? null : query
        .Where(entry => entry.Key.StartsWith("metadata[", StringComparison.Ordinal) && entry.Key.EndsWith(']'))
        .ToDictionary(entry => entry.Key["metadata[".Length..^1], entry => entry.Value.ToString(), StringComparer.Ordinal);

    private static async Task<IResult> GetAsync(string jobId, PlatformCaller caller, FineTuningJobs jobs, CancellationToken cancellationToken) =>
        Answers.Plain(Describe(await jobs.GetAsync(caller.OwnerId, jobId, cancellationToken)));

    private static Task<IResult> CancelAsync(string jobId, PlatformCaller caller, FineTuningJobs jobs, FineTuningService service, CancellationToken cancellationToken) =>
        StopAsync(jobId, pause: false, caller, jobs, service, cancellationToken);

    private static Task<IResult> PauseAsync(string jobId, PlatformCaller caller, FineTuningJobs jobs, FineTuningService service, CancellationToken cancellationToken) =>
        StopAsync(jobId, pause: true, caller, jobs, service, cancellationToken);

    private static async Task<IResult> StopAsync(string jobId, bool pause, PlatformCaller caller, FineTuningJobs jobs, FineTuningService service, CancellationToken cancellationToken)
    {
        var task = (await jobs.GetAsync(caller.OwnerId, jobId, cancellationToken)).Task;
        if (!await service.StopAsync(caller.OwnerId, task.PublicId, pause, cancellationToken)) throw PlatformException.Conflict($"Job {jobId} has ended already");
        return Answers.Plain(Describe(await jobs.GetAsync(caller.OwnerId, jobId, cancellationToken)));
    }

    private static async Task<IResult> ResumeAsync(string jobId, PlatformCaller caller, FineTuningJobs jobs, FineTuningService service, CancellationToken cancellationToken)
    {
        var task = (await jobs.GetAsync(caller.OwnerId, jobId, cancellationToken)).Task;
        await service.ResumeAsync(caller.OwnerId, task.PublicId, cancellationToken);
        return Answers.Plain(Describe(await jobs.GetAsync(caller.OwnerId, jobId, cancellationToken)));
    }

    private static async Task<IResult> EventsAsync(string jobId, string? after, int? limit, PlatformCaller caller, FineTuningJobs jobs, CancellationToken cancellationToken)
    {
        var most = Math.Clamp(limit ?? 20, 1, MostListed);
        var task = (await jobs.GetAsync(caller.OwnerId, jobId, cancellationToken)).Task;
        var events = await jobs.EventsAsync(task, after, most + 1, cancellationToken);
        return Answers.Plain(new { @object = "list", data = events.Take(most).Select(entry => DescribeEvent(task, entry)), has_more = events.Count > most });
    }

    private static async Task<IResult> CheckpointsAsync(string jobId, string? after, int? limit, PlatformCaller caller, FineTuningJobs jobs, TaskStore store, CancellationToken cancellationToken)
    {
        var most = Math.Clamp(limit ?? 10, 1, MostListed);
        var job = await jobs.GetAsync(caller.OwnerId, jobId, cancellationToken);
        var standing = await store.StandingAsync(job.Task.Id, FineTuningTaskEventKinds.Checkpoint, cancellationToken);
        var newestFirst = standing.Reverse().Select((entry, index) => DescribeCheckpoint(job, entry.Time, FineTuningService.Checkpoint(entry.Data), index == 0)).ToList();
        var from = string.IsNullOrEmpty(after) ? 0 : newestFirst.FindIndex(entry => entry.Id == after) + 1;
        if (from == 0 && !string.IsNullOrEmpty(after)) throw PlatformException.Invalid("after", "after must be the id of a checkpoint of this job");
        var page = newestFirst.Skip(from).Take(most).ToList();
        return Answers.Plain(new { @object = "list", data = page, first_id = page.FirstOrDefault()?.Id, last_id = page.LastOrDefault()?.Id, has_more = newestFirst.Count > from + page.Count });
    }

    private static FineTuningJobObject Describe(FineTuningJobs.Job job) => new()
    {
        Id = FineTuningJobs.Id(job.Task),
        CreatedAt = job.Task.CreatedAt.ToUnixTimeSeconds(),
        FinishedAt = job.Status is "succeeded" or "failed" or "cancelled" ? job.Task.FinishedAt?.ToUnixTimeSeconds() : null,
        Model = job.Task.Job.Model,
        FineTunedModel = job.Status == "succeeded" ? job.Task.FineTunedModel : null,
        OrganizationId = job.Task.OwnerId,
        Status = job.Status,
        TrainingFile = job.Task.TrainingFileId,
        ValidationFile = job.Task.ValidationFileId,
        EstimatedFinish = job.Task.State == TaskState.Running ? job.ExpectedFinish?.ToUnixTimeSeconds() : null,
        ResultFiles = job.Task.ResultFileId is { } file ? [file] : [],
        HyperParameters = JsonNode.Parse(job.Task.HyperParameters),
        Method = new { type = "supervised", supervised = new { hyperparameters = JsonNode.Parse(job.Task.HyperParameters) } },
        Seed = JsonSerializer.Deserialize<TrainingConfig>(job.Task.Config, PlatformJson.Options)!.Seed,
        Metadata = job.Task.Metadata is { } metadata ? JsonNode.Parse(metadata) : null,
        TrainedTokens = job.Task.TrainedTokens,
        Suffix = job.Task.Suffix,
        Error = job.Task.ErrorMessage is { } message ? new { code = job.Task.ErrorCode, message, param = (string?)null } : null,
    };

    // The last one is the model; earlier ones are for going on from, and can't be called.
    private static FineTuningCheckpointObject DescribeCheckpoint(FineTuningJobs.Job job, DateTimeOffset time, FineTuningCheckpoint checkpoint, bool last) => new()
    {
        Id = $"ftckpt-{job.Task.PublicId["task-".Length..]}-{checkpoint.Step}",
        CreatedAt = time.ToUnixTimeSeconds(),
        JobId = FineTuningJobs.Id(job.Task),
        Model = last && job.Status == "succeeded" ? job.Task.FineTunedModel : null,
        Step = checkpoint.Step,
        Metrics = new { step = checkpoint.Step, train_loss = checkpoint.TrainingLoss, valid_loss = checkpoint.ValidationLoss },
    };

    private static object DescribeEvent(TaskRow task, TaskEventRow entry)
    {
        var data = JsonNode.Parse(entry.Data)!.AsObject();
        return new
        {
            @object = "fine_tuning.job.event",
            id = FineTuningJobs.EventId(task, entry.Sequence.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            created_at = entry.Time.ToUnixTimeSeconds(),
            level = entry.Kind == "log" ? Level((string?)data["level"]) : "info",
            message = Message(entry.Kind, data),
            type = entry.Kind is "metric" or "validation" ? "metrics" : "message",
            data = entry.Kind switch
            {
                "metric" => new JsonObject { ["step"] = data["step"]!.DeepClone(), ["total_steps"] = data["totalSteps"]!.DeepClone(), ["train_loss"] = data["loss"]?.DeepClone() },
                "validation" => new JsonObject { ["step"] = data["step"]!.DeepClone(), ["valid_loss"] = data["loss"]?.DeepClone() },
                _ => data,
            },
        };
    }

    private static string Level(string? level) => level switch
    {
        "warning" => "warn",
        "error" => "error",
        _ => "info",
    };

    private static string Message(string kind, JsonObject data) => kind switch
    {
        "metric" => $"Step {data["step"]}/{data["totalSteps"]}: training loss={data["loss"]}",
        "validation" => $"Step {data["step"]}: validation loss={data["loss"]}",
        "checkpoint" => $"Checkpoint after step {data["step"]}",
        "started" => $"Training starts at step {data["fromStep"]} of {data["totalSteps"]}",
        "status" => $"{data["runStatus"]} {data["runProgress"]}",
        _ => (string?)data["message"] ?? "",
    };
}

/// <summary>A job as OpenAI shows it; members that are null stand there as null.</summary>
internal sealed record FineTuningJobObject
{
    [JsonPropertyName("object")]
    public string Object { get; } = "fine_tuning.job";

    [JsonPropertyName("id")]
    public required string Id { get; init; }

    [JsonPropertyName("created_at")]
    public required long CreatedAt { get; init; }

    [JsonPropertyName("finished_at"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required long? FinishedAt { get; init; }

    [JsonPropertyName("model")]
    public required string Model { get; init; }

    [JsonPropertyName("fine_tuned_model"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? FineTunedModel { get; init; }

    [JsonPropertyName("organization_id")]
    public required string OrganizationId { get; init; }

    [JsonPropertyName("status")]
    public required string Status { get; init; }

    [JsonPropertyName("training_file")]
    public required string? TrainingFile { get; init; }

    [JsonPropertyName("validation_file"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? ValidationFile { get; init; }

    [JsonPropertyName("result_files")]
    public required IReadOnlyList<string> ResultFiles { get; init; }

    [JsonPropertyName("seed")]
    public required long Seed { get; init; }

    [JsonPropertyName("method")]
    public required object Method { get; init; }

    [JsonPropertyName("metadata"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required JsonNode? Metadata { get; init; }

    [JsonPropertyName("integrations")]
    public IReadOnlyList<object> Integrations { get; } = [];

    [JsonPropertyName("estimated_finish"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required long? EstimatedFinish { get; init; }

    [JsonPropertyName("hyperparameters")]
    public required JsonNode? HyperParameters { get; init; }

    [JsonPropertyName("trained_tokens"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required long? TrainedTokens { get; init; }

    [JsonPropertyName("user_provided_suffix"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? Suffix { get; init; }

    [JsonPropertyName("error"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required object? Error { get; init; }
}

/// <summary>A checkpoint as OpenAI shows it.</summary>
internal sealed record FineTuningCheckpointObject
{
    [JsonPropertyName("object")]
    public string Object { get; } = "fine_tuning.job.checkpoint";

    [JsonPropertyName("id")]
    public required string Id { get; init; }

    [JsonPropertyName("created_at")]
    public required long CreatedAt { get; init; }

    [JsonPropertyName("fine_tuning_job_id")]
    public required string JobId { get; init; }

    [JsonPropertyName("fine_tuned_model_checkpoint"), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? Model { get; init; }

    [JsonPropertyName("step_number")]
    public required int Step { get; init; }

    [JsonPropertyName("metrics")]
    public required object Metrics { get; init; }
}

/// <summary>The body that makes a job.</summary>
internal sealed record FineTuningJobBody
{
    [JsonPropertyName("training_file")]
    public string? TrainingFile { get; init; }

    [JsonPropertyName("validation_file")]
    public string? ValidationFile { get; init; }

    [JsonPropertyName("model")]
    public string? Model { get; init; }

    [JsonPropertyName("suffix")]
    public string? Suffix { get; init; }

    [JsonPropertyName("seed")]
    public int? Seed { get; init; }

    [JsonPropertyName("metadata")]
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    [JsonPropertyName("hyperparameters")]
    public FineTuningJobHyperParameters? HyperParameters { get; init; }

    [JsonPropertyName("method")]
    public FineTuningJobMethod? Method { get; init; }
}

/// <summary>How a job trains.</summary>
internal sealed record FineTuningJobMethod
{
    [JsonPropertyName("type")]
    public string? Type { get; init; }

    [JsonPropertyName("supervised")]
    public FineTuningJobSupervised? Supervised { get; init; }
}

/// <summary>The supervised method.</summary>
internal sealed record FineTuningJobSupervised
{
    [JsonPropertyName("hyperparameters")]
    public FineTuningJobHyperParameters? HyperParameters { get; init; }
}

/// <summary>A job's hyper-parameters; each may be the text <c>auto</c>.</summary>
internal sealed record FineTuningJobHyperParameters
{
    [JsonPropertyName("n_epochs")]
    public JsonElement? Epochs { get; init; }

    [JsonPropertyName("batch_size")]
    public JsonElement? BatchSize { get; init; }

    [JsonPropertyName("learning_rate_multiplier")]
    public JsonElement? LearningRateMultiplier { get; init; }
}
