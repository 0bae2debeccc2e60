using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Qianfan.Platform.Data;
using Qianfan.Platform.Datasets;
using Qianfan.Platform.Files;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Platform.Services;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Platform.OpenAI;

/// <summary>Tasks that came by the OpenAI API.</summary>
internal sealed class FineTuningJobs(
    IDbContextFactory<PlatformDbContext> contexts, FileStore files, DatasetService datasets, DatasetImporter importer, FineTuningService fineTuning, TaskRows rows)
{
    private const string Prefix = "ftjob-";
    private const string TaskPrefix = "task-";
    private const int MostSuffix = 64;
    private const int MostMetadata = 16;
    private const double ValidationPercent = 10;

    /// <summary>A task and its status in OpenAI's words.</summary>
    internal sealed record Job(TaskRow Task, string Status);

    /// <summary>The id that clients see.</summary>
    public static string Id(TaskRow task) => Prefix + task.PublicId[TaskPrefix.Length..];

    /// <summary>Imports the file, and queues a task that trains on it.</summary>
    public async Task<Job> CreateAsync(PlatformKey key, FineTuningJobBody body, CancellationToken cancellationToken)
    {
        var ownerId = key.OwnerId;
        if (string.IsNullOrEmpty(body.TrainingFile)) throw PlatformException.Missing("training_file");
        if (string.IsNullOrEmpty(body.Model)) throw PlatformException.Missing("model");
        if (!string.IsNullOrEmpty(body.ValidationFile))
            throw new PlatformException(PlatformError.NotSupported, $"validation_file is not supported: {ValidationPercent:0} percent of the training file's rows are held out", "validation_file");
        if (body.Method?.Type is not (null or "supervised")) throw new PlatformException(PlatformError.NotSupported, "method.type must be supervised", "method.type");
        if (body.Metadata is { } metadata && (metadata.Count > MostMetadata || metadata.Any(entry => entry.Key.Length > 64 || entry.Value is null or { Length: > 512 })))
            throw PlatformException.Invalid("metadata", $"metadata must be at most {MostMetadata} texts of at most 512 characters, with names of at most 64");
        if (body.Suffix is { } suffix && (suffix.Length > MostSuffix || !suffix.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
            throw PlatformException.Invalid("suffix", $"suffix must be at most {MostSuffix} letters, digits, '-' or '_'");
        var model = fineTuning.Models.Get(body.Model, "model");
        var given = HyperParametersOf(model, body.Method?.Supervised?.HyperParameters ?? body.HyperParameters, body.Seed);
        var config = HyperParameters.Resolve(model, model.DefaultParameterScale, given, ValidationPercent);
        var file = await files.FindAsync(ownerId, body.TrainingFile, cancellationToken)
            ?? throw new PlatformException(PlatformError.InvalidArgument, $"training_file: there is no file {PlatformException.Shown(body.TrainingFile)}", "training_file");
        var dataset = await ImportAsync(ownerId, file, cancellationToken);
        var job = await fineTuning.CreateJobAsync(
            ownerId, new CreateFineTuningJobRequest { Name = $"openai {file.Name}", Model = model.Name, TrainMode = TrainMode.Sft }, modelLater: false, cancellationToken);
        var task = await fineTuning.EnqueueAsync(key, job, [rows.Usable(dataset)], null, new TaskRow
        {
            PublicId = PublicId.Task(),
            OwnerId = ownerId,
            JobId = job.Id,
            Origin = TaskOrigin.OpenAI,
            ParameterScale = model.DefaultParameterScale,
            HyperParameters = new JsonObject { ["n_epochs"] = config.Epochs, ["batch_size"] = config.BatchSize, ["learning_rate_multiplier"] = Multiplier(model, config.LearningRate) }.ToJsonString(),
            Config = JsonSerializer.Serialize(config, PlatformJson.Options),
            DatasetIds = dataset.PublicId,
            RowsHash = "",
            Suffix = body.Suffix,
            Metadata = body.Metadata is { Count: > 0 } ? JsonSerializer.Serialize(body.Metadata) : null,
            TrainingFileId = file.PublicId,
        }, cancellationToken);
        return await GetAsync(ownerId, task.PublicId, cancellationToken);
    }

    /// <summary>The owner's job.</summary>
    /// <exception cref="PlatformException">There is none.</exception>
    public async Task<Job> GetAsync(string ownerId, string id, CancellationToken cancellationToken)
    {
        var publicId = TaskId(id);
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return (await DescribeAsync(context, ownerId, context.Tasks.Where(task => task.OwnerId == ownerId && task.Origin == TaskOrigin.OpenAI && task.PublicId == publicId), cancellationToken)).SingleOrDefault()
            ?? throw PlatformException.NotFound("Fine-tuning job", id);
    }

    public async Task<IReadOnlyList<Job>> ListAsync(string ownerId, string? after, int limit, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var tasks = context.Tasks.Where(task => task.OwnerId == ownerId && task.Origin == TaskOrigin.OpenAI);
        if (!string.IsNullOrEmpty(after))
        {
            var publicId = TaskId(after);
            tasks = tasks.Where(task => task.Id < context.Tasks.Where(other => other.OwnerId == ownerId && other.PublicId == publicId).Select(other => other.Id).FirstOrDefault());
        }

        return await DescribeAsync(context, ownerId, tasks.OrderByDescending(task => task.Id).Take(limit), cancellationToken);
    }

    /// <summary>Events, newest first.</summary>
    public async Task<IReadOnlyList<TaskEventRow>> EventsAsync(TaskRow task, string? after, int limit, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var events = context.TaskEvents.AsNoTracking().Where(entry => entry.TaskId == task.Id);
        if (!string.IsNullOrEmpty(after))
        {
            if (!long.TryParse(after.Split('-')[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)) throw PlatformException.Invalid("after", "after must be the id of an event");
            events = events.Where(entry => entry.Sequence < sequence);
        }

        return await events.OrderByDescending(entry => entry.Sequence).Take(limit).ToListAsync(cancellationToken);
    }

    private static string TaskId(string id) => id.StartsWith(Prefix, StringComparison.Ordinal) ? TaskPrefix + id[Prefix.Length..] : id;

    private static async Task<IReadOnlyList<Job>> DescribeAsync(PlatformDbContext context, string ownerId, IQueryable<TaskRow> tasks, CancellationToken cancellationToken)
    {
        var rows = await tasks.AsNoTracking().Include(task => task.Job).ToListAsync(cancellationToken);
        var names = rows.Select(task => task.FineTunedModel).OfType<string>().ToList();
        var states = await context.Services.AsNoTracking().Where(service => service.OwnerId == ownerId && names.Contains(service.UrlSuffix)).ToDictionaryAsync(service => service.UrlSuffix, service => service.State, cancellationToken);
        return [.. rows.Select(task => new Job(task, Status(task, states)))];
    }

    private static string Status(TaskRow task, Dictionary<string, ServiceState> services) => task.State switch
    {
        TaskState.Waiting => "queued",
        TaskState.Running => "running",
        TaskState.Failed => "failed",
        TaskState.Stopped => task.Paused ? "paused" : "cancelled",
        // It has succeeded when its model answers.
        _ when task.FineTunedModel is null => "running",
        _ => services.TryGetValue(task.FineTunedModel, out var state) && state is ServiceState.New or ServiceState.Deploying ? "running" : "succeeded",
    };

    private static JsonObject HyperParametersOf(BaseModel model, FineTuningJobHyperParameters? given, int? seed)
    {
        var result = new JsonObject();
        if (Number(given?.Epochs, "n_epochs") is { } epochs) result["epoch"] = epochs;
        if (Number(given?.BatchSize, "batch_size") is { } batch) result["batchSize"] = batch;
        if (Number(given?.LearningRateMultiplier, "learning_rate_multiplier") is { } multiplier) result["learningRate"] = multiplier * StandardRate(model);
        if (seed is { } number) result["seed"] = number;
        return result;
    }

    private static double? Number(JsonElement? value, string name) => value switch
    {
        null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
        { ValueKind: JsonValueKind.String } text when text.GetString() == "auto" => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetDouble(out var parsed) && double.IsFinite(parsed) => parsed,
        _ => throw PlatformException.Invalid($"hyperparameters.{name}", $"hyperparameters.{name} must be a number or \"auto\""),
    };

    private static double Multiplier(BaseModel model, double rate) => rate / StandardRate(model);

    private static double StandardRate(BaseModel model) =>
        model.ParameterScales[model.DefaultParameterScale].TryGetValue("learningRate", out var limit) ? limit.Default.GetDouble() : 0.001;

    private async Task<DatasetRow> ImportAsync(string ownerId, FileRow file, CancellationToken cancellationToken)
    {
        var dataset = await datasets.CreateAsync(ownerId, new DatasetCreateRequest { Name = file.Name }, cancellationToken);
        await datasets.ImportAsync(ownerId, new DatasetImportRequest { DatasetId = dataset.PublicId, Files = [file.PublicId] }, cancellationToken);
        while (true)
        {
            var next = importer.NextImport();
            dataset = await datasets.GetAsync(ownerId, dataset.PublicId, cancellationToken);
            if (dataset.ImportStatus != DatasetImportStatus.Running) break;
            await next.WaitAsync(cancellationToken);
        }

        if (dataset.ImportStatus != DatasetImportStatus.Finished)
        {
            await datasets.DeleteAsync(ownerId, dataset.PublicId, cancellationToken);
            throw PlatformException.Invalid("training_file", $"training_file: {dataset.ImportErrorInfo}");
        }

        await datasets.ReleaseAsync(ownerId, dataset.PublicId, cancellationToken);
        return await datasets.GetAsync(ownerId, dataset.PublicId, cancellationToken);
    }
}
