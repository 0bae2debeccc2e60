using System.Globalization;
using System.Text.Json.Nodes;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <content>Creates the job and the task, and makes a task that ended go on.</content>
public sealed partial class TrainAction
{
    private async Task CreateAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        await ResolveAsync(cancellationToken).ConfigureAwait(false);
        var datasets = DatasetsOf(input);
        if (_jobId is null)
        {
            await CreateJobAsync(run, cancellationToken).ConfigureAwait(false);
        }

        run.ThrowIfStopRequested();
        await CreateTaskAsync(datasets, input, run, cancellationToken).ConfigureAwait(false);
    }

    private async Task ResolveAsync(CancellationToken cancellationToken)
    {
        await ResolvePreviousAsync(cancellationToken).ConfigureAwait(false);
        if (string.IsNullOrEmpty(_trainType))
        {
            throw new InvalidArgumentException("The train type (base model) must be given.");
        }

        var faults = new List<string>();
        var model = await FindModelAsync(_trainType, faults, cancellationToken).ConfigureAwait(false);
        var config = _config ?? model.DefaultConfig();
        config = config with { PeftType = config.PeftType?.Normalized ?? model.DefaultPeftType };
        faults.AddRange(model.Validate(config));
        if (faults.Count > 0 && _options.ValidateStrict)
        {
            throw new InvalidArgumentException("The train config is invalid: " + string.Join(' ', faults));
        }

        if (faults.Count > 0)
        {
            await RunningAsync("config outside the limits", new JsonObject { ["warnings"] = new JsonArray([.. faults.Select(f => JsonValue.Create(f))]) }, cancellationToken).ConfigureAwait(false);
        }

        Mutate(() =>
        {
            _config = config;
            _model = model;
            _baseModel ??= model.BaseModel;
        });
    }

    private async Task<ModelInfo> FindModelAsync(string trainType, List<string> faults, CancellationToken cancellationToken)
    {
        try
        {
            return await Api.FindModelAsync(trainType, _mode, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidArgumentException e) when (!_options.ValidateStrict && _config?.PeftType is not null)
        {
            // The platform decides.
            faults.Add(e.Message);
            return ModelInfo.Unknown(trainType, _baseModel, _mode, _config.PeftType.Value);
        }
    }

    /// <summary>Incremental training takes the base model of the previous task and, when it is of the same kind, its job.</summary>
    private async Task ResolvePreviousAsync(CancellationToken cancellationToken)
    {
        if (_previousTaskId is null && _options.PreviousModelId is { } modelId)
        {
            var model = await _client.Models.DescribeModelAsync(modelId, cancellationToken).ConfigureAwait(false);
            var source = model.SourceInfo?.TrainTaskId ?? throw new InvalidArgumentException($"The model {modelId} comes from no training that could go on.");
            Mutate(() => _previousTaskId = source);
        }

        if (_previousTaskId is null)
        {
            return;
        }

        if (_client.Options.ApiVersion == ApiVersion.V1)
        {
            throw new InvalidArgumentException("V1 knows no incremental training: ask for ApiVersion.V2.");
        }

        var previous = await DescribeAsync(_previousTaskId, cancellationToken).ConfigureAwait(false);
        if (_jobId is not null || previous.TrainMode != _mode || previous.JobId.Length == 0)
        {
            Mutate(() => _trainType ??= previous.Model);
            return;
        }

        Mutate(() =>
        {
            _trainType ??= previous.Model;
            _jobId = previous.JobId;
            _ownJob = false;
        });
    }

    private async Task CreateJobAsync(ActionRun run, CancellationToken cancellationToken)
    {
        var isV1 = _client.Options.ApiVersion == ApiVersion.V1;
        var name = RemoteNames.Create(_jobName, isV1 ? "task" : "job", Id, run.Number, isV1 ? RemoteNames.LengthOfV1Task : RemoteNames.MaxLength);
        var order = new JobOrder(name, _model!, _mode, _description);
        await RunningAsync("create job", new JsonObject { ["create"] = "CreateFineTuningJob", ["done"] = false, ["name"] = name }, cancellationToken).ConfigureAwait(false);
        var job = await CreateOnce.RunAsync(
            run.IsResumed,
            () => Api.FindJobAsync(order, cancellationToken),
            () => Api.CreateJobAsync(order, cancellationToken),
            run,
            _client.Options.ConsoleRetry,
            cancellationToken).ConfigureAwait(false);
        Mutate(() => _jobId = job);
        await RunningAsync("job created", new JsonObject { ["create"] = "CreateFineTuningJob", ["done"] = true, ["name"] = name, ["job_id"] = job }, cancellationToken).ConfigureAwait(false);
    }

    private async Task CreateTaskAsync(FineTuningDatasetConfig datasets, JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        var jobId = _jobId!;
        if (_knownTasks is null)
        {
            // A job that isn't ours has tasks of others in it: which one is ours shows by which were there before.
            List<string> known = _ownJob ? [] : [.. await Api.ListTasksAsync(jobId, cancellationToken).ConfigureAwait(false)];
            Mutate(() => _knownTasks = known);
        }

        var order = new TaskOrder
        {
            JobId = jobId,
            Model = _model!,
            Mode = _mode,
            Config = _config!,
            Datasets = datasets,
            Description = _description,
            IncrementTaskId = _continueFrom ?? _previousTaskId,
            IncrementCheckpointStep = _continueFrom is null ? null : _continueStep,
            Corpus = (JsonObject?)(input["corpus_config"] as JsonObject)?.DeepClone(),
            Extras = (JsonObject?)_options.TrainExtras?.DeepClone(),
        };
        await RunningAsync("create task", new JsonObject { ["create"] = "CreateFineTuningTask", ["done"] = false, ["job_id"] = jobId }, cancellationToken).ConfigureAwait(false);
        var task = await CreateOnce.RunAsync(
            run.IsResumed,
            () => Api.FindTaskAsync(jobId, _knownTasks!, cancellationToken),
            () => Api.CreateTaskAsync(order, cancellationToken),
            run,
            _client.Options.ConsoleRetry,
            cancellationToken).ConfigureAwait(false);
        Mutate(() =>
        {
            _taskId = task;
            _cursor = 0;
        });
        await RunningAsync("task created", new JsonObject { ["create"] = "CreateFineTuningTask", ["done"] = true, ["job_id"] = jobId, ["task_id"] = task }, cancellationToken).ConfigureAwait(false);
    }

    private FineTuningDatasetConfig DatasetsOf(JsonObject input)
    {
        var config = input["datasets"] as JsonObject;
        var versions = input["datasets"] switch
        {
            JsonObject => (config!["versions"] as JsonArray ?? []).OfType<JsonObject>().Select(Version),
            // The seed's form: [{"type": 1, "id": 111}].
            JsonArray seed => seed.OfType<JsonObject>().Select(d => new FineTuningDatasetVersion { VersionId = d["id"]?.ToString() }),
            _ => throw new InvalidArgumentException("There are no datasets to train on: the input needs \"datasets\"."),
        };
        List<FineTuningDatasetVersion> list = [.. versions];
        if (list.Count == 0 || list.Any(v => v.VersionId is null && v.VersionBosUri is null))
        {
            throw new InvalidArgumentException("There are no datasets to train on: \"datasets\" needs \"versions\".");
        }

        var split = config?["splitRatio"] is JsonValue ratio && double.TryParse(ratio.ToString(), CultureInfo.InvariantCulture, out var percent)
            ? percent
            : _config!.TrainsetRate;
        return new FineTuningDatasetConfig { SourceType = config?["sourceType"]?.ToString() ?? "Platform", Versions = list, SplitRatio = split };
    }

    private static FineTuningDatasetVersion Version(JsonObject version) => new()
    {
        VersionId = version["versionId"]?.ToString(),
        VersionBosUri = version["versionBosUri"]?.ToString(),
        SamplingRate = version["samplingRate"] is JsonValue rate && double.TryParse(rate.ToString(), CultureInfo.InvariantCulture, out var value) ? value : null,
    };

    /// <summary>Makes a task that was stopped or failed go on.</summary>
    private async Task ContinueEndedTaskAsync(ActionRun run, CancellationToken cancellationToken)
    {
        var taskId = _taskId!;
        var task = await DescribeAsync(taskId, cancellationToken).ConfigureAwait(false);
        if (task.RunStatus != FineTuningRunStatus.Done && _client.Options.PlatformExtensions)
        {
            // Also when it runs: it may be about to stop. Our platform takes a task that goes on as resumed.
            run.ThrowIfStopRequested();
            await RunningAsync("resume task", new JsonObject { ["resume"] = "ResumeFineTuningTask", ["task_id"] = taskId, ["job_id"] = _jobId }, cancellationToken).ConfigureAwait(false);
            await ResumeRemoteAsync(taskId, cancellationToken).ConfigureAwait(false);
        }
        else if (task.RunStatus == FineTuningRunStatus.Stopped || task.RunStatus == FineTuningRunStatus.Failed)
        {
            run.ThrowIfStopRequested();
            var step = task.CheckpointList is { Count: > 0 } checkpoints
                ? checkpoints.Max(c => c.Step)
                : throw new InvalidArgumentException($"The task {taskId} can't go on: this platform resumes a training from a checkpoint only, and the task left none. Start a new run.");
            Mutate(() =>
            {
                (_knownTasks ??= []).Add(taskId);
                _continueFrom = taskId;
                _continueStep = step;
                _taskId = null;
            });
        }

        Mutate(() => _resumePending = false);
    }

    private async Task ResumeRemoteAsync(string taskId, CancellationToken cancellationToken)
    {
        try
        {
            await _client.FineTuning.ResumeTaskAsync(taskId, cancellationToken).ConfigureAwait(false);
        }
        catch (QianfanException e) when (e is not QianfanAuthenticationException)
        {
            var task = await DescribeAsync(taskId, cancellationToken).ConfigureAwait(false);
            // A task that finished meanwhile is refused; an answer that got lost shows in a task that goes on.
            var goesOn = task.RunStatus == FineTuningRunStatus.Done || (e is QianfanRequestException && !task.RunStatus.IsTerminal);
            if (!goesOn)
            {
                throw;
            }
        }
    }
}
