using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Makes sure that a dataset is on the platform, imported and released.</summary>
/// <remarks>Input: none. Output: <c>{"datasets": {"sourceType": "Platform", "versions": [{"versionId": "ds-..."}], "splitRatio"?}}</c>. A local file is uploaded: to our platform as it is, to the cloud through object storage in Qianfan's form. Seed: <c>qianfan.trainer.actions.LoadDataSetAction</c>.</remarks>
public sealed class LoadDataSetAction : BaseAction
{
    private const int SftTemplate = 2000;
    private const int PatientPolls = 30;
    private readonly QianfanClient _client;
    private Dataset? _dataset;
    private double? _splitRatio;
    private string? _source;
    private string? _datasetId;

    /// <summary>Creates the action.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="dataset">The rows.</param>
    /// <param name="splitRatio">Percent of the rows held out for validation, 0 to 100; when null the train config's.</param>
    /// <param name="id">Id; random when null.</param>
    /// <param name="name">Name of the action.</param>
    /// <param name="eventHandler">Hears the events.</param>
    public LoadDataSetAction(QianfanClient client, Dataset? dataset, double? splitRatio = null, string? id = null, string? name = null, IEventHandler? eventHandler = null)
        : base(id, name, eventHandler, client?.Time)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _dataset = dataset;
        _splitRatio = splitRatio;
        _datasetId = dataset?.Id;
    }

    /// <summary>The dataset on the platform (<c>ds-...</c>), once known.</summary>
    public string? DatasetId => Volatile.Read(ref _datasetId);

    /// <inheritdoc/>
    protected override async Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (_dataset is null)
        {
            throw new InvalidArgumentException("There is no dataset to load.");
        }

        if (_dataset.FilePath is not null && _dataset.Id is null)
        {
            await SaveFileAsync(_dataset, run, cancellationToken).ConfigureAwait(false);
        }

        var info = await WaitForImportAsync(run, cancellationToken).ConfigureAwait(false);
        Check(info.VersionInfo);
        await ReleaseAsync(info.VersionInfo, run, cancellationToken).ConfigureAwait(false);
        var datasets = new JsonObject
        {
            ["sourceType"] = "Platform",
            ["versions"] = new JsonArray(new JsonObject { ["versionId"] = _datasetId }),
        };
        if (_splitRatio is { } ratio)
        {
            datasets["splitRatio"] = ratio;
        }

        return new JsonObject { ["datasets"] = datasets };
    }

    /// <inheritdoc/>
    protected override void ResetState()
    {
        _source = null;
        _datasetId = _dataset?.Id;
    }

    /// <inheritdoc/>
    protected override void SaveState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state["dataset"] = _dataset is null ? null : new JsonObject { ["id"] = _dataset.Id, ["file"] = _dataset.FilePath, ["name"] = _dataset.Name };
        state["split_ratio"] = _splitRatio;
        state["source"] = _source;
        state["dataset_id"] = _datasetId;
    }

    /// <inheritdoc/>
    protected override void LoadState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state["dataset"] is JsonObject dataset)
        {
            _dataset = StateFormat.Text(dataset, "file") is { } file ? Dataset.FromFile(file, StateFormat.Text(dataset, "name")) : Dataset.Load(StateFormat.RequiredText(dataset, "id"));
            if (_dataset.FilePath is not null && StateFormat.Text(dataset, "id") is { } id)
            {
                _dataset.Saved(id);
            }
        }

        _splitRatio = state["split_ratio"]?.GetValue<double>();
        _source = StateFormat.Text(state, "source");
        _datasetId = StateFormat.Text(state, "dataset_id");
    }

    private async Task SaveFileAsync(Dataset dataset, ActionRun run, CancellationToken cancellationToken)
    {
        var name = RemoteNames.Create(dataset.Name, "dataset", Id, run.Number);
        if (_source is null)
        {
            var summary = await dataset.ValidateAsync(cancellationToken).ConfigureAwait(false);
            if (summary.BadRows > 0)
            {
                var first = summary.Errors[0];
                throw new InvalidArgumentException($"{summary.BadRows} of {summary.GoodRows + summary.BadRows} rows can't be used. The first is on line {first.Line}: {first.Message}");
            }

            run.ThrowIfStopRequested();
            await RunningAsync("upload", new JsonObject { ["create"] = "upload", ["done"] = false, ["name"] = name }, cancellationToken).ConfigureAwait(false);
            var source = await UploadAsync(dataset, name, cancellationToken).ConfigureAwait(false);
            Mutate(() => _source = source);
            await RunningAsync("uploaded", new JsonObject { ["create"] = "upload", ["done"] = true, ["name"] = name, ["file"] = source }, cancellationToken).ConfigureAwait(false);
        }

        if (_datasetId is null)
        {
            run.ThrowIfStopRequested();
            await RunningAsync("create dataset", new JsonObject { ["create"] = "dataset/create", ["done"] = false, ["name"] = name }, cancellationToken).ConfigureAwait(false);
            var created = await CreateOnce.RunAsync(
                run.IsResumed,
                () => FindAsync(name, cancellationToken),
                async () => (await _client.Datasets.CreateAsync(new DatasetCreateRequest { Name = name }, cancellationToken).ConfigureAwait(false)).DatasetId,
                run,
                _client.Options.ConsoleRetry,
                cancellationToken).ConfigureAwait(false);
            Mutate(() => _datasetId = created);
            await RunningAsync("dataset created", new JsonObject { ["create"] = "dataset/create", ["done"] = true, ["name"] = name, ["dataset_id"] = created }, cancellationToken).ConfigureAwait(false);
        }

        await ImportAsync(run, cancellationToken).ConfigureAwait(false);
        dataset.Saved(_datasetId!);
    }

    /// <summary>The cloud's V1 can't look datasets up by name; there, an empty one may be left behind by a crash at this very moment.</summary>
    private async Task<string?> FindAsync(string name, CancellationToken cancellationToken)
    {
        if (!_client.Options.PlatformExtensions)
        {
            return null;
        }

        var found = await _client.Datasets.ListAsync(new DatasetListRequest { Name = name, PageSize = 100 }, cancellationToken).ConfigureAwait(false);
        return found.Items.FirstOrDefault(d => d.Name == name)?.VersionInfo.DatasetPK;
    }

    private async Task<string> UploadAsync(Dataset dataset, string name, CancellationToken cancellationToken)
    {
        var fileName = name + ".jsonl";
        if (_client.Options.PlatformExtensions)
        {
            var stream = dataset.OpenFile();
            await using (stream.ConfigureAwait(false))
            {
                return (await _client.Files.UploadAsync(stream, fileName, "fine-tune", cancellationToken).ConfigureAwait(false)).Id;
            }
        }

        var bucket = _client.Options.Bos.Bucket ?? throw new InvalidArgumentException("To bring a local file to the cloud, set Bos.Bucket in the options.");
        var copy = new FileStream(Path.GetTempFileName(), FileMode.Create, FileAccess.ReadWrite, FileShare.None, 128 * 1024, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
        await using (copy.ConfigureAwait(false))
        {
            await dataset.WriteQianfanAsync(copy, cancellationToken).ConfigureAwait(false);
            copy.Position = 0;
            return await _client.Bos.PutObjectAsync(bucket, _client.Options.Bos.Prefix + fileName, copy, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ImportAsync(ActionRun run, CancellationToken cancellationToken)
    {
        var polls = run.IsResumed ? 3 : 0;
        for (var i = 0; i < polls; i++)
        {
            // The import may have been asked for before the interruption, and be about to begin.
            var info = await InfoAsync(cancellationToken).ConfigureAwait(false);
            if (info.VersionInfo.ImportStatus != DatasetImportStatus.NotStarted)
            {
                return;
            }

            await run.DelayAsync(_client.Options.DatasetPoll, cancellationToken).ConfigureAwait(false);
        }

        run.ThrowIfStopRequested();
        await _client.Datasets.ImportAsync(new DatasetImportRequest { DatasetId = _datasetId!, Files = [_source!] }, cancellationToken).ConfigureAwait(false);
    }

    private async Task<DatasetInfo> WaitForImportAsync(ActionRun run, CancellationToken cancellationToken)
    {
        for (var polls = 0; ; polls++)
        {
            var info = await InfoAsync(cancellationToken).ConfigureAwait(false);
            var version = info.VersionInfo;
            switch (version.ImportStatus)
            {
                case DatasetImportStatus.Finished:
                    return info;
                case DatasetImportStatus.NotStarted when polls >= PatientPolls:
                    throw new InvalidArgumentException($"The dataset {_datasetId} has no rows: nothing was imported into it.");
                case DatasetImportStatus.NotStarted or DatasetImportStatus.Initialized or DatasetImportStatus.Running:
                    break;
                default:
                    var reason = string.IsNullOrEmpty(version.ImportErrorInfo) ? "" : ": " + version.ImportErrorInfo;
                    throw new InternalErrorException($"[load_dataset_action]the rows of dataset {_datasetId} could not be imported (error {version.ErrCode}){reason}");
            }

            run.ThrowIfStopRequested();
            await run.DelayAsync(_client.Options.DatasetPoll, cancellationToken).ConfigureAwait(false);
        }
    }

    private Task<DatasetInfo> InfoAsync(CancellationToken cancellationToken) =>
        Outage.PatientlyAsync(_client, () => _client.Datasets.GetInfoAsync(_datasetId!, cancellationToken), cancellationToken);

    private void Check(DatasetVersionInfo version)
    {
        if (version.TemplateType != SftTemplate)
        {
            throw new InvalidArgumentException($"The dataset {_datasetId} has the template {version.TemplateType}; fine-tuning takes prompt and response ({SftTemplate}).");
        }

        if (version.EntityCount == 0)
        {
            throw new InvalidArgumentException($"The dataset {_datasetId} has no rows.");
        }
    }

    private async Task ReleaseAsync(DatasetVersionInfo version, ActionRun run, CancellationToken cancellationToken)
    {
        if (version.ReleaseStatus == DatasetReleaseStatus.Finished)
        {
            return;
        }

        if (version.ReleaseStatus != DatasetReleaseStatus.Running)
        {
            await _client.Datasets.ReleaseAsync(_datasetId!, cancellationToken).ConfigureAwait(false);
        }

        for (var polls = 0; ; polls++)
        {
            run.ThrowIfStopRequested();
            await run.DelayAsync(_client.Options.DatasetPoll, cancellationToken).ConfigureAwait(false);
            var now = (await InfoAsync(cancellationToken).ConfigureAwait(false)).VersionInfo;
            switch (now.ReleaseStatus)
            {
                case DatasetReleaseStatus.Finished:
                    return;
                case DatasetReleaseStatus.Running:
                case DatasetReleaseStatus.NotStarted when polls < PatientPolls:
                    break;
                default:
                    throw new InternalErrorException($"[load_dataset_action]the dataset {_datasetId} could not be released (status {(int)now.ReleaseStatus}, error {now.ReleaseErrCode})");
            }
        }
    }

    private ValueTask RunningAsync(string msg, JsonNode data, CancellationToken cancellationToken) =>
        ActionEventAsync(ActionState.Running, msg, data, cancellationToken);
}
