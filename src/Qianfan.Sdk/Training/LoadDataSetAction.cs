using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Sdk.Training;

/// <summary>Makes sure that the datasets are on the platform, imported and released.</summary>
/// <remarks>Input: none. Output: <c>{"datasets": {"sourceType": "Platform", "versions": [{"versionId": "ds-...", "samplingRate"?}], "splitRatio"?}, "corpus_config"?}</c>, or <c>sourceType</c> <c>Bos</c> with <c>versionBosUri</c>. A local file is uploaded: to our platform as it is, to the cloud through object storage in Qianfan's form. Seed: <c>qianfan.trainer.actions.LoadDataSetAction</c>.</remarks>
public sealed class LoadDataSetAction : BaseAction
{
    private readonly QianfanClient _client;
    private List<DatasetPart> _parts;
    private double? _splitRatio;
    private JsonObject? _corpus;
    private TrainMode _mode;

    /// <summary>Creates the action for one dataset.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="dataset">The rows.</param>
    /// <param name="splitRatio">Percent of the rows held out for validation, 0 to 100; when null the train config's.</param>
    /// <param name="id">Id; random when null.</param>
    /// <param name="name">Name of the action.</param>
    /// <param name="eventHandler">Hears the events.</param>
    public LoadDataSetAction(QianfanClient client, Dataset? dataset, double? splitRatio = null, string? id = null, string? name = null, IEventHandler? eventHandler = null)
        : this(client, id, name, eventHandler)
    {
        _parts = dataset is null ? [] : [new DatasetPart { Dataset = dataset, DatasetId = dataset.Id }];
        _splitRatio = splitRatio;
    }

    /// <summary>Creates the action for several datasets, paths in object storage, or another kind of training.</summary>
    /// <param name="client">The way to the platform.</param>
    /// <param name="config">What to train on.</param>
    /// <param name="trainMode">Kind of training that the rows must fit; SFT when null.</param>
    /// <param name="id">Id; random when null.</param>
    /// <param name="name">Name of the action.</param>
    /// <param name="eventHandler">Hears the events.</param>
    /// <exception cref="InvalidArgumentException">The config's parts don't fit together.</exception>
    public LoadDataSetAction(QianfanClient client, DatasetConfig config, TrainMode? trainMode = null, string? id = null, string? name = null, IEventHandler? eventHandler = null)
        : this(client, id, name, eventHandler)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Check();
        _parts = [.. config.Sources.Select(s => new DatasetPart { Dataset = s.Dataset, BosPath = s.BosPath, SamplingRate = s.SamplingRate ?? config.SamplingRate, DatasetId = s.Dataset?.Id })];
        _splitRatio = config.SplitRatio;
        _corpus = config.Corpus?.ToWire();
        _mode = trainMode ?? TrainMode.Sft;
    }

    private LoadDataSetAction(QianfanClient client, string? id, string? name, IEventHandler? eventHandler)
        : base(id, name, eventHandler, client?.Time)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _parts = [];
        _mode = TrainMode.Sft;
    }

    /// <summary>The first dataset on the platform (<c>ds-...</c>), once known.</summary>
    public string? DatasetId => DatasetIds.Count > 0 ? DatasetIds[0] : null;

    /// <summary>The datasets on the platform (<c>ds-...</c>) that are known so far, in order.</summary>
    public IReadOnlyList<string> DatasetIds => [.. _parts.Select(p => p.DatasetId).OfType<string>()];

    /// <inheritdoc/>
    protected override async Task<JsonObject> RunAsync(JsonObject input, ActionRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (_parts.Count == 0)
        {
            throw new InvalidArgumentException("There is no dataset to load.");
        }

        foreach (var part in _parts.Where(p => p.BosPath is null))
        {
            await LoadAsync(part, run, cancellationToken).ConfigureAwait(false);
        }

        var datasets = new JsonObject
        {
            ["sourceType"] = _parts[0].BosPath is null ? "Platform" : "Bos",
            ["versions"] = new JsonArray([.. _parts.Select(Version)]),
        };
        if (_splitRatio is { } ratio)
        {
            datasets["splitRatio"] = ratio;
        }

        var output = new JsonObject { ["datasets"] = datasets };
        if (_corpus is not null)
        {
            output["corpus_config"] = _corpus.DeepClone();
        }

        return output;
    }

    /// <inheritdoc/>
    protected override void ResetState()
    {
        foreach (var part in _parts)
        {
            part.File = null;
            part.DatasetId = part.Dataset?.Id;
        }
    }

    /// <inheritdoc/>
    protected override void SaveState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state["train_mode"] = _mode.Value;
        state["parts"] = new JsonArray([.. _parts.Select(p => (JsonNode)p.ToState())]);
        state["split_ratio"] = _splitRatio;
        state["corpus_config"] = _corpus?.DeepClone();
    }

    /// <inheritdoc/>
    protected override void LoadState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _mode = TrainMode.From(StateFormat.Text(state, "train_mode") ?? TrainMode.Sft.Value);
        // Version 1 knew one dataset only, and wrote it into the action.
        _parts = state["parts"] is JsonArray parts
            ? [.. parts.Select(p => DatasetPart.FromState(p as JsonObject ?? throw StateFormat.Broken("parts")))]
            : state["dataset"] is JsonObject ? [DatasetPart.FromState(state)] : [];
        _splitRatio = state["split_ratio"]?.GetValue<double>();
        _corpus = (JsonObject?)(state["corpus_config"] as JsonObject)?.DeepClone();
    }

    private static JsonNode Version(DatasetPart part)
    {
        var version = part.BosPath is null ? new JsonObject { ["versionId"] = part.DatasetId } : new JsonObject { ["versionBosUri"] = part.BosPath };
        if (part.SamplingRate is { } rate)
        {
            version["samplingRate"] = rate;
        }

        return version;
    }

    private async Task LoadAsync(DatasetPart part, ActionRun run, CancellationToken cancellationToken)
    {
        var index = _parts.IndexOf(part);
        var loading = new DatasetLoading(_client, part, _mode, index == 0 ? Id : $"{Id}/{index}", Mutate, (msg, data) => ActionEventAsync(ActionState.Running, msg, data, cancellationToken));
        await loading.RunAsync(run, cancellationToken).ConfigureAwait(false);
    }
}
