using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Brings one dataset to the platform and follows it until it is imported and released.</summary>
internal sealed class DatasetLoading
{
    private const int PatientPolls = 30;
    private readonly QianfanClient _client;
    private readonly DatasetPart _part;
    private readonly TrainMode _mode;
    private readonly string _id;
    private readonly Action<Action> _mutate;
    private readonly Func<string, JsonNode, ValueTask> _tell;

    /// <param name="client">The way to the platform.</param>
    /// <param name="part">The dataset and how far it has come.</param>
    /// <param name="mode">Kind of training that the rows must fit.</param>
    /// <param name="id">What the name on the platform is derived from.</param>
    /// <param name="mutate">Changes the part so that the action's Dumps sees all of it or nothing.</param>
    /// <param name="tell">Gives the event Running.</param>
    public DatasetLoading(QianfanClient client, DatasetPart part, TrainMode mode, string id, Action<Action> mutate, Func<string, JsonNode, ValueTask> tell)
    {
        _client = client;
        _part = part;
        _mode = mode;
        _id = id;
        _mutate = mutate;
        _tell = tell;
    }

    public async Task RunAsync(ActionRun run, CancellationToken cancellationToken)
    {
        if (_part.Dataset is { FilePath: not null, Id: null } file)
        {
            await SaveFileAsync(file, run, cancellationToken).ConfigureAwait(false);
        }

        var info = await WaitForImportAsync(run, cancellationToken).ConfigureAwait(false);
        Check(info.VersionInfo);
        await ReleaseAsync(info.VersionInfo, run, cancellationToken).ConfigureAwait(false);
    }

    private static (int Template, string Rows) Template(TrainMode mode) => mode.Value switch
    {
        "PostPretrain" => (40100, "generic text"),
        "DPO" => (2002, "prompt, chosen and rejected"),
        _ => (2000, "prompt and response"),
    };

    private async Task SaveFileAsync(Dataset dataset, ActionRun run, CancellationToken cancellationToken)
    {
        var texts = _mode == TrainMode.PostPretrain && _client.Options.PlatformExtensions;
        if (_mode != TrainMode.Sft && !texts)
        {
            throw new InvalidArgumentException($"A local file can be brought to the platform for fine-tuning with prompts and responses, and to our own platform for pre-training on texts; for training by {_mode}, name a dataset that is on the platform.");
        }

        var (template, rows) = Template(_mode);
        if (dataset.Kind != (DatasetKind)template)
        {
            throw new InvalidArgumentException($"The file {dataset.FilePath} is said to hold rows of the kind {dataset.Kind}; training by {_mode} takes {rows} ({template}).");
        }

        var name = RemoteNames.Create(dataset.Name, "dataset", _id, run.Number);
        if (_part.File is null)
        {
            var summary = await dataset.ValidateAsync(cancellationToken).ConfigureAwait(false);
            if (summary.BadRows > 0)
            {
                var first = summary.Errors[0];
                throw new InvalidArgumentException($"{summary.BadRows} of {summary.GoodRows + summary.BadRows} rows can't be used. The first is on line {first.Line}: {first.Message}");
            }

            run.ThrowIfStopRequested();
            await _tell("upload", new JsonObject { ["create"] = "upload", ["done"] = false, ["name"] = name }).ConfigureAwait(false);
            var source = await UploadAsync(dataset, name, run.IsResumed, cancellationToken).ConfigureAwait(false);
            _mutate(() => _part.File = source);
            await _tell("uploaded", new JsonObject { ["create"] = "upload", ["done"] = true, ["name"] = name, ["file"] = source }).ConfigureAwait(false);
        }

        if (_part.DatasetId is null)
        {
            run.ThrowIfStopRequested();
            await _tell("create dataset", new JsonObject { ["create"] = "dataset/create", ["done"] = false, ["name"] = name }).ConfigureAwait(false);
            var created = await CreateOnce.RunAsync(
                run.IsResumed,
                () => FindAsync(name, cancellationToken),
                async () => (await _client.Datasets.CreateAsync(new DatasetCreateRequest { Name = name, TemplateType = template, ProjectType = template / 100 }, cancellationToken).ConfigureAwait(false)).DatasetId,
                run,
                _client.Options.ConsoleRetry,
                cancellationToken).ConfigureAwait(false);
            _mutate(() => _part.DatasetId = created);
            await _tell("dataset created", new JsonObject { ["create"] = "dataset/create", ["done"] = true, ["name"] = name, ["dataset_id"] = created }).ConfigureAwait(false);
        }

        await ImportAsync(run, cancellationToken).ConfigureAwait(false);
        dataset.Saved(_part.DatasetId!);
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

    private async Task<string> UploadAsync(Dataset dataset, string name, bool mayExist, CancellationToken cancellationToken)
    {
        var fileName = name + ".jsonl";
        if (_client.Options.PlatformExtensions)
        {
            // In object storage a second upload takes the place of the first; here it would lie beside it.
            if (mayExist && (await _client.Files.ListAsync(cancellationToken).ConfigureAwait(false)).Data.FirstOrDefault(f => f.FileName == fileName) is { } found)
            {
                return found.Id;
            }

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
        await _client.Datasets.ImportAsync(new DatasetImportRequest { DatasetId = _part.DatasetId!, Files = [_part.File!] }, cancellationToken).ConfigureAwait(false);
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
                    throw new InvalidArgumentException($"The dataset {_part.DatasetId} has no rows: nothing was imported into it.");
                case DatasetImportStatus.NotStarted or DatasetImportStatus.Initialized or DatasetImportStatus.Running:
                    break;
                default:
                    var reason = string.IsNullOrEmpty(version.ImportErrorInfo) ? "" : ": " + version.ImportErrorInfo;
                    throw new InternalErrorException($"[load_dataset_action]the rows of dataset {_part.DatasetId} could not be imported (error {version.ErrCode}){reason}");
            }

            run.ThrowIfStopRequested();
            await run.DelayAsync(_client.Options.DatasetPoll, cancellationToken).ConfigureAwait(false);
        }
    }

    private Task<DatasetInfo> InfoAsync(CancellationToken cancellationToken) =>
        Outage.PatientlyAsync(_client, () => _client.Datasets.GetInfoAsync(_part.DatasetId!, cancellationToken), cancellationToken);

    private void Check(DatasetVersionInfo version)
    {
        var (template, rows) = Template(_mode);
        if (version.TemplateType != template)
        {
            throw new InvalidArgumentException($"The dataset {_part.DatasetId} has the template {version.TemplateType}; training by {_mode} takes {rows} ({template}).");
        }

        if (version.EntityCount == 0)
        {
            throw new InvalidArgumentException($"The dataset {_part.DatasetId} has no rows.");
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
            await _client.Datasets.ReleaseAsync(_part.DatasetId!, cancellationToken).ConfigureAwait(false);
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
                    throw new InternalErrorException($"[load_dataset_action]the dataset {_part.DatasetId} could not be released (status {(int)now.ReleaseStatus}, error {now.ReleaseErrCode})");
            }
        }
    }
}
