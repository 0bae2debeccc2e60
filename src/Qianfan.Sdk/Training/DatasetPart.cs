using System.Text.Json.Nodes;
using Qianfan.Sdk.Datasets;

namespace Qianfan.Sdk.Training;

/// <summary>One dataset of a <see cref="LoadDataSetAction"/> and how far it has come.</summary>
internal sealed class DatasetPart
{
    private string? _datasetId;

    public Dataset? Dataset { get; init; }

    public string? BosPath { get; init; }

    public double? SamplingRate { get; init; }

    /// <summary>Where the uploaded rows lie, once they do.</summary>
    public string? File { get; set; }

    /// <summary>The dataset on the platform, once known.</summary>
    public string? DatasetId
    {
        get => Volatile.Read(ref _datasetId);
        set => Volatile.Write(ref _datasetId, value);
    }

    public static DatasetPart FromState(JsonObject state)
    {
        Dataset? dataset = null;
        if (state["dataset"] is JsonObject written)
        {
            var (id, file) = (StateFormat.Text(written, "id"), StateFormat.Text(written, "file"));
            dataset = file is null ? Dataset.Load(id ?? throw StateFormat.Broken("dataset")) : Dataset.FromFile(file, StateFormat.Text(written, "name"), KindOf(written));
            if (file is not null && id is not null)
            {
                dataset.Saved(id);
            }
        }

        return new DatasetPart
        {
            Dataset = dataset,
            BosPath = StateFormat.Text(state, "bos_path"),
            SamplingRate = state["sampling_rate"]?.GetValue<double>(),
            File = StateFormat.Text(state, "source"),
            DatasetId = StateFormat.Text(state, "dataset_id"),
        };
    }

    private static DatasetKind KindOf(JsonObject dataset)
    {
        var kind = (DatasetKind)(dataset["kind"]?.GetValue<int>() ?? (int)DatasetKind.Conversation);
        return Enum.IsDefined(kind) ? kind : throw StateFormat.Broken("dataset");
    }

    public JsonObject ToState() => new()
    {
        ["dataset"] = Dataset is null ? null : new JsonObject { ["id"] = Dataset.Id, ["file"] = Dataset.FilePath, ["name"] = Dataset.Name, ["kind"] = Dataset.Kind == DatasetKind.Conversation ? null : (int)Dataset.Kind },
        ["bos_path"] = BosPath,
        ["sampling_rate"] = SamplingRate,
        ["source"] = File,
        ["dataset_id"] = DatasetId,
    };
}
