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
    IDbContextFactory<PlatformDbContext> contexts, FileStore files, DatasetService datasets, DatasetImporter importer, FineTuningService fineTuning, TaskRows rows, TrainingQueue queue)
{
    private const string Prefix = "ftjob-";
    private const string TaskPrefix = "task-";
    private const int MostSuffix = 64;
    private const int MostMetadata = 16;
    private const double ValidationPercent = 10;

    /// <summary>A task and its status in OpenAI's words.</summary>
    internal sealed record Job(TaskRow Task, string Status, DateTimeOffset? ExpectedFinish);

    /// <summary>The id that clients see.</summary>
    public static string Id(TaskRow task) => Prefix + task.PublicId[TaskPrefix.Length..];

    /// <summary>Imports the file, and queues a task that trains on it.</summary>
    public async Task<Job> CreateAsync(PlatformKey key, FineTuningJobBody body, CancellationToken cancellationToken)
    {
        var ownerId = key.OwnerId;
        if (string.IsNullOrEmpty(body.TrainingFile)) throw PlatformException.Missing("training_file");
        if (string.IsNullOrEmpty(body.Model)) throw PlatformException.Missing("model");
        if (body.Method?.Type is not (null or "supervised")) throw new PlatformException(PlatformError.NotSupported, "method.type must be supervised", "method.type");
        if (body.Metadata is { } metadata && (metadata.Count > MostMetadata || metadata.Any(entry => entry.Key.Length > 64 || entry.Value is null or { Length: > 512 })))
            throw PlatformException.Invalid("metadata", $"metadata must be at most {MostMetadata} texts of at most 512 characters, with names of at most 64");
        if (body.Suffix is { } suffix && (suffix.Length > MostSuffix || !suffix.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
            throw PlatformException.Invalid("suffix", $"suffix must be at most {MostSuffix} letters, digits, '-' or '_'");
        var model = fineTuning.Models.Get(body.Model, "model");
        var config = Resolve(model, body);
        var file = await FindFileAsync(ownerId, body.TrainingFile, "training_file", cancellationToken);
        var validationFile = string.IsNullOrEmpty(body.ValidationFile) ? null : await FindFileAsync(ownerId, body.ValidationFile, "validation_file", cancellationToken);
        var dataset = await ImportAsync(ownerId, file, "training_file", cancellationToken);
        var validation = validationFile is null ? null : await ImportValidationAsync(ownerId, validationFile, dataset, cancellationToken);
        var job = await fineTuning.CreateJobAsync(
            ownerId, new CreateFineTuningJobRequest { Name = $"openai {file.Name}", Model = model.Name, TrainMode = TrainMode.Sft }, modelLater: false, cancellationToken);
        var task = await fineTuning.EnqueueAsync(key, job, [rows.Usable(dataset, job)], null, new TaskRow
        {
            PublicId = PublicId.Task(),
            OwnerId = ownerId,
            JobId = job.Id,
            Origin = TaskOrigin.OpenAI,
            ParameterScale = model.DefaultParameterScale,
            HyperParameters = new JsonObject { ["n_epochs"] = config.Epochs, ["batch_size"] = config.BatchSize, ["learning_rate_multiplier"] = Multiplier(model, config.LearningRate) }.ToJsonString(),
            Config = JsonSerializer.Serialize(config, PlatformJson.Options),
            DatasetIds = validation is null ? dataset.PublicId : $"{dataset.PublicId},{validation.PublicId}",
            RowsHash = "",
            Suffix = body.Suffix,
            Metadata = body.Metadata is { Count: > 0 } ? JsonSerializer.Serialize(body.Metadata) : null,
            TrainingFileId = file.PublicId,
            ValidationFileId = validationFile?.PublicId,
        }, cancellationToken, validation is null ? null : rows.Usable(validation, job));
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

    /// <summary>Jobs, newest first.</summary>
    /// <param name="ownerId">The owner.</param>
    /// <param name="after">The job before them, or null.</param>
    /// <param name="limit">Most of them.</param>
    /// <param name="metadata">What their metadata must have; null for those without any, empty for all.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    public async Task<IReadOnlyList<Job>> ListAsync(string ownerId, string? after, int limit, IReadOnlyDictionary<string, string>? metadata, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        var tasks = context.Tasks.Where(task => task.OwnerId == ownerId && task.Origin == TaskOrigin.OpenAI);
        if (!string.IsNullOrEmpty(after))
        {
            var publicId = TaskId(after);
            var last = await tasks.Where(task => task.PublicId == publicId).Select(task => (int?)task.Id).SingleOrDefaultAsync(cancellationToken)
                ?? throw PlatformException.Invalid("after", $"after must be the id of a job, and there is no {PlatformException.Shown(after)}");
            tasks = tasks.Where(task => task.Id < last);
        }

        if (metadata is null) tasks = tasks.Where(task => task.Metadata == null);
        foreach (var (name, value) in metadata ?? new Dictionary<string, string>())
        {
            // Quotes within texts are escaped, so that this stands there as a member or not at all.
            var member = $"{JsonSerializer.Serialize(name)}:{JsonSerializer.Serialize(value)}";
            tasks = tasks.Where(task => task.Metadata!.Contains(member));
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
            var prefix = EventId(task, "");
            if (!after.StartsWith(prefix, StringComparison.Ordinal) || !long.TryParse(after[prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
                throw PlatformException.Invalid("after", "after must be the id of an event of this job");
            events = events.Where(entry => entry.Sequence < sequence);
        }

        return await events.OrderByDescending(entry => entry.Sequence).Take(limit).ToListAsync(cancellationToken);
    }

    /// <summary>The id of an event that clients see.</summary>
    public static string EventId(TaskRow task, string sequence) => $"ftevent-{task.PublicId[TaskPrefix.Length..]}-{sequence}";

    private static string TaskId(string id) => id.StartsWith(Prefix, StringComparison.Ordinal) ? TaskPrefix + id[Prefix.Length..] : id;

    private async Task<IReadOnlyList<Job>> DescribeAsync(PlatformDbContext context, string ownerId, IQueryable<TaskRow> tasks, CancellationToken cancellationToken)
    {
        var rows = await tasks.AsNoTracking().Include(task => task.Job).ToListAsync(cancellationToken);
        var names = rows.Select(task => task.FineTunedModel).OfType<string>().ToList();
        var states = await context.Services.AsNoTracking().Where(service => service.OwnerId == ownerId && names.Contains(service.UrlSuffix)).ToDictionaryAsync(service => service.UrlSuffix, service => service.State, cancellationToken);
        var expected = rows.Exists(task => task.State == TaskState.Running) ? await queue.ForecastAsync(cancellationToken) : new Dictionary<int, Expected>();
        return [.. rows.Select(task => new Job(task, Status(task, states), expected.GetValueOrDefault(task.Id).Finish))];
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

    /// <summary>The worker's configuration. What is left out or <c>auto</c> is the base model's default.</summary>
    private static WorkerProtocol.TrainingConfig Resolve(BaseModel model, FineTuningJobBody body)
    {
        var (place, given) = body.Method?.Supervised?.HyperParameters is { } supervised ? ("method.supervised.hyperparameters", supervised) : ("hyperparameters", body.HyperParameters);
        var names = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["epoch"] = $"{place}.n_epochs", ["batchSize"] = $"{place}.batch_size", ["learningRate"] = $"{place}.learning_rate_multiplier", ["seed"] = "seed",
        };
        var result = new JsonObject();
        if (Number(given?.Epochs, names["epoch"]) is { } epochs) result["epoch"] = epochs;
        if (Number(given?.BatchSize, names["batchSize"]) is { } batch) result["batchSize"] = batch;
        if (Number(given?.LearningRateMultiplier, names["learningRate"]) is { } multiplier) result["learningRate"] = multiplier * StandardRate(model);
        if (body.Seed is { } seed) result["seed"] = seed;
        var percent = string.IsNullOrEmpty(body.ValidationFile) ? ValidationPercent : 0;
        try
        {
            return HyperParameters.Resolve(model, TrainMode.Sft, model.DefaultParameterScale, result, percent);
        }
        catch (PlatformException exception) when (exception.Parameter?.Split('.')[^1] is { } key && names.TryGetValue(key, out var name))
        {
            // In this API's own words.
            throw PlatformException.Invalid(name, exception.Message.Replace($"param[{exception.Parameter}]", key == "learningRate" ? $"{name}: the learning rate" : name, StringComparison.Ordinal));
        }
    }

    private static double? Number(JsonElement? value, string name) => value switch
    {
        null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
        { ValueKind: JsonValueKind.String } text when text.GetString() == "auto" => null,
        { ValueKind: JsonValueKind.Number } number when number.TryGetDouble(out var parsed) && double.IsFinite(parsed) => parsed,
        _ => throw PlatformException.Invalid(name, $"{name} must be a number or \"auto\""),
    };

    private async Task<FileRow> FindFileAsync(string ownerId, string id, string parameter, CancellationToken cancellationToken) =>
        await files.FindAsync(ownerId, id, cancellationToken) ?? throw PlatformException.Invalid(parameter, $"{parameter}: there is no file {PlatformException.Shown(id)}");

    // A job that can't be made leaves nothing behind.
    private async Task<DatasetRow> ImportValidationAsync(string ownerId, FileRow file, DatasetRow dataset, CancellationToken cancellationToken)
    {
        try
        {
            return await ImportAsync(ownerId, file, "validation_file", cancellationToken);
        }
        catch (PlatformException)
        {
            await datasets.DeleteAsync(ownerId, dataset.PublicId, CancellationToken.None);
            throw;
        }
    }

    private static double Multiplier(BaseModel model, double rate) => rate / StandardRate(model);

    private static double StandardRate(BaseModel model) =>
        model.ParameterScales[model.DefaultParameterScale].TryGetValue("learningRate", out var limit) ? limit.Default.GetDouble() : 0.001;

    private async Task<DatasetRow> ImportAsync(string ownerId, FileRow file, string parameter, CancellationToken cancellationToken)
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
            throw PlatformException.Invalid(parameter, $"{parameter}: {dataset.ImportErrorInfo}");
        }

        await datasets.ReleaseAsync(ownerId, dataset.PublicId, cancellationToken);
        return await datasets.GetAsync(ownerId, dataset.PublicId, cancellationToken);
    }
}
